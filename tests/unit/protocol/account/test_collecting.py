"""What is final and unchallenged can be taken home, in order, and the stake after all of it."""

from __future__ import annotations

import dataclasses

import pytest

from cupel.protocol.account.collecting import MOST_CLAIMED, claimable, exit_time
from cupel.protocol.chain.bindings import hub, structs
from cupel.protocol.chain.contract import Event
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.testing.vectors import example_params

TASK = b"\x01" * 32
NODE, JURY, TOKEN, VERIFIER = (f"0x{number:040d}" for number in range(1, 5))
PARAMS = dataclasses.replace(
    example_params(),
    start=1000,
    round_seconds=100,
    rounds=100,
    challenge_window=120,
    dispute_seconds=30,
    exit_margin=7,
)


def ledger_of(*events: Event) -> TaskLedger:
    ledger = HubLedger()
    for event in (
        hub.TaskCreated(TASK, NODE, PARAMS, 1000),
        hub.Joined(TASK, NODE, NODE, NODE, 400, 0),
        *events,
    ):
        ledger.apply(event)
    return ledger.tasks[TASK]


def committed(number: int) -> hub.Committed:
    return hub.Committed(TASK, NODE, number, number, bytes(32), bytes(32), 10, 1000 + 100 * number)


def challenged(sequence: int) -> hub.Challenged:
    accused = structs.Challenge(TASK, NODE, sequence, JURY, VERIFIER, TOKEN, 100, 5, 1500, bytes(32))
    return hub.Challenged(3, TASK, NODE, accused, b"", 1100)


def sequences(ledger: TaskLedger, now: int) -> list[int]:
    return [commitment.sequence for commitment in claimable(ledger, NODE, now)]


@pytest.mark.parametrize(("now", "expected"), [(1119, []), (1120, [0]), (1219, [0]), (1220, [0, 1])])
def test_a_commitment_is_final_when_its_window_is_over(now: int, expected: list[int]) -> None:
    assert sequences(ledger_of(committed(0), committed(1)), now) == expected


def test_a_challenge_stops_the_claim_before_it_and_a_claim_goes_on_behind_the_last() -> None:
    events = (committed(0), committed(1), committed(2), challenged(1))
    assert sequences(ledger_of(*events), 2000) == [0]
    assert sequences(ledger_of(*events, hub.Dismissed(3, 5, 1160)), 2000) == [0, 1, 2]
    assert sequences(ledger_of(*events, hub.Claimed(TASK, NODE, 10, 70, NODE, 1)), 2000) == []


def test_a_batch_is_bounded_and_the_slashed_get_nothing() -> None:
    many = tuple(committed(number) for number in range(MOST_CLAIMED + 3))
    assert sequences(ledger_of(*many), 10**6) == list(range(MOST_CLAIMED))
    assert sequences(ledger_of(*many, hub.Slashed(TASK, NODE, 3, 100, 60, 40, 1240)), 10**6) == []


def test_a_posted_checkpoint_is_passed_over_like_any_commitment() -> None:
    posted = hub.CheckpointPosted(TASK, 1, NODE, 1, b"\x0a" * 32, 1110)
    assert sequences(ledger_of(committed(0), posted, committed(2)), 2000) == [0, 1, 2]


def test_the_stake_leaves_after_the_longest_dispute() -> None:
    asked = hub.ExitRequested(TASK, NODE, 1300)
    assert exit_time(ledger_of(), NODE) is None
    assert exit_time(ledger_of(asked), NODE) == 1300 + 120 + 30 + 7
    # Who asks after the task's end has been quiet since then.
    late = hub.ExitRequested(TASK, NODE, 99_999)
    assert exit_time(ledger_of(late), NODE) == 1000 + 100 * 100 + 120 + 30 + 7
    assert exit_time(ledger_of(asked, hub.Exited(TASK, NODE, NODE, 100, 0, 1500)), NODE) is None
    assert exit_time(ledger_of(asked, hub.Slashed(TASK, NODE, 3, 100, 60, 40, 1240)), NODE) is None
