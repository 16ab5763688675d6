"""A node's update as blocks of eight-bit integers that share a power of two (OCP Microscaling MXINT8).

An update is the pseudo-gradient of a round, canonical weights minus the node's own, flat in canonical order (tensors
sorted by name, row-major) and zero padded to whole blocks. Coordinate j is mantissa_j * 2^(exponent of its block):
exact integers for the aggregate, and nothing a peer could fill with NaN. What rounding loses, the node keeps and adds
to its next update (error feedback).

File: safetensors with mantissas int8 [32 * blocks] and exponents int8 [blocks].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cupel.protocol.spec.errors import Reason, Rejected

BLOCK: Final = 32
# -128 is left out, so that an update and its negative are equally expressible.
MAX_MANTISSA: Final = 127
# An int64 in units of 2^-32 holds every coordinate exactly (see outer.py).
MIN_EXPONENT: Final = -32
# A coordinate of one update stays below 2^7, which no sane recipe comes near; the recipe sets the tighter bound.
MAX_EXPONENT: Final = 0
_HEADER_ALLOWANCE: Final = 1024


@dataclass(frozen=True, slots=True)
class Update:
    """A quantised pseudo-gradient: mantissas int8 [32 * blocks], exponents int8 [blocks]."""

    mantissas: npt.NDArray[np.int8]
    exponents: npt.NDArray[np.int8]


def num_blocks(num_parameters: int) -> int:
    """Blocks that hold so many coordinates."""
    return -(-num_parameters // BLOCK)


def max_update_bytes(num_parameters: int) -> int:
    """Size of the largest file that `update_from_bytes` looks at."""
    return num_blocks(num_parameters) * (BLOCK + 1) + _HEADER_ALLOWANCE


def encode_update(
    flat: npt.NDArray[np.float32], max_exponent: int, max_mantissa: int = MAX_MANTISSA
) -> tuple[Update, npt.NDArray[np.float32]]:
    """Quantise `flat` (float32 [parameters], finite) and return what the update leaves out (the same shape).

    Each block takes the smallest exponent in [MIN_EXPONENT, max_exponent] that fits its largest coordinate into
    `max_mantissa`; beyond the recipe's `max_exponent` coordinates saturate, and the excess stays in the remainder.
    """
    assert MIN_EXPONENT <= max_exponent <= MAX_EXPONENT, f"exponent bound {max_exponent}"
    assert np.isfinite(flat).all(), "training diverged: the update is not finite"
    blocks = np.zeros((num_blocks(flat.size), BLOCK), dtype=np.float64)
    blocks.reshape(-1)[: flat.size] = flat
    # peak / max_mantissa = fraction * 2^exponent with fraction in [0.5, 1); one half is a power of two itself.
    fractions, exponents = np.frexp(np.abs(blocks).max(axis=1) / max_mantissa)
    exponents = np.where(fractions > 0, exponents - (fractions == 0.5), MIN_EXPONENT)
    exponents = exponents.clip(MIN_EXPONENT, max_exponent)
    scaled = np.rint(np.ldexp(blocks, -exponents[:, None])).clip(-max_mantissa, max_mantissa)
    update = Update(scaled.astype(np.int8).reshape(-1), exponents.astype(np.int8))
    remainder = flat - decode_update(update, flat.size)
    return update, remainder


def decode_update(update: Update, num_parameters: int) -> npt.NDArray[np.float32]:
    """The update's coordinates, exactly: float32 [parameters]."""
    exponents = update.exponents.astype(np.int32)[:, None]
    values = np.ldexp(update.mantissas.reshape(-1, BLOCK).astype(np.float32), exponents)
    return values.reshape(-1)[:num_parameters]


def update_to_bytes(update: Update) -> bytes:
    """Canonical bytes of the update file."""
    return save({"mantissas": update.mantissas, "exponents": update.exponents})


def update_from_bytes(data: bytes, num_parameters: int, max_exponent: int) -> Update:
    """Inverse of `update_to_bytes`, for a peer's file.

    Rejected(SIZE) for a file larger than any valid one; Rejected(UPDATE) for anything but the canonical bytes of
    arrays of the right type and shape, for a mantissa of -128, an exponent outside [MIN_EXPONENT, max_exponent] or
    padding that is not zero.
    """
    blocks = num_blocks(num_parameters)
    if len(data) > max_update_bytes(num_parameters):
        raise Rejected(Reason.SIZE, f"update of {len(data)} bytes for {num_parameters} parameters")
    arrays = _load(data)
    update = Update(_array(arrays, "mantissas", blocks * BLOCK), _array(arrays, "exponents", blocks))
    # One update has one file: header metadata, gaps and reordering would be a place to hide things.
    if update_to_bytes(update) != data:
        raise Rejected(Reason.UPDATE, "not the canonical bytes of an update")
    if update.mantissas.min(initial=0) < -MAX_MANTISSA:
        raise Rejected(Reason.UPDATE, "a mantissa is -128")
    if (
        update.exponents.min(initial=0) < MIN_EXPONENT
        or update.exponents.max(initial=MIN_EXPONENT) > max_exponent
    ):
        raise Rejected(Reason.UPDATE, f"an exponent outside [{MIN_EXPONENT}, {max_exponent}]")
    if update.mantissas[num_parameters:].any():
        raise Rejected(Reason.UPDATE, "padding is not zero")
    return update


def _load(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Rejected(Reason.UPDATE, f"not a safetensors file: {error}") from None
    if set(arrays) != {"mantissas", "exponents"}:
        raise Rejected(Reason.UPDATE, f"arrays {sorted(arrays)}, expected exponents and mantissas")
    return arrays


def _array(arrays: dict[str, npt.NDArray[np.generic]], name: str, length: int) -> npt.NDArray[np.int8]:
    array = arrays[name]
    if array.dtype != np.int8 or array.shape != (length,):
        raise Rejected(
            Reason.UPDATE, f"{name} is {array.dtype} {list(array.shape)}, expected int8 [{length}]"
        )
    return array.astype(np.int8, copy=False)
