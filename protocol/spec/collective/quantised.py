"""Float vectors summed exactly in few bits: every block of 32 values travels at an exponent that all members share.

First the greatest magnitude of each block decides its exponent (a maximum over the members of one byte a block), then
each member rounds its values to integers at that exponent, and the integers are summed. Rounding happens once, at
home, and what it leaves out is known there (error feedback). Nothing is rounded on the way, so the sum has the same
bits on all members, in any order and after any retry, which a quantiser that rounds at every hop cannot give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco.blocks import BLOCK, num_blocks

MIN_SHARED: Final = -126
"""Smallest exponent: of a block of zeros, and of values that round to zero."""
MAX_SHARED: Final = 40
BITS: Final = (4, 8)


@dataclass(frozen=True, slots=True)
class Quantised:
    """One member's share: mantissas [32 * blocks] in the type of the sum, and what rounding left out (float32)."""

    mantissas: npt.NDArray[Any]
    remainder: npt.NDArray[np.float32]


def max_mantissa(bits: int) -> int:
    """Greatest magnitude of an integer of so many bits, whose negative is as large."""
    assert bits in BITS
    return int(2 ** (bits - 1) - 1)


def sum_dtype(members: int, bits: int) -> str:
    """The narrowest integers that hold the sum of so many members' mantissas."""
    greatest = members * max_mantissa(bits)
    return "int8" if greatest < 2**7 else "int16" if greatest < 2**15 else "int32"


def least_exponents(values: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.int8]:
    """What a member asks for: int8 [blocks], the smallest exponents at which its values (finite) fit the bits."""
    peaks = np.abs(_blocks(values)).max(axis=1).astype(np.float64) / max_mantissa(bits)
    fractions, exponents = np.frexp(peaks)
    exponents = np.where(fractions > 0, exponents - (fractions == 0.5), MIN_SHARED)
    return exponents.clip(MIN_SHARED, MAX_SHARED).astype(np.int8)


def quantise(
    values: npt.NDArray[np.float32], exponents: npt.NDArray[np.int8], bits: int, members: int
) -> Quantised:
    """Values at the shared exponents, each at least what `least_exponents` asked for; half to even."""
    scales = np.ldexp(np.float32(1), -exponents.astype(np.int32))[:, None]
    most = max_mantissa(bits)
    mantissas = np.rint(_blocks(values) * scales).clip(-most, most).reshape(-1)
    kept = dequantise(mantissas, exponents, values.size)
    return Quantised(mantissas.astype(sum_dtype(members, bits)), values - kept)


def dequantise(
    total: npt.NDArray[Any], exponents: npt.NDArray[np.int8], size: int
) -> npt.NDArray[np.float32]:
    """Values of summed mantissas: float32 [size], exact for sums below 2^24 in magnitude."""
    scales = np.ldexp(np.float32(1), exponents.astype(np.int32))[:, None]
    return (total.reshape(-1, BLOCK).astype(np.float32) * scales).reshape(-1)[:size]


def _blocks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    blocks = np.zeros((num_blocks(values.size), BLOCK), np.float32)
    blocks.reshape(-1)[: values.size] = values
    return blocks
