"""Means that a few false updates cannot move far, in exact integers: the same bits for everyone, in any order.

Clipping bounds what one update adds in total, trimming what it adds to a single coordinate. Neither tells a false
update from an honest one; they bound what slips through the checks.
    clipping      an update longer than the round's median is scaled down to it, so with fewer than half false
                  updates none is longer than the longest honest one
    trimming      without the `trimmed` lowest and highest of a coordinate, with as many false updates at most, the
                  mean lies between the least and the greatest honest value (Yin et al. 2018, arXiv 1803.01498)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco.blocks import BLOCK, MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.outer import MAX_UPDATES, MOMENTUM_FRACTION_BITS, divide, fixed_point

# A coordinate is below 2^39 (outer.py), so with a factor of at most 2^20 products stay below 2^59.
FACTOR_BITS: Final = 20
# Coordinates sorted at a time: bounds the memory to this many int64 per update.
_SLICE: Final = 1 << 16


def norm(update: Update) -> int:
    """Euclidean length of an update in units of 2^-32, rounded down; exact, in Python's integers.

    A sum of squares needs 78 bits and more, so the squares are summed per exponent first.
    """
    squares = (update.mantissas.astype(np.int64) ** 2).reshape(-1, BLOCK).sum(axis=1)
    total = 0
    for exponent in np.unique(update.exponents).tolist():
        assert exponent >= MIN_EXPONENT
        total += int(squares[update.exponents == exponent].sum()) << 2 * (exponent + MOMENTUM_FRACTION_BITS)
    return math.isqrt(total)


def median_norm(updates: Sequence[Update]) -> int:
    """The lower median of the updates' lengths, in units of 2^-32."""
    assert updates, "no updates"
    return sorted(norm(update) for update in updates)[(len(updates) - 1) // 2]


def clipped(update: Update, num_parameters: int, bound: int) -> npt.NDArray[np.int64]:
    """Coordinates of the update scaled down to length `bound` (2^-32) if it is longer: int64 [parameters], 2^-32.

    The factor is a multiple of 2^-20, rounded down, and coordinates are rounded towards zero: never longer than
    `bound`. An update more than 2^20 times too long becomes zero.
    """
    assert bound >= 0
    coordinates = fixed_point(update, num_parameters)
    length = norm(update)
    if length <= bound:
        return coordinates
    # One more than the rounded-down length is certainly not too short.
    factor = (bound << FACTOR_BITS) // (length + 1)
    scaled = np.abs(coordinates) * np.int64(factor) >> FACTOR_BITS
    return np.asarray(np.sign(coordinates) * scaled, dtype=np.int64)


def trimmed_mean(coordinates: Sequence[npt.NDArray[np.int64]], trimmed: int) -> npt.NDArray[np.int64]:
    """Mean of each coordinate without its `trimmed` lowest and highest: int64 [parameters], rounded half to even.

    `coordinates`: one int64 [parameters] in units of 2^-32 per update, more than twice `trimmed` of them.
    """
    count = len(coordinates)
    assert 0 <= 2 * trimmed < count <= MAX_UPDATES, f"{trimmed} trimmed of {count}"
    mean = np.empty_like(coordinates[0])
    for start in range(0, mean.size, _SLICE):
        window = slice(start, start + _SLICE)
        ordered = np.sort(np.stack([one[window] for one in coordinates]), axis=0)
        mean[window] = divide(ordered[trimmed : count - trimmed].sum(axis=0), count - 2 * trimmed)
    return mean


def robust_mean(updates: Sequence[Update], num_parameters: int, trimmed: int) -> npt.NDArray[np.int64]:
    """Clip to the median length, then trim: int64 [parameters] in units of 2^-32, for `outer_step`.

    With too few updates to trim as many at either end, as many as leaves one or two.
    """
    bound = median_norm(updates)
    coordinates = [clipped(update, num_parameters, bound) for update in updates]
    return trimmed_mean(coordinates, min(trimmed, (len(updates) - 1) // 2))
