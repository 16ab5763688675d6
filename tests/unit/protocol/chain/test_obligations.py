"""The hub's debts from its events: every way that money takes through it."""

from __future__ import annotations

import dataclasses

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.chain.obligations import Obligations
from cupel.protocol.testing.vectors import example_params

TASK, FOREIGN = b"\1" * 32, b"\2" * 32
NODE, PAYOUT, CHALLENGER, CREATOR, BURN = (f"0x{number:040d}" for number in range(1, 6))
PARAMS = dataclasses.replace(example_params(), rate=10, stake=100, bond=5, creator=CREATOR)
CREATED = hub.TaskCreated(TASK, CREATOR, PARAMS, 40)
JOINED = hub.Joined(TASK, NODE, NODE, PAYOUT, 8, 0)


def accused(number: int) -> hub.Challenged:
    challenge = Challenge(TASK, NODE, 0, BURN, CHALLENGER, PARAMS.token, 100, 5, 99, bytes(32))
    return hub.Challenged(number, TASK, NODE, challenge, b"", 50)


def after(*events: object) -> Obligations:
    obligations = Obligations(PARAMS.token, BURN)
    for event in events:
        obligations.apply(event)
    return obligations


def sums(obligations: Obligations) -> tuple[int, int, int, dict[str, int]]:
    held = {account: amount for account, amount in obligations.credits.items() if amount}
    return obligations.bounties, obligations.stakes, obligations.bonds, held


def test_bounty_work_pay_exit_and_refund() -> None:
    obligations = after(CREATED, hub.BountyAdded(TASK, PAYOUT, 2, 42), JOINED)
    assert sums(obligations) == (420, 100, 0, {})
    obligations.apply(hub.Claimed(TASK, NODE, 3, 30, PAYOUT, 1))
    obligations.apply(hub.Exited(TASK, NODE, NODE, 100, 5, 70))
    obligations.apply(hub.Refunded(TASK, CREATOR, 39, 390))
    assert sums(obligations) == (0, 0, 0, {PAYOUT: 30, NODE: 100, CREATOR: 390})
    obligations.apply(hub.Withdrawn(PARAMS.token, CREATOR, 390))
    assert (obligations.owed, obligations.credits[CREATOR]) == (130, 0)


def test_a_conviction_splits_the_stake() -> None:
    obligations = after(
        CREATED,
        JOINED,
        accused(1),
        hub.Slashed(TASK, NODE, 1, 100, 50, 50, 60),
        hub.Resolved(1, True, 55, 60),
    )
    assert sums(obligations) == (400, 0, 0, {CHALLENGER: 55, BURN: 50})


def test_every_other_end_of_a_challenge_moves_the_bond_alone() -> None:
    start = (CREATED, JOINED, accused(1))
    assert sums(after(*start)) == (400, 100, 5, {})
    assert sums(after(*start, hub.Resolved(1, False, 0, 60))) == (400, 100, 0, {PAYOUT: 5})
    for end in (
        hub.Dismissed(1, 5, 60),
        hub.Mooted(1, 5, 60),
        hub.Expired(1, TASK, NODE, 0, 5, 60),
    ):
        assert sums(after(*start, end)) == (400, 100, 0, {CHALLENGER: 5})


def test_other_tokens_do_not_count() -> None:
    elsewhere = dataclasses.replace(PARAMS, token=NODE)
    obligations = after(
        hub.TaskCreated(FOREIGN, CREATOR, elsewhere, 40),
        hub.Joined(FOREIGN, NODE, NODE, PAYOUT, 8, 0),
        hub.Withdrawn(NODE, CREATOR, 390),
        hub.Resolved(7, True, 55, 60),
    )
    assert (obligations.owed, sums(obligations)) == (0, (0, 0, 0, {}))
