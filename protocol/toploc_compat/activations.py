"""From activations to the points of their chunks.

Activations are one `[tokens, hidden]` tensor or a list of tensors, one per step. Without `skip_prefill` element 0 is
the whole prefill and a chunk of its own; the others are grouped `decode_batching_size` at a time. An index counts the
elements of its chunk, row after row.

Shapes: C chunks, k points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.spec.errors import Reason
from cupel.protocol.toploc_compat.errors import InvalidActivations
from cupel.protocol.toploc_compat.selection import select_on_device, select_patterns

Activations = torch.Tensor | Sequence[torch.Tensor]
Points = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]

INFINITIES: Final = {torch.bfloat16: 0x7F80, torch.float16: 0x7C00}
"""The pattern of +infinity, for each type whose numbers have 16 bits; every larger magnitude is a NaN."""


@dataclass(frozen=True)
class Run:
    """Chunks that lie behind one another in memory."""

    flat: torch.Tensor
    chunk_elements: int

    @property
    def chunks(self) -> int:
        """How many; the last may be short."""
        return -(-self.flat.numel() // self.chunk_elements)

    @property
    def least_elements(self) -> int:
        """Elements of the last chunk."""
        return self.flat.numel() - (self.chunks - 1) * self.chunk_elements


def check_parameters(decode_batching_size: int, topk: int) -> None:
    """ValueError unless both are positive."""
    if decode_batching_size < 1 or topk < 1:
        raise ValueError(f"decode_batching_size {decode_batching_size} and topk {topk} must be positive")


def runs_of(activations: Activations, decode_batching_size: int, skip_prefill: bool) -> list[Run]:
    """All chunks in order. TypeError for anything but tensors, IndexError without the prefill."""
    first = 0 if skip_prefill else 1
    runs = [] if skip_prefill else [_run([activations[0]])]
    if isinstance(activations, torch.Tensor):
        rows = activations[first:]
        if len(rows):
            runs.append(Run(rows.reshape(-1), decode_batching_size * max(1, rows[0].numel())))
        return runs
    flat = [_flat(step) for step in activations[first:]]
    if len({step.shape for step in flat}) == 1:
        return [*runs, Run(torch.cat(flat), decode_batching_size * max(1, flat[0].numel()))]
    starts = range(0, len(flat), decode_batching_size)
    return runs + [_run(flat[start : start + decode_batching_size]) for start in starts]


def points_of(runs: Sequence[Run], topk: int, dtypes: Sequence[torch.dtype]) -> Points:
    """Indices and patterns of each chunk's points, both [C, k].

    InvalidActivations(TOPLOC_DTYPE), also if there are several types; (TOPLOC_COUNT) if a chunk has fewer than k
    elements; (TOPLOC_NON_FINITE).
    """
    parts = [_select(run, topk, dtypes) for run in runs]
    if not parts:
        return np.empty((0, topk), np.int64), np.empty((0, topk), np.uint16)
    if len({run.flat.dtype for run in runs}) > 1:
        raise InvalidActivations(Reason.TOPLOC_DTYPE, "several types")
    values = np.concatenate([value for _, value in parts])
    # Anything not finite is of the greatest magnitude, hence among the k selected.
    if ((values & 0x7FFF) >= INFINITIES[runs[0].flat.dtype]).any():
        raise InvalidActivations(Reason.TOPLOC_NON_FINITE, "an activation is infinite or not a number")
    return np.concatenate([index for index, _ in parts]), values


def flattened(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """All elements of the tensors, one after another."""
    return torch.cat([_flat(tensor) for tensor in tensors]) if len(tensors) > 1 else _flat(tensors[0])


def _flat(tensor: torch.Tensor) -> torch.Tensor:
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"activations of type {type(tensor).__name__}, not tensors")
    return tensor if tensor.dim() == 1 else tensor.reshape(-1)


def _run(tensors: Sequence[torch.Tensor]) -> Run:
    flat = flattened(tensors)
    return Run(flat, max(1, flat.numel()))


def _select(run: Run, topk: int, dtypes: Sequence[torch.dtype]) -> Points:
    if run.flat.dtype not in dtypes:
        raise InvalidActivations(Reason.TOPLOC_DTYPE, f"{run.flat.dtype}")
    if not run.chunks or run.least_elements < topk:
        elements = run.least_elements if run.chunks else 0
        raise InvalidActivations(Reason.TOPLOC_COUNT, f"a chunk of {elements} elements for {topk} points")
    flat = run.flat.detach()
    if flat.device.type != "cpu":
        return select_on_device(flat, run.chunk_elements, topk)
    return select_patterns(flat.contiguous().view(torch.uint16).numpy(), run.chunk_elements, topk)
