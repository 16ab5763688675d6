"""Which posting of a version counts, whatever became of its poster."""

from __future__ import annotations

import dataclasses

import pytest

from cupel.protocol.chain.bindings.structs import Challenge, ChallengeStatus
from cupel.protocol.chain.ledger import ChallengeRecord, CheckpointRecord, TaskLedger
from cupel.protocol.spec.rounds import SlashRecord
from cupel.protocol.testing.vectors import HUB, NODE, TASK, example_params

PARAMS = dataclasses.replace(example_params(), challenge_window=200)
FIRST = CheckpointRecord(1, bytes([1]) * 32, NODE, 64, 1000)
SECOND = CheckpointRecord(1, bytes([2]) * 32, HUB, 64, 1300)


def ledger_of(*posted: CheckpointRecord, slashed_at: int | None = None) -> TaskLedger:
    ledger = TaskLedger(TASK, PARAMS, posted=list(posted))
    if slashed_at is not None:
        ledger.slashes.append(SlashRecord(NODE, slashed_at))
    return ledger


def challenged(ledger: TaskLedger, status: ChallengeStatus, sequence: int = 64) -> TaskLedger:
    about = Challenge(TASK, NODE, sequence, HUB, HUB, HUB, 1000, 100, 1500, bytes(32))
    ledger.challenges[7] = ChallengeRecord(7, about, b"", 1100, status)
    return ledger


@pytest.mark.parametrize(("slashed_at", "stands"), [(None, True), (1199, False), (1200, True)])
def test_a_posting_stands_unless_its_poster_was_slashed_while_it_could_be_challenged(
    slashed_at: int | None, stands: bool
) -> None:
    ledger = ledger_of(FIRST, slashed_at=slashed_at)
    assert ledger.checkpoint(1) == (FIRST if stands else None)
    assert ledger.standing() == ((FIRST,) if stands else ())
    assert ledger.checkpoint(2) is None


@pytest.mark.parametrize("status", ChallengeStatus)
def test_a_doubt_about_it_that_nobody_resolved_is_enough(status: ChallengeStatus) -> None:
    harmless = status in (ChallengeStatus.NOT_GUILTY, ChallengeStatus.DISMISSED)
    assert (challenged(ledger_of(FIRST, slashed_at=1200), status).checkpoint(1) is FIRST) == harmless
    other = challenged(ledger_of(FIRST, slashed_at=1200), status, sequence=63)
    assert other.checkpoint(1) is FIRST


def test_nobody_posts_over_what_was_settled() -> None:
    assert ledger_of(FIRST, SECOND, slashed_at=1199).checkpoint(1) is SECOND
    assert ledger_of(FIRST, SECOND, slashed_at=1250).checkpoint(1) is FIRST


def test_what_stands_is_settled_once_nobody_can_challenge_it_or_does() -> None:
    ledger = ledger_of(FIRST)
    assert [ledger.is_settled(1, FIRST.digest, now) for now in (1199, 1200)] == [False, True]
    assert not ledger.is_settled(1, SECOND.digest, 1200)
    assert not ledger.is_settled(2, FIRST.digest, 1200)
    assert not challenged(ledger_of(FIRST), ChallengeStatus.PENDING).is_settled(1, FIRST.digest, 1200)
    assert challenged(ledger_of(FIRST), ChallengeStatus.NOT_GUILTY).is_settled(1, FIRST.digest, 1200)
    assert not ledger_of(FIRST, slashed_at=1199).is_settled(1, FIRST.digest, 1200)
