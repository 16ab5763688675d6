"""A node's membership as the events of the hub tell it."""

from __future__ import annotations

from cupel.node.duties import Membership, Work
from cupel.protocol.chain.ledger import TaskLedger


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
