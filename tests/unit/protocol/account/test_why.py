"""Every way a round of a node can stand, from the hub's events and the clock alone."""

from __future__ import annotations

import dataclasses

import pytest

from cupel.protocol.account import page
from cupel.protocol.account.why import Answer, Standing, answers
from cupel.protocol.chain.bindings import hub, structs
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.spec.jury_evidence import JuryEvidence
from cupel.protocol.testing.vectors import example_params

TASK = b"\x01" * 32
NODE, JUDGE, JURY, TOKEN, VERIFIER, DATA = (f"0x{number:040d}" for number in range(1, 7))
DEPLOYMENT = Deployment(31337, 0, "0x" + "9" * 40, TOKEN, JUDGE, JURY, DATA, "0x" + "7" * 40, "0x" + "8" * 40)
# Round r lasts from 1000 + 100 r, commitments are taken in its first 60 seconds.
PARAMS = dataclasses.replace(
    example_params(), start=1000, round_seconds=100, commit_seconds=60, rounds=4, challenge_window=120, rate=7
)
CREATED = hub.TaskCreated(TASK, NODE, PARAMS, 1000)
JOINED = hub.Joined(TASK, NODE, NODE, VERIFIER, 400, 0)


def committed(number: int, sequence: int | None = None) -> hub.Committed:
    place = number if sequence is None else sequence
    return hub.Committed(TASK, NODE, number, place, bytes(32), bytes(32), 10, 1000 + 100 * number + 50)


def challenged(sequence: int, challenge_id: int = 3, deadline: int = 1500) -> hub.Challenged:
    evidence = JuryEvidence(4, "toploc-exponent", b"\x0e" * 32).to_bytes()
    accused = structs.Challenge(TASK, NODE, sequence, JURY, VERIFIER, TOKEN, 100, 5, deadline, bytes(32))
    return hub.Challenged(challenge_id, TASK, NODE, accused, evidence, 1100)


def ask(now: int, *events: Event) -> tuple[Answer, ...]:
    logged = tuple(
        Logged(event, DEPLOYMENT.hub, 7, bytes(32), bytes([index]) * 32, index)
        for index, event in enumerate((CREATED, *events))
    )
    ledger = HubLedger()
    for one in logged:
        ledger.apply(one.event)
    task: TaskLedger = ledger.tasks[TASK]
    return answers(DEPLOYMENT, task, logged, NODE, now)


def transaction(index: int) -> str:
    return "0x" + (bytes([index]) * 32).hex()


def test_who_never_joined_has_no_rounds() -> None:
    assert ask(1010) == ()


@pytest.mark.parametrize(
    ("now", "events", "standing", "next_date"),
    [
        (1010, (), Standing.OPEN, 1060),
        (1060, (), Standing.MISSED, None),
        (1070, (committed(0),), Standing.WAITING, 1170),
        (1170, (committed(0),), Standing.CLAIMABLE, None),
        (1170, (committed(0), challenged(0)), Standing.CHALLENGED, 1500),
        (1170, (committed(0), challenged(0), hub.Resolved(3, False, 0, 1160)), Standing.CLAIMABLE, None),
        (1170, (committed(0), challenged(0), hub.Dismissed(3, 5, 1160)), Standing.CLAIMABLE, None),
        (1600, (committed(0), challenged(0), hub.Expired(3, TASK, NODE, 0, 5, 1510)), Standing.VOID, None),
        (1200, (committed(0), hub.Claimed(TASK, NODE, 10, 70, VERIFIER, 1)), Standing.PAID, None),
    ],
)
def test_a_round_stands_where_the_chain_says(
    now: int, events: tuple[Event, ...], standing: Standing, next_date: int | None
) -> None:
    first = ask(now, JOINED, *events)[0]
    assert (first.standing, first.next_date) == (standing, next_date)


def test_a_joiner_is_not_asked_for_earlier_rounds() -> None:
    joined = dataclasses.replace(JOINED, first_round=2)
    assert [one.standing for one in ask(1210, joined)] == [
        Standing.BEFORE_MEMBERSHIP,
        Standing.BEFORE_MEMBERSHIP,
        Standing.OPEN,
    ]


