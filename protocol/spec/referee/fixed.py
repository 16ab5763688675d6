"""The referee's numbers: fixed-point integers, and exact sums of products that no order of addition changes.

An activation is a signed integer of 40 bits in units of 2^-24, so below 2^15 in magnitude. A weight is the canonical
integer in units of 2^-20, below 2^24 in magnitude. Every result is rounded once, half up, and saturated.

Products are summed in float64, where integers up to 2^53 are exact: whatever order, vector width or fused
multiply-add a machine uses, the sum is the integer. Activations are split as high * 2^20 + low, |high| <= 2^19,
0 <= low < 2^20, so a block of 256 products with narrow numbers (|n| <= 2^24) stays at or below 2^(20 + 24 + 8) = 2^52.
Blocks are added in int64: up to 2^10 blocks stay below 2^62.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

ACTIVATION_FRACTION_BITS: Final = 24
ACTIVATION_BITS: Final = 40
MAX_ACTIVATION: Final = 2 ** (ACTIVATION_BITS - 1) - 1
WEIGHT_FRACTION_BITS: Final = 20
MAX_NARROW: Final = 2**24
"""Bound of weights and of probabilities, whose one is 2^24."""
ONE: Final = 1 << ACTIVATION_FRACTION_BITS
BLOCK: Final = 256
"""Products of a partial sum."""
MAX_BLOCKS: Final = 2**10
SPLIT_BITS: Final = 20
_SPLIT_MASK: Final = (1 << SPLIT_BITS) - 1


def saturate(values: Integers) -> Integers:
    """Clamp to the range of an activation; any shape."""
    return np.clip(values, -MAX_ACTIVATION, MAX_ACTIVATION)


def widen(weights: npt.NDArray[np.integer]) -> Integers:
    """Weights as activations, exactly; any shape."""
    return weights.astype(np.int64) << (ACTIVATION_FRACTION_BITS - WEIGHT_FRACTION_BITS)


def multiply(values: Integers, factors: Integers, shift: Integers | int) -> Integers:
    """round(values * factors / 2^shift), not saturated.

    values: activations; factors: below 2^42 in magnitude; shift: 20 or more, at most 62; broadcast together.
    """
    half = np.int64(1) << (np.asarray(shift, dtype=np.int64) - 1)
    high, low = values >> SPLIT_BITS, values & _SPLIT_MASK
    # floor((h 2^20 + l) / 2^s) = floor((h + floor(l / 2^20)) / 2^(s - 20)).
    return (high * factors + ((low * factors + half) >> SPLIT_BITS)) >> (shift - SPLIT_BITS)


def dot(values: Integers, narrow: Integers, shift: int) -> Integers:
    """Saturated round(values @ narrow.T / 2^shift): int64 [R, C].

    values: activations [R, K]; narrow: [C, K], at most MAX_NARROW in magnitude; shift: 20 or more.
    """
    count = values.shape[1]
    assert count <= BLOCK * MAX_BLOCKS, f"{count} products"
    assert shift >= SPLIT_BITS, f"shift of {shift}"
    high, low = (values >> SPLIT_BITS).astype(np.float64), (values & _SPLIT_MASK).astype(np.float64)
    factors = narrow.astype(np.float64).T
    high_sum = np.zeros((len(values), len(narrow)), dtype=np.int64)
    low_sum = np.full_like(high_sum, 1 << (shift - 1))
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        high_sum += (high[:, block] @ factors[block]).astype(np.int64)
        low_sum += (low[:, block] @ factors[block]).astype(np.int64)
    return saturate((high_sum + (low_sum >> SPLIT_BITS)) >> (shift - SPLIT_BITS))


def dot_wide(values: Integers, others: Integers) -> Integers:
    """Saturated round(values @ others.T / 2^24) of two sets of activations, [R, K] and [C, K], K <= 256: [R, C].

    The high product stays at or below 2^(38 + 8) = 2^46, so with its shift by 16 below 2^63.
    """
    assert values.shape[1] <= BLOCK, f"{values.shape[1]} products"
    high, low = (values >> SPLIT_BITS).astype(np.float64), (values & _SPLIT_MASK).astype(np.float64)
    other_high = (others >> SPLIT_BITS).astype(np.float64).T
    other_low = (others & _SPLIT_MASK).astype(np.float64).T
    top = (high @ other_high).astype(np.int64)
    middle = (high @ other_low).astype(np.int64) + (low @ other_high).astype(np.int64)
    bottom = (low @ other_low).astype(np.int64) + (ONE >> 1)
    rest = ACTIVATION_FRACTION_BITS - SPLIT_BITS
    return saturate((top << (SPLIT_BITS - rest)) + ((middle + (bottom >> SPLIT_BITS)) >> rest))


def square_sums(values: Integers) -> list[int]:
    """Exact sum of squares of each row of [R, K], |values| <= 2^40, K <= 2^18: Python integers, up to 2^98."""
    high, low = values >> SPLIT_BITS, values & _SPLIT_MASK
    tops, middles, bottoms = (high * high).sum(axis=1), (high * low).sum(axis=1), (low * low).sum(axis=1)
    return [
        (top << (2 * SPLIT_BITS)) + (middle << (SPLIT_BITS + 1)) + bottom
        for top, middle, bottom in zip(tops.tolist(), middles.tolist(), bottoms.tolist(), strict=True)
    ]


def divide(numerators: Integers, denominators: Integers) -> Integers:
    """Quotients rounded half up, denominators positive; broadcast together."""
    return (2 * numerators + denominators) // (2 * denominators)


def to_patterns(values: Integers) -> npt.NDArray[np.uint16]:
    """bfloat16 patterns of activations, rounded to nearest, ties to even: what a TOPLOC proof speaks of."""
    magnitudes = np.abs(values)
    # float64 holds 40 bits exactly, so its exponent is the bit length.
    lengths = np.frexp(magnitudes.astype(np.float64))[1].astype(np.int64)
    shifts = np.maximum(lengths - 8, 0)
    odd = (magnitudes >> shifts) & 1
    half = np.where(shifts > 0, (np.int64(1) << np.maximum(shifts - 1, 0)) - 1 + odd, 0)
    significands = ((magnitudes + half) >> shifts) << np.maximum(8 - lengths, 0)
    # A carry to 2^8 lands in the exponent by itself.
    exponents = lengths - ACTIVATION_FRACTION_BITS + 126
    patterns = np.where(magnitudes == 0, 0, ((exponents - 1) << 7) + significands)
    return (patterns | np.where(values < 0, 0x8000, 0)).astype(np.uint16)
