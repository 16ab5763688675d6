"""A verifier's duties in an audit task, one after the other, as the hub's events make them."""

import dataclasses
from typing import Any

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.spec.task import task_id
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params
from cupel.verifier.attendance.duties import (
    AnswerRound,
    Claim,
    Exit,
    Join,
    OpenRound,
    RequestExit,
    answered_by_others,
    next_duty,
    targets_of,
)

ME, OTHER = ("0x" + digit * 20 for digit in ("0a", "0b"))
# Rounds of 100 s, committed to in their first 80; windows of 120 s and disputes of 30.
CHECKED = dataclasses.replace(
    example_params(),
    start=1000,
    round_seconds=100,
    commit_seconds=80,
    rounds=3,
    challenge_window=120,
    dispute_seconds=30,
    exit_margin=7,
)
TASK = task_id(CHAIN_ID, HUB, CHECKED)
AUDIT_PARAMS = dataclasses.replace(
    CHECKED, genesis_digest=TASK, start=1100, problems_per_round=2, group_size=1
)
AUDIT = task_id(CHAIN_ID, HUB, AUDIT_PARAMS)
JOINED = hub.Joined(AUDIT, ME, ME, ME, 6, 0)


def work(node: str, time: int, sequence: int = 0) -> hub.Committed:
    return hub.Committed(TASK, node, (time - 1000) // 100, sequence, bytes(32), bytes(32), 512, time)


def answer(node: str, round_index: int, time: int, sequence: int = 0) -> hub.Committed:
    return hub.Committed(AUDIT, node, round_index, sequence, bytes(32), b"\7" * 32, 1, time)


def ledgers(*events: object) -> tuple[TaskLedger, TaskLedger]:
    """The audit task's and the checked one's."""
    created: Any = (
        hub.TaskCreated(TASK, NODE, CHECKED, 1000),
        hub.TaskCreated(AUDIT, NODE, AUDIT_PARAMS, 1000),
        hub.Joined(TASK, NODE, NODE, NODE, 400, 0),
        hub.Joined(TASK, OTHER, OTHER, OTHER, 400, 0),
    )
    ledger = HubLedger.of((*created, *events))
    return ledger.tasks[AUDIT], ledger.tasks[TASK]


def duty(now: int, *events: object) -> object:
    return next_duty(*ledgers(*events), ME, now)


def test_joins_for_the_rounds_that_are_left() -> None:
    assert duty(900) == Join(6)
    assert duty(1150) == Join(4)
    assert duty(1399) is None


def test_answers_a_round_once_about_what_was_committed_in_the_one_before() -> None:
    opened = hub.RoundOpened(AUDIT, 0, b"\5" * 32, 1101)
    targets = (work(NODE, 1010), work(OTHER, 1099))
    events = (JOINED, *targets, work(NODE, 1100, 1))
    assert duty(1099, *events) is None
    assert duty(1100, *events) == OpenRound(0)
    due = duty(1102, *events, opened)
    assert isinstance(due, AnswerRound)
    assert [(one.node, one.time) for one in due.targets] == [(NODE, 1010), (OTHER, 1099)]
    assert duty(1102, *events, opened, answer(ME, 0, 1102)) is None
    assert duty(1180, *events, opened) is None


def test_without_a_target_no_round_is_opened() -> None:
    assert duty(1101, JOINED) is None


def test_no_more_than_is_paid_and_nobody_who_was_slashed() -> None:
    third = "0x" + "0c" * 20
    joined = hub.Joined(TASK, third, third, third, 400, 0)
    events = (joined, work(third, 1005), work(NODE, 1010), work(OTHER, 1020))
    _, checked = ledgers(*events)
    assert [one.node for one in targets_of(AUDIT_PARAMS, checked, 0)] == [third, NODE]
    _, checked = ledgers(*events, hub.Slashed(TASK, third, 3, 100, 60, 40, 1030))
    assert [one.node for one in targets_of(AUDIT_PARAMS, checked, 0)] == [NODE, OTHER]


def test_takes_pay_and_stake_home_when_all_is_final() -> None:
    said = (JOINED, work(NODE, 1010), answer(ME, 0, 1150))
    assert duty(1399, *said) is None
    claim = duty(1400, *said)
    assert isinstance(claim, Claim)
    assert [one.sequence for one in claim.batch] == [0]
    paid = (*said, hub.Claimed(AUDIT, ME, 1, 7, ME, 1))
    assert duty(1401, *paid) == RequestExit()
    asked = (*paid, hub.ExitRequested(AUDIT, ME, 1401))
    assert duty(1400 + 156, *asked) is None
    assert duty(1400 + 157, *asked) == Exit()
    assert duty(2000, *asked, hub.Exited(AUDIT, ME, ME, 100, 0, 1600)) is None
    assert duty(1400, *said, hub.Slashed(AUDIT, ME, 3, 100, 60, 40, 1200)) is None


def test_others_answers_are_examined_while_they_can_be_challenged() -> None:
    other = hub.Joined(AUDIT, OTHER, OTHER, OTHER, 6, 0)
    audit, _ = ledgers(JOINED, other, answer(ME, 0, 1110), answer(OTHER, 0, 1120))
    assert [one.node for one in answered_by_others(audit, ME, 1239)] == [OTHER]
    assert list(answered_by_others(audit, ME, 1240)) == []
    slashed = hub.Slashed(AUDIT, OTHER, 3, 100, 60, 40, 1130)
    audit, _ = ledgers(JOINED, other, answer(OTHER, 0, 1120), slashed)
    assert list(answered_by_others(audit, ME, 1131)) == []
