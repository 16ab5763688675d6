"""Who counts, how long a round takes, and whether there is time for another step."""

import math

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.diloco.pace import (
    Counted,
    another_fits,
    round_seconds,
    training_seconds,
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


def test_steps_done_meanwhile_hide_the_exchange() -> None:
    assert round_seconds(10.0, 3.0, overlap=0.0) == 13.0
    assert round_seconds(10.0, 3.0, overlap=0.25) == 10.5
    assert round_seconds(10.0, 3.0, overlap=0.5) == 10.0
    assert round_seconds(10.0, 30.0, overlap=1.0) == 30.0


def test_the_time_for_training_ends_before_that_for_publishing() -> None:
    assert training_seconds(seconds_left=100.0, window_seconds=100.0) == 75.0
    assert training_seconds(seconds_left=10.0, window_seconds=100.0) == -15.0


@given(st.integers(1, 1000), st.integers(1, 10_000))
def test_at_a_constant_speed_as_many_steps_are_taken_as_fit(milliseconds: int, available: int) -> None:
    done = 1
    while another_fits(done * milliseconds, milliseconds, available):
        done += 1
    assert done == max(1, available // milliseconds)


def test_the_last_step_says_how_fast_a_machine_is_now() -> None:
    assert another_fits(spent_seconds=90.0, last_seconds=10.0, available_seconds=100.0)
    assert not another_fits(spent_seconds=90.0, last_seconds=10.1, available_seconds=100.0)
    assert not another_fits(spent_seconds=1.0, last_seconds=0.1, available_seconds=-5.0)
