"""What every layer's attention gives for every token, before its output projection: of a decode, and of a replay.

For attention challenges (`protocol.spec.toploc.attention`). Shapes: L layers, N completions, T tokens, H width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.protocol.model.generate import Generation, generate, replay
from cupel.protocol.model.tiny import TinyPolicy

Outputs = NDArray[np.float32]


@contextmanager
def tapped(policy: TinyPolicy) -> Iterator[list[list[torch.Tensor]]]:
    """While open, every forward pass appends each layer's attention outputs [rows, tokens, H] to that layer's list."""
    kept: list[list[torch.Tensor]] = [[] for _ in policy.blocks]

    def listener(place: int) -> Any:
        return lambda _, inputs: kept[place].append(inputs[0].detach())

    handles = [
        policy.get_submodule(f"blocks.{place}.attention_out").register_forward_pre_hook(listener(place))
        for place in range(len(kept))
    ]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def generate_with_attention(
    policy: TinyPolicy, prompts: NDArray[np.int64], noise: NDArray[np.float64], eos: int, temperature: float
) -> tuple[Generation, Outputs]:
    """`generate`, and the attention outputs behind every token: float32 [L, N, T, H], zero behind the last step."""
    with tapped(policy) as kept:
        made = generate(policy, prompts, noise, eos, temperature)
    # Rollouts of one prompt share its first pass.
    rows = np.unique(prompts, axis=0, return_inverse=True)[1].reshape(-1)
    outputs = np.zeros((len(kept), *noise.shape[:2], policy.shape.width), np.float32)
    for layer, (first, *steps) in enumerate(kept):
        every = [first[torch.from_numpy(rows), -1], *(step[:, -1] for step in steps)]
        outputs[layer, :, : len(every)] = torch.stack(every, dim=1).numpy()
    return made, outputs


def replay_attention(policy: TinyPolicy, prompts: NDArray[np.int64], tokens: NDArray[np.int32]) -> Outputs:
    """The same of finished completions in one pass, [L, N, T, H]; rows behind a completion's length mean nothing."""
    with tapped(policy) as kept:
        replay(policy, prompts, tokens)
    return np.stack([layer[0][:, prompts.shape[1] - 1 :].numpy() for layer in kept])
