"""Clipping and trimming against numbers worked out by hand."""

import math

import numpy as np
import pytest

from cupel.protocol.spec.diloco.blocks import BLOCK, Update
from cupel.protocol.spec.diloco.robust import clipped, median_norm, norm, robust_mean, trimmed_mean

UNIT = 2**12  # 2^-20 in units of 2^-32


def update(*mantissas: int, exponent: int = -20) -> Update:
    values = np.zeros(BLOCK, dtype=np.int8)
    values[: len(mantissas)] = mantissas
    return Update(values, np.array([exponent], dtype=np.int8))


def columns(*values: int) -> list[np.ndarray]:
    return [np.array([value], dtype=np.int64) for value in values]


def test_the_length_of_an_update_is_exact() -> None:
    assert norm(update(3, 4)) == 5 * UNIT
    assert norm(update()) == 0
    largest = Update(np.full(2 * BLOCK, 127, np.int8), np.array([0, -32], np.int8))
    # Squares up to 2^78 are far beyond an int64.
    assert norm(largest) == math.isqrt(32 * 127**2 * (2**64 + 1))


def test_a_long_update_is_scaled_down_and_a_short_one_kept() -> None:
    assert clipped(update(3, 4), 2, 5 * UNIT).tolist() == [3 * UNIT, 4 * UNIT]
    halved = clipped(update(60, -80), 2, 50 * UNIT)
    assert np.allclose(halved, [30 * UNIT, -40 * UNIT], rtol=2e-5)
    assert (np.abs(halved) <= [30 * UNIT, 40 * UNIT]).all()


def test_a_hopelessly_long_update_is_dropped() -> None:
    assert clipped(update(127, exponent=0), 1, 127).tolist() == [0]
    assert clipped(update(1), 1, 0).tolist() == [0]


def test_the_median_is_the_lower_one() -> None:
    assert median_norm([update(9), update(1), update(5), update(3)]) == 3 * UNIT


def test_trimming_leaves_out_both_ends_of_every_coordinate() -> None:
    assert trimmed_mean(columns(1, 100, 2, -100, 3), 1).tolist() == [2]
    assert trimmed_mean(columns(1, 2), 0).tolist() == [2]
    with pytest.raises(AssertionError):
        trimmed_mean(columns(1, 2), 1)


def test_trimming_slices_give_what_the_whole_gives() -> None:
    size = (1 << 16) + 3
    values = [np.arange(size, dtype=np.int64) * sign for sign in (3, 1, -1)]
    assert np.array_equal(trimmed_mean(values, 1), np.arange(size))


def test_a_liar_moves_the_robust_mean_no_further_than_the_honest_reach() -> None:
    honest = [update(10), update(11), update(12), update(13)]
    for lie in (update(127, exponent=0), update(-127, exponent=0)):
        mean = int(robust_mean([*honest, lie], 1, 1)[0])
        assert 10 * UNIT <= mean <= 13 * UNIT


def test_a_single_update_is_its_own_robust_mean() -> None:
    assert robust_mean([update(7)], 1, 3).tolist() == [7 * UNIT]
