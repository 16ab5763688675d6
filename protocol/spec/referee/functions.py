"""exp, the logistic function and the inverse root by integers: a polynomial, shifts and divisions that the EVM repeats.

Scaled by 2^30 unless said. Errors are against the real functions, in docs/referee.md and asserted by the tests.
"""

from __future__ import annotations

from math import isqrt
from typing import Final

import numpy as np

from cupel.protocol.spec.referee.fixed import ONE, Integers, divide, multiply, saturate

FUNCTION_BITS: Final = 30
FUNCTION_ONE: Final = 1 << FUNCTION_BITS
LOG2_E: Final = 1549082005
"""round(2^30 / ln 2)."""
MAX_EXPONENT: Final = 32 << 24
"""exp(-32) is below half a unit of 2^-30: from here on it is zero."""
EXP2_COEFFICIENTS: Final = (
    -11619,
    158122,
    -1425708,
    10324635,
    -59596389,
    257941162,
    -744261114,
    1073741824,
)
"""2^-f on [0, 1), from the seventh power down to the constant: Chebyshev interpolation."""
INVERSE_BITS: Final = 30


def exp_negative(distances: Integers) -> Integers:
    """exp(-d), scaled by 2^30, of d >= 0 in units of 2^-24. Off by less than 5 units."""
    capped = np.minimum(distances, MAX_EXPONENT)
    exponents = (capped * LOG2_E) >> 24
    fractions = exponents & (FUNCTION_ONE - 1)
    result = np.full_like(fractions, EXP2_COEFFICIENTS[0])
    for coefficient in EXP2_COEFFICIENTS[1:]:
        result = ((result * fractions) >> FUNCTION_BITS) + coefficient
    scaled: Integers = result >> (exponents >> FUNCTION_BITS)
    return scaled


def logistic(values: Integers) -> Integers:
    """1 / (1 + exp(-x)), scaled by 2^30, of activations."""
    decayed = exp_negative(np.abs(values))
    numerators = np.where(values >= 0, FUNCTION_ONE, decayed)
    return divide(numerators << FUNCTION_BITS, FUNCTION_ONE + decayed)


def silu(values: Integers) -> Integers:
    """x * logistic(x) of activations."""
    return multiply(values, logistic(values), FUNCTION_BITS)


def relu(values: Integers) -> Integers:
    """max(x, 0)."""
    return np.maximum(values, 0)


def inverse_root(mean_square: int) -> tuple[int, int]:
    """(i, s) with i / 2^s near 1 / sqrt(mean_square), which is in units of 2^-48 and at least 2^27.

    i is in [2^29, 2^31]; the relative error is below 2^-28. The integer root is the exact floor.
    """
    root = isqrt(mean_square << 32)
    length = root.bit_length()
    return (1 << (length + INVERSE_BITS)) // root, length + INVERSE_BITS - 40


def product(values: Integers, others: Integers) -> Integers:
    """Saturated elementwise product of activations, any equal shapes."""
    # The first factor is wide, the second below 2^39: within the bounds of `multiply`.
    return saturate(multiply(values, others, ONE.bit_length() - 1))