def test_a_challenge_holds_back_what_came_later_and_is_told_in_full() -> None:
    first, second = ask(1400, JOINED, committed(0), committed(1), challenged(0))[:2]
    assert (first.standing, second.standing) == (Standing.CHALLENGED, Standing.BLOCKED)
    assert second.next_date == 1500
    (contest,) = first.contests
    assert (contest.judge, contest.accusation, contest.rollout) == ("JuryJudge", "toploc-exponent", 4)
    assert (contest.opened_in, contest.closed_in) == (transaction(4), None)
    assert contest.document == b"\x0e" * 32


def test_a_slash_names_the_charge_and_takes_all_that_is_unpaid() -> None:
    slashed = hub.Slashed(TASK, NODE, 3, 100, 60, 40, 1240)
    claimed = hub.Claimed(TASK, NODE, 10, 70, VERIFIER, 1)
    events = (committed(0), claimed, committed(1), challenged(1), hub.Resolved(3, True, 45, 1240), slashed)
    paid, lost, later = ask(1399, JOINED, *events)[:3]
    assert (paid.standing, paid.paid_in, paid.amount) == (Standing.PAID, transaction(3), 70)
    assert lost.standing is Standing.SLASHED
    assert "toploc-exponent (commitment 1, JuryJudge)" in lost.text
    assert lost.contests[0].closed_in == transaction(6)
    assert later.standing is Standing.SLASHED


def test_answers_are_plain_values_and_a_table() -> None:
    found = ask(1400, JOINED, committed(0), committed(1), challenged(0))
    plain = page.plain_answer(found[0])
    assert (plain["amount"], plain["contests"][0]["document"]) == ("70", "0x" + "0e" * 32)
    assert plain["contests"][0]["status"] == "pending"
    # One line a round, and one for the challenge.
    assert page.answer_table(found, 1400).row_count == len(found) + 1


def test_demands_that_were_answered_take_one_line_together() -> None:
    demanded = [
        hub.Challenged(
            number, TASK, NODE, structs.Challenge(TASK, NODE, 0, DATA, VERIFIER, TOKEN, 1, 1, 9, b""), b"", 9
        )
        for number in (5, 6)
    ]
    answered = [hub.Dismissed(number, 5, 1160) for number in (5, 6)]
    found = ask(1400, JOINED, committed(0), *demanded, *answered)
    assert len(found[0].contests) == 2
    assert page.answer_table(found, 1400).row_count == len(found) + 1
    pending = ask(1400, JOINED, committed(0), *demanded, answered[0])
    assert page.answer_table(pending, 1400).row_count == len(found) + 2


def test_one_round_is_told_with_nothing_left_out() -> None:
    found = ask(1400, JOINED, committed(0), challenged(0))[0]
    (contest,) = found.contests
    measured = dataclasses.replace(contest, observed="12", allowed="4", detail="exponents")
    told = page.answer_details(dataclasses.replace(found, contests=(measured,)), 1400)
    assert told.splitlines() == [
        "round 0: challenged",
        "  why           1 open challenge(s)",
        "  units         10, 70 of the token's smallest unit",
        "  until         01-01 00:25:00 (+100 s)",
        f"  committed in  {transaction(2)}",
        "  challenge pending: toploc-exponent, rollout 4 (JuryJudge)",
        "  observed      12",
        "  allowed       4",
        "  detail        exponents",
        f"  document      0x{'0e' * 32}",
        f"  by            {VERIFIER}",
        f"  opened in     {transaction(3)}",
        "  verdict until 01-01 00:25:00 (+100 s)",
    ]


def test_a_task_in_a_few_numbers() -> None:
    ledger = HubLedger()
    for event in (CREATED, JOINED, committed(0), committed(1), hub.Claimed(TASK, NODE, 10, 70, VERIFIER, 1)):
        ledger.apply(event)
    values = page.plain_task(ledger.tasks[TASK], 1150)
    assert (values["round"], values["next_round_at"]) == ("1", 1200)
    (member,) = values["members"]
    assert (member["state"], member["units"], member["units_paid"]) == ("member", 20, 10)
    assert page.current_round(ledger.tasks[TASK], 999) == "not started"
    assert page.current_round(ledger.tasks[TASK], 1400) == "over"
    ledger.apply(hub.ExitRequested(TASK, NODE, 1300))
    assert page.plain_member(ledger.tasks[TASK], NODE)["state"] == "leaving"
    ledger.apply(hub.Slashed(TASK, NODE, 3, 100, 60, 40, 1240))
    assert page.plain_member(ledger.tasks[TASK], NODE)["state"] == "slashed"
