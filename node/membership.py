"""A node's membership as the events of the hub tell it."""

from __future__ import annotations

from collections.abc import Awaitable

from cupel.node.duties import Membership, Work
from cupel.protocol.chain.errors import ContractError
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.participant import Participant


def membership_of(ledger: TaskLedger, account: str) -> Membership | None:
    """What the hub says of a node; None before it joins."""
    record = ledger.members.get(account)
    if record is None:
        return None
    challenged = [challenge.sequence for challenge in ledger.pending_challenges(account)]
    return Membership(
        first_round=record.first_round,
        work=tuple(Work(c.sequence, c.round, c.time) for c in ledger.commitments(account)),
        num_paid=record.paid,
        lowest_challenged=min(challenged, default=None),
        exit_requested_at=record.exit_requested_at,
        exited=record.exited,
        slashed=ledger.slashed(account),
    )


async def unless_slashed(participant: Participant, task: bytes, duty: Awaitable[None]) -> None:
    """Carry out a duty; what the hub refuses because the node was slashed meanwhile is no error of ours."""
    try:
        await duty
    except ContractError:
        await participant.refresh()
        if not participant.ledger.tasks[task].slashed(participant.address):
            raise
