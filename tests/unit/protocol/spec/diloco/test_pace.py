"""Who counts, how long a round takes, and how many steps a slow node does."""

import math

import pytest

from cupel.protocol.spec.diloco.pace import (
    Counted,
    inner_steps,
    round_seconds,
    until_deadline,
    wait_for_all,
)

ARRIVALS = {"b": 9.0, "a": 10.0, "slow": 100.0}


def test_waiting_for_all_takes_as_long_as_the_slowest() -> None:
    assert wait_for_all(ARRIVALS) == Counted(("a", "b", "slow"), 100.0)
    assert wait_for_all({"gone": math.inf}).seconds == math.inf
    assert wait_for_all({}) == Counted((), 0.0)


def test_a_deadline_bounds_the_round_and_leaves_the_straggler_out() -> None:
    assert until_deadline(ARRIVALS, 20.0) == Counted(("a", "b"), 20.0)
    assert until_deadline({"gone": math.inf}, 20.0) == Counted((), 20.0)


def test_a_round_ends_early_when_everybody_is_there() -> None:
    assert until_deadline(ARRIVALS, 100.0) == Counted(("a", "b", "slow"), 100.0)
    assert until_deadline(ARRIVALS, 500.0).seconds == 100.0


def test_a_delayed_aggregate_hides_the_exchange() -> None:
    assert round_seconds(10.0, 3.0, delayed=False) == 13.0
    assert round_seconds(10.0, 3.0, delayed=True) == 10.0
    assert round_seconds(10.0, 30.0, delayed=True) == 30.0


@pytest.mark.parametrize(("speed", "steps"), [(10.0, 50), (5.0, 50), (1.9, 19), (0.01, 1)])
def test_a_slow_node_does_fewer_steps_but_never_none(speed: float, steps: int) -> None:
    assert inner_steps(speed, 10.0, 50) == steps
