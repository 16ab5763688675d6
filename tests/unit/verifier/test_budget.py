"""The budget: never overspent, no node ever safe, more worth never less likely."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cupel.verifier.budget import (
    HOUR,
    LEAST_CHANCE,
    PRIOR_LIE,
    SUSPECT_LIE,
    Bucket,
    Budget,
    chance,
    is_drawn,
    lie_odds,
)

AMOUNTS = st.floats(0.001, 1e6)


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_a_chance_is_a_probability_and_zero_only_without_means(
    worth: float, cost: float, saved: float, typical: float
) -> None:
    likely = chance(worth, cost, saved, typical)
    assert 0 <= likely <= 1
    assert (likely == 0) == (cost > saved)
    assert likely == 0 or likely >= LEAST_CHANCE


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_more_worth_or_more_means_never_make_it_less_likely(
    worth: float, more: float, cost: float, saved: float, typical: float
) -> None:
    likely = chance(worth, cost, saved, typical)
    assert chance(worth + more, cost, saved, typical) >= likely
    assert chance(worth, cost, saved + more, typical) >= likely


@given(st.binary(min_size=32, max_size=32))
def test_a_sure_thing_is_drawn_and_nothing_is_not(seed: bytes) -> None:
    assert is_drawn(seed, 1.0)
    assert not is_drawn(seed, 0.0)


@given(st.lists(st.tuples(st.integers(0, 600), st.floats(0.01, 30)), max_size=40), st.floats(1, HOUR))
def test_a_bucket_holds_at_most_an_hour(events: list[tuple[int, float]], rate: float) -> None:
    bucket, now = Bucket(rate, 0.0, 0), 0
    for wait, spent in events:
        now += wait
        bucket = bucket.at(now)
        assert bucket.saved <= rate
        bucket = bucket.spend(spent)


def test_spending_stays_within_the_budget_under_a_flood() -> None:
    """A thousand commitments an hour, each of which would cost ten seconds, and 100 seconds an hour for ten hours."""
    budget, spent, cost = Budget(100.0, first_cost=10 / 64), 0.0, 10.0
    for number in range(10_000):
        now = 1_000_000 + number * HOUR // 1000
        if budget.admits(number.to_bytes(32, "big"), 64, 100, PRIOR_LIE, now):
            budget.record(64, cost)
            spent += cost
    assert 0 < spent <= 10 * 100 + 100
    assert budget.skipped > 9_000


def test_what_is_admitted_is_paid_before_it_is_recomputed() -> None:
    """All at once, none recomputed yet, so none recorded."""
    budget = Budget(100.0, first_cost=10 / 64)
    admitted = sum(
        budget.admits(number.to_bytes(32, "big"), 64, 100, SUSPECT_LIE, 1_000_000) for number in range(1_000)
    )
    assert 0 < admitted * 10 <= 100 / 4


def test_what_costs_more_than_an_hour_is_recomputed_from_a_full_bucket() -> None:
    budget = Budget(100.0, first_cost=10.0)
    budget.admits(bytes(32), 1_000, 100, 0.0, 1_000_000)
    seeds = (number.to_bytes(32, "big") for number in range(10_000))
    assert any(budget.admits(seed, 1_000, 100, SUSPECT_LIE, 1_000_000 + HOUR) for seed in seeds)


def test_suspects_come_first_when_means_are_short() -> None:
    def share(odds: float) -> int:
        drawn = 0
        for number in range(2_000):
            if Budget(3_600.0, first_cost=1.0).admits(number.to_bytes(32, "big"), 500, 100, odds, 1_000_000):
                drawn += 1
        return drawn

    assert share(SUSPECT_LIE) > 3 * share(PRIOR_LIE) > 0


def test_without_a_budget_everything_is_recomputed() -> None:
    assert all(Budget(None).admits(bytes([n]) * 32, 64, 1, 0.0, n) for n in range(50))


def test_trust_grows_and_is_never_whole() -> None:
    odds = [lie_odds(False, passed) for passed in (0, 1, 10, 10_000)]
    assert odds == sorted(odds, reverse=True)
    assert odds[-1] > 0
    assert lie_odds(True, 10_000) == SUSPECT_LIE
