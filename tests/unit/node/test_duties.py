"""A node's next duty, situation by situation, and a walk through a whole task."""

import dataclasses
from typing import Any

import pytest

from cupel.node.duties import (
    Aggregate,
    Claim,
    Exit,
    Join,
    Membership,
    OpenRound,
    PostCheckpoint,
    RequestExit,
    Stop,
    View,
    Wait,
    Withdraw,
    Work,
    WorkRound,
    next_duty,
    turn,
)
from cupel.protocol.testing.vectors import HUB, NODE, example_params

PARAMS = dataclasses.replace(
    example_params(),
    start=1000,
    round_seconds=100,
    commit_seconds=60,
    rounds=3,
    challenge_window=50,
    dispute_seconds=40,
    exit_margin=10,
    max_staleness=1,
)
MEMBERSHIP = Membership(
    first_round=0,
    work=(),
    num_paid=0,
    lowest_challenged=None,
    exit_requested_at=None,
    exited=False,
    slashed=False,
)
DONE = (Work(1, 0, 1030), Work(2, 1, 1130), Work(3, 2, 1230), Work(4, 3, 1301))


def view(now: int, membership: Membership | None = MEMBERSHIP, **changes: Any) -> View:
    newest = changes.get("newest_version", max(0, min(3, (now - 1000) // 100)))
    base = View(
        params=PARAMS,
        now=now,
        roster=(NODE,),
        account=NODE,
        membership=membership,
        opened_rounds=frozenset({0, 1, 2}),
        checkpoints={1: b"", 2: b"", 3: b""},
        newest_version=newest,
        sound_version=newest,
        attempted_round=-1,
        credit=0,
    )
    return dataclasses.replace(base, **changes)


def member(**changes: object) -> Membership:
    return dataclasses.replace(MEMBERSHIP, **changes)


def after(**changes: object) -> Membership:
    return member(**{"work": DONE, "num_paid": 4, "exit_requested_at": 1302, **changes})


UNITS = PARAMS.units_per_round
CASES = {
    "joins for every round": (view(900, None), Join(3 * UNITS)),
    "joins late for what is left": (view(1100, None), Join(UNITS)),
    "does not join the last round": (view(1200, None), Stop("the task has no round left to join")),
    "waits for the start": (view(999), Wait()),
    "opens the round": (view(1000, opened_rounds=frozenset()), OpenRound(0)),
    "works": (view(1000), WorkRound(0, 0)),
    "works once": (view(1001, attempted_round=0), Wait()),
    "works until the deadline": (view(1059), WorkRound(0, 0)),
    "does not work past it": (view(1060), Wait()),
    "sits out rounds before its own": (view(1000, member(first_round=1)), Wait()),
    "aggregates what has ended": (view(1100, newest_version=0), Aggregate(1)),
    "aggregates before it works": (view(1205, newest_version=1), Aggregate(2)),
    "posts the checkpoint": (view(1100, checkpoints={}), PostCheckpoint(1)),
    "posts until the round is nearly over": (view(1196, checkpoints={}), PostCheckpoint(1)),
    "posts nothing that may not count when it arrives": (view(1197, checkpoints={}), Wait()),
    "posts what had to wait, in its order": (view(1300, checkpoints={1: b""}), PostCheckpoint(2)),
    "posts what it holds": (view(1300, checkpoints={}, oldest_version=2), PostCheckpoint(2)),
    "posts it in the next round": (view(1400, checkpoints={1: b"", 2: b""}), PostCheckpoint(3)),
    "works when it is posted": (view(1105), WorkRound(1, 1)),
    "works with what rests on nobody's word": (view(1105, sound_version=0), WorkRound(1, 0)),
    "risks no stake on a word": (view(1205, newest_version=2, sound_version=0), Wait()),
    "posts nothing that rests on a word": (
        view(1250, checkpoints={1: b""}, sound_version=1),
        WorkRound(2, 1),
    ),
    "is told of its slashing": (view(1105, member(slashed=True)), Stop("slashed")),
    "asks to leave once the last version is settled": (
        view(1351, member(work=DONE[:1], num_paid=1), is_settled=True),
        RequestExit(),
    ),
    "stays while its poster may be slashed": (view(1390, member(work=DONE[:1], num_paid=1)), Wait()),
    "posts again what a slashed node had posted": (
        view(1390, member(work=DONE[:1], num_paid=1), checkpoints={1: b"", 2: b""}),
        PostCheckpoint(3),
    ),
    "leaves though another version stands, when it is too late": (
        view(1500, member(work=DONE[:1], num_paid=1)),
        RequestExit(),
    ),
    "posts the last version first": (view(1300, checkpoints={1: b"", 2: b""}), PostCheckpoint(3)),
    "claims when all is final": (view(1351, after(num_paid=0)), Claim((1, 2, 3, 4))),
    "does not claim before": (view(1350, after(num_paid=0)), Wait()),
    "does not claim past a challenge": (view(1400, after(num_paid=1, lowest_challenged=3)), Wait()),
    "stays while its stake is slashable": (view(1399, after()), Wait()),
    "leaves when it is not": (view(1400, after()), Exit()),
    "does not leave unpaid": (view(1400, after(num_paid=3, lowest_challenged=4)), Wait()),
    "withdraws": (view(1402, after(exited=True), credit=5), Withdraw()),
    "stops": (view(1402, after(exited=True)), Stop("")),
}


@pytest.mark.parametrize("name", CASES)
def test_next_duty(name: str) -> None:
    situation, expected = CASES[name]
    assert next_duty(situation) == expected


def test_a_long_task_claims_in_batches() -> None:
    params = dataclasses.replace(PARAMS, rounds=40)
    work = tuple(Work(index + 1, index, 1030 + 100 * index) for index in range(16))
    situation = view(2581, member(work=work), params=params, newest_version=15, attempted_round=15)
    situation = dataclasses.replace(situation, checkpoints={15: b""})
    assert next_duty(situation) == Claim(tuple(range(1, 17)))


def test_without_a_version_to_use_nothing_comes_before_having_one() -> None:
    for now in (1010, 1110, 1299, 1499):
        assert next_duty(view(now, newest_version=-1)) == Aggregate(0)
        assert next_duty(view(now, newest_version=-1, blocked_version=0)) == Wait()


@pytest.mark.parametrize("newest", [-1, 0, 2])
def test_who_cannot_come_by_the_last_version_takes_its_stake_home_all_the_same(newest: int) -> None:
    """Its updates are gone with who kept them. Version 3 is given up at 1400, and a round later it is too late."""
    stuck = view(1499, newest_version=newest, blocked_version=newest + 1, checkpoints={})
    stuck = dataclasses.replace(stuck, oldest_version=max(newest, 0) + 1, attempted_round=2)
    member_of = member(work=DONE[:3])
    assert next_duty(dataclasses.replace(stuck, membership=member_of)) == Wait()
    stuck = dataclasses.replace(stuck, now=1500)
    assert next_duty(dataclasses.replace(stuck, membership=member_of)) == Claim((1, 2, 3))
    paid = member(work=DONE[:3], num_paid=3)
    assert next_duty(dataclasses.replace(stuck, membership=paid)) == RequestExit()
    leaving = member(work=DONE[:3], num_paid=3, exit_requested_at=1501)
    # Even while the version is asked for again.
    asking = dataclasses.replace(stuck, now=1502, blocked_version=-1)
    assert next_duty(dataclasses.replace(asking, membership=leaving)) == Exit()


def test_work_goes_on_with_a_stale_policy_within_bounds() -> None:
    blocked = view(1200, newest_version=1, blocked_version=2, checkpoints={1: b""})
    assert next_duty(blocked) == WorkRound(2, 1)
    too_far_behind = view(1200, newest_version=0, blocked_version=1, checkpoints={})
    assert next_duty(too_far_behind) == Wait()


def test_the_others_step_in_when_the_first_is_silent() -> None:
    roster = (NODE, HUB)
    first = [account for account in roster if turn(view(0, roster=roster, account=account), 0, "round") == 0]
    assert len(first) == 1
    (second,) = set(roster) - set(first)
    waiting = view(1000, roster=roster, account=second, opened_rounds=frozenset())
    assert next_duty(waiting) == Wait()
    assert next_duty(dataclasses.replace(waiting, now=1002)) == OpenRound(0)


@pytest.mark.parametrize(
    ("attested", "duty"),
    [(None, WorkRound(2, 2)), (2, WorkRound(2, 2)), (5, WorkRound(2, 2)), (1, WorkRound(2, 1)), (0, Wait())],
)
def test_who_asks_for_attestations_builds_on_attested_work_or_waits(
    attested: int | None, duty: object
) -> None:
    assert next_duty(view(1210, newest_version=2, attested_version=attested)) == duty
