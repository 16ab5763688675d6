"""Played tasks agree with the closed forms, and money goes nowhere unseen."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.economics.payoffs import Lie, Watch, career, caught
from cupel.protocol.economics.simulation import Mix, play
from cupel.protocol.economics.terms import Economy

ECONOMY = Economy(units=16, rounds=6, open_rounds=2, stake=10.0, bond=0.5, work_cost=0.5, check_cost=0.1)
CHEAP = Lie("cheap", false_share=0.25, saving=1.0, detection=0.5)


def test_liars_fare_as_expected() -> None:
    watch = Watch(verifiers=2, audit_rate=0.3, drawn=4)
    incomes = [play(ECONOMY, Mix(0, ((CHEAP, 200),), watch), seed).nodes[0].mean for seed in range(10)]
    expected = career(ECONOMY, CHEAP, caught(ECONOMY, CHEAP, watch))
    assert statistics.mean(incomes) == pytest.approx(expected, abs=4 * statistics.stdev(incomes) / 10**0.5)


@given(st.integers(0, 2**32), st.integers(0, 4), st.integers(0, 3), st.booleans())
def test_money_is_conserved(seed: int, verifiers: int, colluding: int, friend: bool) -> None:
    lie = Lie("lie", 0.5, 0.8, 0.7, has_accomplice=friend)
    watch = Watch(verifiers, audit_rate=0.4, drawn=4)
    # With work and checks free, what all have is what the bounty paid less what was burned.
    free = Economy(16, 6, 2, 10.0, 0.5, work_cost=0.0, check_cost=0.0)
    outcome = play(free, Mix(5, ((lie, 5),), watch, 1, colluding), seed)
    total = sum(group.income for group in outcome.nodes + outcome.verifiers)
    slashed = sum(group.slashed for group in outcome.nodes)
    assert outcome.burned == pytest.approx(slashed * (free.stake - free.reward))
    assert total + outcome.burned <= 10 * free.rounds + 1e-9
    if slashed == 0:
        assert total == pytest.approx(10 * free.rounds)


@given(st.integers(0, 2**32))
def test_the_honest_are_never_slashed_and_win_false_accusations(seed: int) -> None:
    mix = Mix(4, (), Watch(2, 1.0, 16), colluding_verifiers=3)
    outcome = play(ECONOMY, mix, seed)
    honest, (_, colluding) = outcome.nodes[0], outcome.verifiers
    assert honest.slashed == 0
    assert honest.income == pytest.approx(4 * 6 * ECONOMY.honest_income + 6 * 3 * ECONOMY.bond)
    assert colluding.income == pytest.approx(-6 * 3 * ECONOMY.bond)


def test_one_seed_one_fate() -> None:
    mix = Mix(5, ((CHEAP, 5),), Watch(1, 0.5, 4))
    assert play(ECONOMY, mix, 7) == play(ECONOMY, mix, 7)
