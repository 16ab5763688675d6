"""Golden vectors of the referee's steps, its commitment and a whole trace; signed numbers as words of 32 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cupel.protocol.spec.referee import llama, tree
from cupel.protocol.spec.referee.fixed import MAX_ACTIVATION, MAX_NARROW
from cupel.protocol.spec.referee.llama import LlamaShape
from cupel.protocol.spec.referee.steps import Step, execute, exp, inverse_root, silu
from cupel.protocol.spec.referee.trace import Commitment

_SHAPE = LlamaShape(1, 16, 2, 1, 8, 24, 10_000, 1000)


def referee_vectors() -> dict[str, Any]:
    """Steps at their edges and in between; the root of a small decoder's trace."""
    distances = [
        0,
        1,
        2**23,
        2**24,
        11_629_080,
        (32 << 24) - 1,
        32 << 24,
        2**40,
        *range(777, 2**29, 2**26 + 12_345),
    ]
    entries = [0, 1, -1, MAX_ACTIVATION, -MAX_ACTIVATION, *range(-(2**29), 2**29, 2**26 + 54_321)]
    squares = [2**27, 2**28 + 1, 2**48, 2**80, *(3**power for power in range(18, 50, 3))]
    return {
        "exp": {"inputs": _words(distances), "outputs": _words([exp(one) for one in distances])},
        "silu": {"inputs": _words(entries), "outputs": _words([silu(one) for one in entries])},
        "inverse_root": {
            "inputs": _words(squares),
            "outputs": _words([inverse_root(one) for one in squares]),
        },
        "dots": [_dot(count) for count in (1, 7, 8, 9, 255, 256)],
        "trace": _trace(),
    }


def _dot(count: int) -> dict[str, Any]:
    generator = np.random.default_rng(count)
    values = generator.integers(-MAX_ACTIVATION, MAX_ACTIVATION, count, endpoint=True)
    factors = generator.integers(-MAX_NARROW, MAX_NARROW, count, endpoint=True)
    return {
        "values": "0x" + tree.block_bytes(values).hex(),
        "factors": "0x" + factors.astype(">i4").tobytes().hex(),
        "sum": _word(execute(Step.PARTIAL_DOT, (values.tolist(), factors.tolist()))),
    }


def _trace() -> dict[str, Any]:
    """Of weights from a formula, so that any implementation can make them."""
    inner, keys = 16, 8
    sizes = {
        "model.embed_tokens.weight": (8, 16),
        "model.layers.0.input_layernorm.weight": (16,),
        "model.layers.0.mlp.down_proj.weight": (16, 24),
        "model.layers.0.mlp.gate_proj.weight": (24, 16),
        "model.layers.0.mlp.up_proj.weight": (24, 16),
        "model.layers.0.post_attention_layernorm.weight": (16,),
        "model.layers.0.self_attn.k_proj.weight": (keys, 16),
        "model.layers.0.self_attn.o_proj.weight": (16, inner),
        "model.layers.0.self_attn.q_proj.weight": (inner, 16),
        "model.layers.0.self_attn.v_proj.weight": (keys, 16),
        "model.norm.weight": (16,),
    }
    tensors = {
        name: (np.arange(np.prod(size)) * 2_654_435_761 % 2**32 >> 13).reshape(size) - 2**18
        for name, size in sizes.items()
    }
    commitment = Commitment()
    states = llama.hidden_states(_SHAPE, tensors, np.array([0, 7, 3, 3, 1]), commitment)
    return {
        "rows": commitment.count,
        "root": "0x" + commitment.root().hex(),
        "last_state": _words(states[-1].tolist()),
    }


def _words(values: Sequence[int]) -> list[str]:
    return [_word(value) for value in values]


def _word(value: int) -> str:
    return "0x" + value.to_bytes(32, "big", signed=True).hex()
