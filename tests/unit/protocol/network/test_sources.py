"""Whom to ask: fast and reliable first, liars not at all, nobody forgotten for ever."""

import random

import pytest

from cupel.protocol.network.sources import (
    FIRST_BAN_SECONDS,
    HEALING_SECONDS,
    MAX_BAN_SECONDS,
    MAX_PATIENCE_SECONDS,
    MEASURABLE_BYTES,
    MIN_PATIENCE_SECONDS,
    PRIOR_GOODPUT,
    Source,
    delivered,
    failed,
    lied,
    patience_seconds,
    ranking,
    success_at,
)

MIB = 1 << 20


class NoExploration(random.Random):
    """Ties broken in a fixed way, and no random leader."""

    def random(self) -> float:
        return 0.999


def test_a_faster_source_is_worth_more() -> None:
    fast = delivered(Source(updated=0.0), 1.0, 50 * MIB, 1.0)
    slow = delivered(Source(updated=0.0), 1.0, MIB, 1.0)
    assert slow.goodput < PRIOR_GOODPUT < fast.goodput
    assert ranking({"slow": slow, "fast": fast}, {}, 1.0, NoExploration()) == ["fast", "slow"]


def test_small_blocks_say_nothing_of_goodput() -> None:
    assert delivered(Source(updated=0.0), 1.0, MEASURABLE_BYTES - 1, 1.0).goodput == PRIOR_GOODPUT


def test_running_transfers_spread_the_load() -> None:
    same = {"one": Source(updated=0.0), "two": Source(updated=0.0)}
    assert ranking(same, {"one": 1}, 0.0, NoExploration()) == ["two", "one"]


def test_failures_cost_and_time_heals() -> None:
    source = Source(updated=0.0)
    for _ in range(10):
        source = failed(source, 0.0)
    assert source.success < 0.2
    lost = 1.0 - source.success
    assert success_at(source, HEALING_SECONDS) == pytest.approx(1.0 - lost / 2)
    assert success_at(source, 100 * HEALING_SECONDS) == pytest.approx(1.0)
    assert delivered(source, 0.0, MIB, 0.1).success > source.success
    assert ranking({"bad": source, "new": Source(updated=0.0)}, {}, 0.0, NoExploration()) == ["new", "bad"]


def test_a_liar_is_banned_twice_as_long_every_time_but_never_for_ever() -> None:
    liar, now = Source(updated=0.0), 0.0
    for lie in range(12):
        liar = lied(liar, now)
        assert liar.bad_blocks == lie + 1
        assert liar.banned_until - now == min(FIRST_BAN_SECONDS * 2**lie, MAX_BAN_SECONDS)
        assert ranking({"liar": liar}, {}, liar.banned_until - 0.1, NoExploration()) == []
        now = liar.banned_until
        assert ranking({"liar": liar}, {}, now, NoExploration()) == ["liar"]


def test_exploration_lets_the_slowest_lead_at_times_and_loses_nobody() -> None:
    sources = {
        name: Source(updated=0.0, goodput=goodput) for name, goodput in [("a", 9e7), ("b", 9e6), ("c", 9e5)]
    }
    draw = random.Random(7)
    rankings = [ranking(sources, {}, 0.0, draw) for _ in range(2000)]
    assert all(sorted(order) == ["a", "b", "c"] for order in rankings)
    leads = sum(order[0] == "c" for order in rankings) / len(rankings)
    assert 0.01 < leads < 0.07


def test_patience_follows_the_expected_time_within_bounds() -> None:
    assert patience_seconds(Source(updated=0.0), 1000) == MIN_PATIENCE_SECONDS
    assert patience_seconds(Source(updated=0.0, goodput=2.0 * MIB), MIB) == pytest.approx(2.0)
    assert patience_seconds(Source(updated=0.0, goodput=1.0), MIB) == MAX_PATIENCE_SECONDS
