"""Sequence packing: completions of different lengths share rows, and none sees another.

Attention is block-diagonal and positions start anew with every sequence, so states are those of separate rows up to
the order of float32 sums (Krell et al. 2021, arXiv 2107.02027).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cupel.protocol.model.policy import Places, Policy

_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Packing:
    """Where N sequences lie: rows and first places int64 [N], in `num_rows` rows of `capacity` places."""

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    num_rows: int
    capacity: int


def pack(lengths: npt.NDArray[np.integer], least_capacity: int) -> Packing:
    """First fit, longest first. Rows hold `least_capacity` tokens, or the longest sequence if that is longer."""
    capacity = max(least_capacity, int(lengths.max()))
    free: list[int] = []
    rows, starts = np.zeros(len(lengths), np.int64), np.zeros(len(lengths), np.int64)
    for index in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[index])
        row = next((row for row, room in enumerate(free) if room >= length), len(free))
        if row == len(free):
            free.append(capacity)
        rows[index], starts[index] = row, capacity - free[row]
        free[row] -= length
    return Packing(rows, starts, len(free), capacity)


def packed_states(
    policy: Policy, inputs: Tensor, lengths: npt.NDArray[np.integer], least_capacity: int
) -> Tensor:
    """States of N sequences, computed in shared rows: float32 [N, L, width], as `policy(inputs)` where they count.

    inputs int64 [N, L]; lengths [N] in 1 .. L. Places behind a sequence's length repeat its last state.
    """
    packing = pack(lengths, least_capacity)
    shape = (packing.num_rows, packing.capacity)
    tokens, positions = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
    owners = torch.full(shape, _NOBODY)
    for index, length in enumerate(lengths.tolist()):
        start = packing.starts[index]
        place = (packing.rows[index], slice(start, start + length))
        tokens[place], positions[place], owners[place] = inputs[index, :length], torch.arange(length), index
    states: Tensor = policy.packed(tokens, Places(positions, _visible(owners)))
    steps = torch.arange(inputs.shape[1])[None, :].minimum(
        torch.from_numpy(lengths.astype(np.int64))[:, None] - 1
    )
    return states[torch.from_numpy(packing.rows)[:, None], torch.from_numpy(packing.starts)[:, None] + steps]


def _visible(owners: Tensor) -> Tensor:
    """Which place each place may look at: bool [rows, C, C] from owners int64 [rows, C]. Unused places see each other,
    since a place that sees nothing has no state."""
    capacity = owners.shape[1]
    causal = torch.ones(capacity, capacity, dtype=torch.bool).tril()
    return (owners[:, :, None] == owners[:, None, :]) & causal
