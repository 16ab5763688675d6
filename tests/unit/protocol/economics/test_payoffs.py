"""What a lie is worth: counted by hand, by brute force, and bounded by properties."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.economics.payoffs import (
    Lie,
    Watch,
    audit_finds,
    break_even,
    career,
    caught,
    gain,
    least_liars,
    most_profitable,
    verifier_income,
)
from cupel.protocol.economics.terms import Economy

ECONOMY = Economy(units=8, rounds=3, open_rounds=1, stake=20.0, bond=1.0, work_cost=0.5, check_cost=0.1)
ALL = Lie("all", false_share=1.0, saving=1.0, detection=1.0)


@given(st.integers(1, 7), st.data(), st.sampled_from([0.0, 0.3, 1.0]))
def test_one_audit_as_counted_over_all_draws(units: int, data: st.DataObject, detection: float) -> None:
    false_units, drawn = data.draw(st.integers(1, units)), data.draw(st.integers(0, units))
    draws = list(itertools.combinations(range(units), drawn))
    missed = sum((1 - detection) ** sum(unit < false_units for unit in draw) for draw in draws) / len(draws)
    assert audit_finds(units, false_units, drawn, detection) == pytest.approx(1 - missed)


def test_large_rounds_stay_finite() -> None:
    assert audit_finds(2**20, 2**10, 2**11, 1.0) == pytest.approx(1 - (1 - 2**-10) ** 2**11, abs=1e-3)


def test_more_than_all_are_not_drawn() -> None:
    assert audit_finds(4, 1, 100, 1.0) == pytest.approx(1.0)


def test_verifiers_look_independently() -> None:
    watch = Watch(verifiers=2, audit_rate=0.5, drawn=8)
    assert caught(ECONOMY, ALL, watch) == pytest.approx(0.75)


def test_career_by_hand() -> None:
    # Caught in round 0, 1, 2 with 1/2, 1/4, 1/8: the open round is lost, earlier ones are paid; nothing is spent.
    expected = 0.5 * (0 - 20) + 0.25 * (1 - 20) + 0.125 * (2 - 20) + 0.125 * 3
    assert career(ECONOMY, ALL, 0.5) == pytest.approx(expected)
    assert career(ECONOMY, ALL, 0.0) == pytest.approx(3.0)


def test_an_accomplice_brings_the_reward_back() -> None:
    friend = Lie("friend", 1.0, 1.0, 1.0, has_accomplice=True)
    assert ECONOMY.reward == 10.0
    assert career(ECONOMY, friend, 1.0) - career(ECONOMY, ALL, 1.0) == pytest.approx(10.0)


@given(st.floats(0.01, 1.0), st.floats(0.0, 1.0), st.floats(0.05, 1.0), st.booleans(), st.floats(2.0, 100.0))
def test_lies_pay_below_the_break_even_and_not_above(
    share: float, saving: float, detection: float, friend: bool, stake: float
) -> None:
    economy = Economy(64, 5, 2, stake, 0.5, 0.6, 0.1)
    lie, watch = Lie("x", share, saving, detection, friend), Watch(1, 1.0, 16)
    rate = break_even(economy, lie, watch)
    if rate is None:
        assert gain(economy, lie, watch) > 0
        return
    assert gain(economy, lie, Watch(1, rate, 16)) <= 1e-9
    if rate > 1e-6:
        assert gain(economy, lie, Watch(1, 0.99 * rate, 16)) > 0


def test_a_stake_below_the_saving_never_deters() -> None:
    economy = Economy(8, 3, 0, stake=0.1, bond=1.0, work_cost=0.5, check_cost=0.1)
    unseen = Lie("hard to see", 1.0, 1.0, detection=0.01)
    assert break_even(economy, unseen, Watch(1, 1.0, 1)) is None


def test_the_best_share_is_the_best_of_the_small_and_the_large() -> None:
    watch = Watch(1, 0.05, 4)
    best = most_profitable(ECONOMY, ALL, watch)
    shares = [count / 8 for count in range(1, 9)]
    gains = [gain(ECONOMY, Lie("all", share, 1.0, 1.0), watch) for share in shares]
    assert gain(ECONOMY, best, watch) == pytest.approx(max(gains))


def test_a_verifier_breaks_even_at_the_least_liars() -> None:
    watch = Watch(verifiers=3, audit_rate=0.2, drawn=4)
    share = least_liars(ECONOMY, watch, ALL)
    none, one = (verifier_income(ECONOMY, watch, 1, ALL, liars) for liars in (0, 1))
    assert none < 0 < one
    assert (1 - share) * none + share * one == pytest.approx(0.0)
