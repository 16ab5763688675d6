"""What a verifier does next in an audit task: a pure function of what the chain says and of the clock.

As in a node's own work one duty is asked for after every block, so that a restarted verifier goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cupel.protocol.account.collecting import MOST_CLAIMED, claimable, exit_time
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.audits import target_span
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.rounds import CommittedWork, commit_deadline, round_at, round_start
from cupel.protocol.spec.task import TaskParams


@dataclass(frozen=True, slots=True)
class Join:
    """Stake, and reserve the pay of every remaining round."""

    quota: int


@dataclass(frozen=True, slots=True)
class OpenRound:
    """Have the round's rollouts drawn."""

    round: int


@dataclass(frozen=True, slots=True)
class AnswerRound:
    """Look at these targets, and commit to the answers."""

    round: int
    targets: tuple[CommittedWork, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Take the pay of final answers."""

    batch: tuple[Commitment, ...]


@dataclass(frozen=True, slots=True)
class RequestExit:
    """Start the stake's way home."""


@dataclass(frozen=True, slots=True)
class Exit:
    """Take the stake out."""


Duty = Join | OpenRound | AnswerRound | Claim | RequestExit | Exit


def next_duty(audit: TaskLedger, checked: TaskLedger, account: str, now: int) -> Duty | None:
    """The one thing to do now, if any. now: block time up to which both ledgers know everything."""
    params, member = audit.params, audit.members.get(account)
    if member is None:
        first = max(0, (now - params.start) // params.round_seconds + 1)
        remaining = params.rounds - first
        return Join(remaining * params.units_per_round) if remaining > 0 else None
    if member.exited or audit.slashed(account):
        return None
    current, over = round_at(params, now), now >= round_start(params, params.rounds)
    if current is not None and member.first_round <= current and now < commit_deadline(params, current):
        answered = any(work.node == account and work.round == current for work in audit.work.values())
        targets = targets_of(params, checked, current)
        if not answered and targets:
            if current not in audit.beacons:
                return OpenRound(current)
            return AnswerRound(current, targets)
    batch, settled = claimable(audit, account, now), member.paid == len(audit.commitments(account))
    # A claim touches a slot a batch, so it waits for the end, or for half of the ring.
    if batch and (over or len(batch) == MOST_CLAIMED):
        return Claim(batch)
    if not over:
        return None
    if member.exit_requested_at is None:
        return RequestExit()
    leaves_at = exit_time(audit, account)
    return Exit() if settled and leaves_at is not None and now >= leaves_at else None


def targets_of(audit: TaskParams, checked: TaskLedger, round_index: int) -> tuple[CommittedWork, ...]:
    """Commitments that a round is about, of nodes that were not slashed; the oldest, as many as are paid."""
    span = target_span(audit, round_index)
    found = [work for work in checked.work.values() if work.time in span and not checked.slashed(work.node)]
    return tuple(sorted(found, key=lambda work: (work.time, work.node))[: audit.units_per_round])


def answered_by_others(audit: TaskLedger, account: str, now: int) -> Iterable[CommittedWork]:
    """Commitments to answers that can still be challenged, of verifiers that were not slashed."""
    window = audit.params.challenge_window
    for work in audit.work.values():
        if work.node != account and now < work.time + window and not audit.slashed(work.node):
            yield work
