"""How far a task is, from what the hub told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.rounds import round_at, round_start
from cupel.protocol.task.creator import refundable_at


@dataclass(frozen=True, slots=True)
class Progress:
    """A task at one moment of the chain's clock. Amounts in the token's smallest unit."""

    round: int | None
    """None before the first and after the last."""
    rounds: int
    is_over: bool
    """Whether the last round has ended."""
    nodes: int
    """Members that work: neither slashed nor gone."""
    slashed: int
    rollouts_committed: int
    rollouts_paid: int
    paid: int
    open_challenges: int
    newest_version: int
    refundable_at: int
    """Chain time from which what nobody earned comes back."""


def progress_of(ledger: TaskLedger, now: int) -> Progress:
    """The progress at time `now`."""
    params, present = ledger.params, ledger.roster()
    paid = sum(
        work.units
        for member in ledger.members.values()
        for work in ledger.commitments(member.node)[: member.paid]
    )
    return Progress(
        round=round_at(params, now),
        rounds=params.rounds,
        is_over=now >= round_start(params, params.rounds),
        nodes=len(present),
        slashed=sum(ledger.slashed(node) for node in ledger.members),
        rollouts_committed=sum(work.units for work in ledger.work.values()),
        rollouts_paid=paid,
        paid=paid * params.rate,
        open_challenges=sum(one.status is ChallengeStatus.PENDING for one in ledger.challenges.values()),
        newest_version=max((one.version for one in ledger.standing()), default=0),
        refundable_at=refundable_at(params),
    )
