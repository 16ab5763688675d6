"""The steps a chain executes: one output entry from opened inputs. Plain integers; twin of RefereeMath.sol.

Each step is written apart from the vectorised operators and must give the same integer. Sums longer than a block are
cut: a partial sum of at most 256 products is a step, and so is what is done with all of a row's partial sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from math import isqrt
from typing import Final

from cupel.protocol.spec.referee.fixed import (
    ACTIVATION_FRACTION_BITS,
    BLOCK,
    MAX_ACTIVATION,
    WEIGHT_FRACTION_BITS,
)
from cupel.protocol.spec.referee.functions import (
    EXP2_COEFFICIENTS,
    FUNCTION_BITS,
    FUNCTION_ONE,
    INVERSE_BITS,
    LOG2_E,
    MAX_EXPONENT,
)


class Step(IntEnum):
    """What is executed; the openings of each are the arguments of its function."""

    EMBED = 1
    PARTIAL_DOT = 2
    FINISH_DOT = 3
    ADD = 4
    MULTIPLY = 5
    MEAN = 6
    INVERSE_ROOT = 7
    NORMALISE = 8
    EXP = 9
    DIVIDE = 10
    MAX = 11
    RELU = 12
    SILU = 13
    ROTATE = 14


def execute(step: Step, openings: Sequence[Sequence[int]]) -> int:
    """The output of a step on opened lists of entries."""
    return _RULES[step](*openings)


def clamp(value: int) -> int:
    """To the range of an activation."""
    return max(-MAX_ACTIVATION, min(MAX_ACTIVATION, value))


def rounded(value: int, shift: int) -> int:
    """value / 2^shift, half up."""
    return (value + (1 << (shift - 1))) >> shift


def exp(distance: int) -> int:
    """exp(-d), scaled by 2^30, of d >= 0 in units of 2^-24."""
    exponent = (min(distance, MAX_EXPONENT) * LOG2_E) >> 24
    fraction = exponent & (FUNCTION_ONE - 1)
    result = 0
    for coefficient in EXP2_COEFFICIENTS:
        result = ((result * fraction) >> FUNCTION_BITS) + coefficient
    return result >> (exponent >> FUNCTION_BITS)


def quotient(numerator: int, denominator: int) -> int:
    """Half up; the denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def silu(value: int) -> int:
    """x times its logistic function."""
    decayed = exp(abs(value))
    numerator = FUNCTION_ONE if value >= 0 else decayed
    return rounded(value * quotient(numerator << FUNCTION_BITS, FUNCTION_ONE + decayed), FUNCTION_BITS)


def inverse_root(mean_square: int) -> int:
    """The factor and its shift as one word, factor * 2^8 + shift."""
    root = isqrt(mean_square << 32)
    length = root.bit_length()
    return ((1 << (length + INVERSE_BITS)) // root << 8) + length + INVERSE_BITS - 40


def _embed(rows: Sequence[int]) -> int:
    return clamp(sum(rows) << (ACTIVATION_FRACTION_BITS - WEIGHT_FRACTION_BITS))


def _partial_dot(values: Sequence[int], factors: Sequence[int]) -> int:
    assert len(values) <= BLOCK, f"{len(values)} products"
    return sum(value * factor for value, factor in zip(values, factors, strict=True))


def _finish_dot(partial_sums: Sequence[int], shift_and_bias: Sequence[int]) -> int:
    shift, bias = shift_and_bias
    result = clamp(rounded(sum(partial_sums), shift))
    return clamp(result + (bias << (ACTIVATION_FRACTION_BITS - WEIGHT_FRACTION_BITS)))


def _add(terms: Sequence[int]) -> int:
    return clamp(sum(terms))


def _multiply(factors: Sequence[int]) -> int:
    return clamp(rounded(factors[0] * factors[1], ACTIVATION_FRACTION_BITS))


def _mean(partial_sums: Sequence[int], count: Sequence[int]) -> int:
    return quotient(sum(partial_sums), count[0])


def _inverse_root(partial_sums: Sequence[int], count_and_epsilon: Sequence[int]) -> int:
    count, epsilon = count_and_epsilon
    return inverse_root(sum(partial_sums) // count + epsilon)


def _normalise(entry: Sequence[int], statistics: Sequence[int], affine: Sequence[int]) -> int:
    mean, word = statistics
    scale, bias = affine
    result = rounded(
        clamp(rounded((entry[0] - mean) * (word >> 8), word & 0xFF)) * scale, WEIGHT_FRACTION_BITS
    )
    return clamp(result + (bias << (ACTIVATION_FRACTION_BITS - WEIGHT_FRACTION_BITS)))


def _exp(scores: Sequence[int]) -> int:
    greatest, score = scores
    return exp(greatest - score)


def _divide(weight_and_sum: Sequence[int]) -> int:
    return quotient(weight_and_sum[0] << ACTIVATION_FRACTION_BITS, weight_and_sum[1])


def _max(entries: Sequence[int]) -> int:
    return max(entries)


def _relu(entry: Sequence[int]) -> int:
    return max(entry[0], 0)


def _silu(entry: Sequence[int]) -> int:
    return silu(entry[0])


def _rotate(pair: Sequence[int], turn: Sequence[int], is_second: Sequence[int]) -> int:
    first, second = pair
    cosine, sine = turn
    bits = ACTIVATION_FRACTION_BITS
    if is_second[0]:
        return clamp(rounded(second * cosine, bits) + rounded(first * sine, bits))
    return clamp(rounded(first * cosine, bits) - rounded(second * sine, bits))


_RULES: Final[dict[Step, Callable[..., int]]] = {
    Step.EMBED: _embed,
    Step.PARTIAL_DOT: _partial_dot,
    Step.FINISH_DOT: _finish_dot,
    Step.ADD: _add,
    Step.MULTIPLY: _multiply,
    Step.MEAN: _mean,
    Step.INVERSE_ROOT: _inverse_root,
    Step.NORMALISE: _normalise,
    Step.EXP: _exp,
    Step.DIVIDE: _divide,
    Step.MAX: _max,
    Step.RELU: _relu,
    Step.SILU: _silu,
    Step.ROTATE: _rotate,
}
