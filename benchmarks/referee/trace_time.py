"""How long a trace takes as the model grows: python benchmarks/referee/trace_time.py [shape ...]

Measures the referee on decoders of random weights, in seconds of CPU time over all threads: the arithmetic alone, and
with every row hashed. Of the large shapes one layer is run; the whole follows from the counts of `growth`.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from growth import SHAPES

from cupel.protocol.spec.referee.fixed import Integers
from cupel.protocol.spec.referee.growth import Growth, growth
from cupel.protocol.spec.referee.llama import LlamaShape, hidden_states
from cupel.protocol.spec.referee.trace import Commitment, Silent

VOCABULARY, TOKENS = 512, 32
SMALL = {
    f"{width}": LlamaShape(2, width, width // 64, max(1, width // 256), 64, 4 * width, 1_000_000, 1000)
    for width in (128, 256, 512)
}


def tensors_of(shape: LlamaShape) -> dict[str, Integers]:
    """Random weights."""
    rng = np.random.default_rng(1)
    inner, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width

    def noise(*size: int) -> Integers:
        return rng.integers(-30_000, 30_000, size, dtype=np.int64)

    tensors = {
        "model.embed_tokens.weight": noise(VOCABULARY, shape.width),
        "model.norm.weight": np.full(shape.width, 1 << 20),
    }
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        tensors |= {
            prefix + "input_layernorm.weight": np.full(shape.width, 1 << 20),
            prefix + "post_attention_layernorm.weight": np.full(shape.width, 1 << 20),
            prefix + "self_attn.q_proj.weight": noise(inner, shape.width),
            prefix + "self_attn.k_proj.weight": noise(keys, shape.width),
            prefix + "self_attn.v_proj.weight": noise(keys, shape.width),
            prefix + "self_attn.o_proj.weight": noise(shape.width, inner),
            prefix + "mlp.gate_proj.weight": noise(shape.feed_forward, shape.width),
            prefix + "mlp.up_proj.weight": noise(shape.feed_forward, shape.width),
            prefix + "mlp.down_proj.weight": noise(shape.width, shape.feed_forward),
        }
    return tensors


def seconds_of_cpu(run: Callable[[], object]) -> float:
    """Over all threads."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


def measured(shape: LlamaShape, tokens: int = TOKENS) -> tuple[float, float]:
    """CPU time of one sequence: arithmetic alone, and what hashing adds."""
    tensors = tensors_of(shape)
    sequence = np.arange(tokens) % VOCABULARY
    alone, whole = (
        seconds_of_cpu(partial(hidden_states, shape, tensors, sequence, listener))
        for listener in (Silent(), Commitment())
    )
    return alone, max(0.0, whole - alone)


def scaled(alone: float, hashing: float, run: Growth, whole: Growth) -> float:
    """Seconds of the whole: arithmetic by its multiply-adds, hashing by its bytes."""
    return alone * whole.multiply_adds / run.multiply_adds + hashing * whole.hashed_bytes / run.hashed_bytes


def main() -> None:
    """Print the table."""
    wanted = sys.argv[1:] or [*SMALL, "0.5B"]
    print(f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores; {TOKENS} tokens, CPU seconds")
    print("| shape | layers run | arithmetic | hashing | 64 tokens | 2,048 tokens | 32,768 tokens |")
    print("|---|---|---|---|---|---|---|")
    for name in wanted:
        whole = (SMALL | SHAPES)[name]
        shape = whole if name in SMALL else dataclasses.replace(whole, layers=1)
        alone, hashing = measured(shape)
        run = growth(shape, TOKENS)
        guesses = (scaled(alone, hashing, run, growth(whole, tokens)) for tokens in (64, 2_048, 32_768))
        cells = " | ".join(f"{one:,.0f}" for one in guesses)
        print(f"| {name} | {shape.layers} | {alone:.2f} | {hashing:.2f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
