"""Canonical weights: integers in a file, float32 in a policy, one exact correspondence.

The file is safetensors: every tensor of the policy as int32 in units of 2^-20, and `momentum`, the outer optimiser's
buffer, as int64 [parameters] in units of 2^-32. Flat order is tensors sorted by name, row-major.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cupel.protocol.model.layout import Layout
from cupel.protocol.spec.diloco.outer import MAX_WEIGHT, WEIGHT_FRACTION_BITS, OuterState, check_state
from cupel.protocol.spec.errors import Reason, Rejected

MOMENTUM: Final = "momentum"
_WEIGHT_SCALE: Final = 2.0**WEIGHT_FRACTION_BITS
_HEADER_BYTES_PER_TENSOR: Final = 256


def checkpoint_to_bytes(state: OuterState, layout: Layout) -> bytes:
    """Canonical bytes of a version's checkpoint file."""
    return save({**layout.split(state.weights), MOMENTUM: state.momentum})


def max_checkpoint_bytes(layout: Layout) -> int:
    """Size of the largest file that `checkpoint_from_bytes` looks at."""
    return layout.num_parameters * 12 + (len(layout.tensors) + 1) * _HEADER_BYTES_PER_TENSOR


def checkpoint_from_bytes(data: bytes, layout: Layout) -> OuterState:
    """Inverse of `checkpoint_to_bytes`, for a peer's file.

    Rejected(SIZE) for a file larger than any valid one; Rejected(CHECKPOINT) for anything but the canonical bytes of
    the layout's tensors, or for weights and momentum out of range.
    """
    names = [tensor.name for tensor in layout.tensors]
    most = max_checkpoint_bytes(layout)
    if len(data) > most:
        raise Rejected(Reason.SIZE, f"checkpoint of {len(data)} bytes, at most {most} expected")
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Rejected(Reason.CHECKPOINT, f"not a safetensors file: {error}") from None
    if set(arrays) != {*names, MOMENTUM}:
        raise Rejected(Reason.CHECKPOINT, f"wrong tensors: {sorted(set(arrays) ^ {*names, MOMENTUM})}")
    momentum = _expect(arrays[MOMENTUM], MOMENTUM, np.int64, (layout.num_parameters,))
    weights = [_expect(arrays[t.name], t.name, np.int32, t.shape).reshape(-1) for t in layout.tensors]
    state = OuterState(np.concatenate(weights), momentum.astype(np.int64, copy=False))
    # One version has one file, so that its digest identifies the weights.
    if checkpoint_to_bytes(state, layout) != data:
        raise Rejected(Reason.CHECKPOINT, "not the canonical bytes of a checkpoint")
    check_state(state)
    return state


def to_floats(weights: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Canonical weights as float32, exactly (they stay below 2^24)."""
    return weights.astype(np.float32) / np.float32(_WEIGHT_SCALE)


def from_floats(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """The nearest canonical weights, half to even, saturating below 16. Asserts that `weights` are finite."""
    assert np.isfinite(weights).all(), "weights are not finite"
    scaled = np.rint(weights.astype(np.float64) * _WEIGHT_SCALE)
    return scaled.clip(-MAX_WEIGHT, MAX_WEIGHT).astype(np.int32)


def genesis(weights: npt.NDArray[np.float32]) -> OuterState:
    """Version 0 of a task from pre-trained weights [parameters]: rounded, without momentum."""
    return OuterState(from_floats(weights), np.zeros(weights.size, dtype=np.int64))


def _expect(
    array: npt.NDArray[np.generic], name: str, dtype: type[np.generic], shape: tuple[int, ...]
) -> npt.NDArray[np.generic]:
    if array.dtype != dtype or array.shape != shape:
        found = f"{array.dtype} {list(array.shape)}"
        raise Rejected(Reason.CHECKPOINT, f"{name} is {found}, expected {np.dtype(dtype)} {list(shape)}")
    return array
