"""Rollouts a second of each engine through Cupel's own loop, beside the bare engine's, in one run.

    python benchmarks/engines.py [--rows 64] [--tokens 32] [--repeats 5]

The bare loop is what a user of the engine would write: greedy decoding with a cache, no proof. Ours samples with seeded
noise, keeps the states behind every token and builds the TOPLOC proofs. Both decode the same number of tokens from the
same prompts, one after the other, several times; the medians are compared. One thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.generate import sample
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import ChunkRecorder
from cupel.protocol.model.transformers_engine import TransformersPolicy
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.spec.toploc.build import prove

_NOBODY: Final = -5
"""An end token that is never sampled: all completions have full length."""
SMALL: Final = ModelShape("cupel/tiny-transformer-v1", 64, 2, 64, 4, 192, 512)
MEDIUM: Final = dataclasses.replace(SMALL, vocabulary=4096, layers=4, width=256, heads=4, feed_forward=1024)
MODELS: Final = {
    "tiny, width 64": SMALL,
    "tiny, width 256": MEDIUM,
    "transformers/llama, width 64": dataclasses.replace(SMALL, architecture="transformers/llama"),
    "transformers/llama, width 256": dataclasses.replace(MEDIUM, architecture="transformers/llama"),
    "transformers/qwen2, width 256": dataclasses.replace(MEDIUM, architecture="transformers/qwen2"),
}


def bare_tiny(policy: Policy, prompts: torch.Tensor, count: int) -> None:
    """Greedy decoding by hand."""
    cache = policy.new_cache()
    states = policy(prompts, cache)[:, -1]
    for _ in range(count - 1):
        states = policy(policy.logits(states).argmax(dim=-1)[:, None], cache)[:, -1]


def bare_transformers(policy: Policy, prompts: torch.Tensor, count: int) -> None:
    """The package's own `generate`."""
    assert isinstance(policy, TransformersPolicy)
    policy.model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=count,
        min_new_tokens=count,
        do_sample=False,
        pad_token_id=0,
    )


def ours(
    policy: Policy, prompts: torch.Tensor, noise: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> float:
    """Sampling with proofs; the seconds of the proofs alone, selection included only as far as it waits."""
    recorder = ChunkRecorder(32 if policy.shape.width <= 64 else 8, 128)
    made = sample(policy, prompts.numpy(), noise, _NOBODY, 1.0, recorder)
    began = time.perf_counter()
    prove(recorder.finish(made.lengths))
    return time.perf_counter() - began


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    with torch.inference_mode():
        work()
    return time.perf_counter() - began


def measure(shape: ModelShape, rows: int, count: int, repeats: int) -> str:
    """A row of the table, without the model's name."""
    policy = new_policy(shape).eval()
    bare = bare_transformers if isinstance(policy, TransformersPolicy) else bare_tiny
    prompts = torch.randint(shape.vocabulary, (rows, 16))
    began = time.perf_counter()
    noise = np.stack([gumbel_noise(bytes([row % 256]) * 32, count, shape.vocabulary) for row in range(rows)])
    drawn = time.perf_counter() - began
    proofs: list[float] = []
    bare_times, our_times = [], []
    for _ in range(repeats):
        bare_times.append(seconds(lambda: bare(policy, prompts, count)))
        our_times.append(seconds(lambda: proofs.append(ours(policy, prompts, noise))))
    plain, total = statistics.median(bare_times), statistics.median(our_times) + drawn
    tokens = rows * count
    shares = f"{drawn / total:.0%} | {statistics.median(proofs) / total:.0%}"
    return f"{tokens / plain:,.0f} | {tokens / total:,.0f} | {plain / total:.2f} | {shares}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(
        f"{options.rows} prompts of 16 tokens, {options.tokens} tokens each, PyTorch {torch.__version__}.\n"
    )
    print("| model | bare, tokens a second | ours with proofs | ours / bare | noise drawn | proofs |")
    print("|---|---|---|---|---|---|")
    for name, shape in MODELS.items():
        print(f"| {name} | {measure(shape, options.rows, options.tokens, options.repeats)} |", flush=True)


if __name__ == "__main__":
    main()
