"""Bounds of proportions against the tables and the definition."""

from __future__ import annotations

import math

import pytest

from cupel.verifier.calibration.bounds import caught, lower_bound, upper_bound


def tail(successes: int, tries: int, chance: float) -> float:
    """P(Binomial <= successes), term by term in whole numbers."""
    return sum(
        math.comb(tries, count) * chance**count * (1 - chance) ** (tries - count)
        for count in range(successes + 1)
    )


@pytest.mark.parametrize(("successes", "tries"), [(0, 10), (1, 20), (3, 50), (19, 20), (7, 400)])
def test_the_upper_bound_is_where_the_tail_meets_the_confidence(successes: int, tries: int) -> None:
    assert tail(successes, tries, upper_bound(successes, tries)) == pytest.approx(0.05, rel=1e-9)


def test_no_success_is_the_rule_of_three() -> None:
    assert upper_bound(0, 100_000) == pytest.approx(2.9957e-5, rel=1e-4)


def test_many_tries_do_not_underflow() -> None:
    bound = upper_bound(90_000, 100_000)
    assert 0.9 < bound < 0.902


def test_all_or_none_of_few() -> None:
    assert (upper_bound(0, 0), lower_bound(0, 0)) == (1.0, 0.0)
    assert (upper_bound(5, 5), lower_bound(0, 5)) == (1.0, 0.0)


def test_bounds_mirror_each_other() -> None:
    assert lower_bound(7, 40) == pytest.approx(1 - upper_bound(33, 40))


def test_an_audit_of_many_finds_what_one_chunk_may_hide() -> None:
    one, many = caught(200, 2000, 1), caught(200, 2000, 64)
    assert one == pytest.approx(lower_bound(200, 2000))
    assert many == pytest.approx(1 - (1 - one) ** 64)
    assert caught(0, 2000, 64) == 0.0
