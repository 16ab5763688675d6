"""Rotary positions by integers: cosines and sines in units of 2^-24 that need no floating-point library.

Su et al., RoFormer (arXiv 2104.09864), pairs laid out as halves as Llama does. Series in units of 2^-160; the angle of
position p and pair i is p * base^(-i / pairs).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cupel.protocol.spec.referee.fixed import ONE, Integers, multiply, saturate

_BITS: Final = 160
_UNIT: Final = 1 << _BITS


def table(positions: int, pairs: int, base: int) -> tuple[Integers, Integers]:
    """Cosines and sines, each int64 [positions, pairs], rounded half up. base: 2 or more."""
    logarithm = _logarithm(base)
    steps = [_decay(logarithm * pair // pairs) for pair in range(pairs)]
    pairs_of = [[_circle(position * step) for step in steps] for position in range(positions)]
    both = np.array(pairs_of, dtype=np.int64).reshape(positions, pairs, 2)
    return both[..., 0], both[..., 1]


def rotate(values: Integers, cosines: Integers, sines: Integers) -> Integers:
    """Rotate the pairs (i, i + pairs) of activations [T, 2 * pairs] by tables [T, pairs]."""
    pairs = values.shape[1] // 2
    first, second = values[:, :pairs], values[:, pairs:]
    shift = ONE.bit_length() - 1
    left = multiply(first, cosines, shift) - multiply(second, sines, shift)
    right = multiply(second, cosines, shift) + multiply(first, sines, shift)
    return saturate(np.concatenate((left, right), axis=1))


def _logarithm(number: int) -> int:
    """ln of an integer: halvings times ln 2 plus 2 artanh((m - 1) / (m + 1)) of what is left in [1, 2)."""
    halvings = number.bit_length() - 1
    rest = (number << _BITS) >> halvings
    return halvings * _twice_artanh(_UNIT // 3) + _twice_artanh(((rest - _UNIT) << _BITS) // (rest + _UNIT))


def _twice_artanh(ratio: int) -> int:
    total, power, order = 0, ratio, 1
    square = ratio * ratio >> _BITS
    while power:
        total += power // order
        power = power * square >> _BITS
        order += 2
    return 2 * total


def _decay(exponent: int) -> int:
    """exp(-x) of x >= 0: the series of exp(x / 2^k), inverted and squared back."""
    halvings = max(0, exponent.bit_length() - _BITS + 1)
    term, total, order = _UNIT, _UNIT, 1
    while term:
        term = (term * (exponent >> halvings) >> _BITS) // order
        total += term
        order += 1
    result = (_UNIT << _BITS) // total
    for _ in range(halvings):
        result = result * result >> _BITS
    return result


def _circle(angle: int) -> tuple[int, int]:
    """Cosine and sine in units of 2^-24 of an angle >= 0: Taylor series after whole turns are taken away."""
    angle %= 2 * _PI
    cosine, sine, term, order = 0, 0, _UNIT, 0
    while term:
        sign = -1 if order & 2 else 1
        if order & 1:
            sine += sign * term
        else:
            cosine += sign * term
        order += 1
        term = (term * angle >> _BITS) // order
    shift = _BITS - (ONE.bit_length() - 1)
    half = 1 << (shift - 1)
    return (cosine + half) >> shift, (sine + half) >> shift


def _arctangent_of_inverse(number: int) -> int:
    total, power, order = 0, _UNIT // number, 1
    while power:
        total += power // order if order & 2 == 0 else -(power // order)
        power //= number * number
        order += 2
    return total


_PI: Final = 4 * (4 * _arctangent_of_inverse(5) - _arctangent_of_inverse(239))
"""Machin's formula."""
