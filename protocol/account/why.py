"""Why a piece of work is paid, or not yet, or never: the one answer for each round of a node. Pure.

Everything here follows from the hub's events and the chain's clock, so two people who ask get the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.charges import charge_of
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import ChallengeRecord, MemberRecord, TaskLedger
from cupel.protocol.spec.rounds import CommittedWork, commit_deadline, round_start


class Standing(StrEnum):
    """Where a round of a node stands."""

    NOT_STARTED = "not-started"
    BEFORE_MEMBERSHIP = "before-membership"
    OPEN = "open"
    MISSED = "missed"
    WAITING = "waiting"
    CHALLENGED = "challenged"
    BLOCKED = "blocked"
    CLAIMABLE = "claimable"
    PAID = "paid"
    VOID = "void"
    SLASHED = "slashed"


@dataclass(frozen=True, slots=True)
class Contest:
    """A challenge to a commitment."""

    judge: str
    accusation: str
    rollout: int | None
    document: bytes | None
    challenger: str
    status: ChallengeStatus
    decided_by: int
    """A verdict counts before this time."""
    evidence: bytes
    """As the judge got it."""
    opened_in: str
    """Transaction."""
    closed_in: str | None
    observed: str = ""
    """As `numbers` finds it; empty where nobody tells."""
    allowed: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One round of a node. Times are the chain's, amounts in the token's smallest unit."""

    round: int
    standing: Standing
    text: str
    units: int = 0
    amount: int = 0
    sequence: int | None = None
    next_date: int | None = None
    """When the standing can change by itself, or has to be acted upon."""
    committed_in: str | None = None
    """Transaction."""
    paid_in: str | None = None
    contests: tuple[Contest, ...] = ()


def answers(
    deployment: Deployment, ledger: TaskLedger, events: Iterable[Logged[Event]], node: str, now: int
) -> tuple[Answer, ...]:
    """Every round so far of a node that joined, oldest first; () for an account that never did.

    events: those of the task, in chain order.
    """
    member = ledger.members.get(node)
    if member is None:
        return ()
    trail = _Trail(deployment, ledger, tuple(events), node, now)
    begun = min(ledger.params.rounds, max(0, (now - ledger.params.start) // ledger.params.round_seconds + 1))
    return tuple(trail.answer(member, number) for number in range(begun))


@dataclass(frozen=True, slots=True)
class _Trail:
    deployment: Deployment
    ledger: TaskLedger
    events: tuple[Logged[Event], ...]
    node: str
    now: int

    def answer(self, member: MemberRecord, number: int) -> Answer:
        work = next(
            (one for one in self.ledger.work.values() if one.node == self.node and one.round == number), None
        )
        return self._without_work(member, number) if work is None else self._of_work(member, work)

    def _without_work(self, member: MemberRecord, number: int) -> Answer:
        deadline = commit_deadline(self.ledger.params, number)
        if number < member.first_round:
            return Answer(
                number, Standing.BEFORE_MEMBERSHIP, f"joined for rounds from {member.first_round} on"
            )
        slash = self._slash()
        if slash is not None and slash.time < deadline:
            return Answer(
                number, Standing.SLASHED, "slashed before it could commit: nothing more is accepted"
            )
        if self.now < deadline:
            return Answer(number, Standing.OPEN, "no commitment yet", next_date=deadline)
        text = "nothing was committed before the deadline; the node's own log says why"
        return Answer(number, Standing.MISSED, text)

    def _of_work(self, member: MemberRecord, work: CommittedWork) -> Answer:
        standing, text, next_date = self._standing(member, work)
        return Answer(
            round=work.round,
            standing=standing,
            text=text,
            units=work.units,
            amount=work.units * self.ledger.params.rate,
            sequence=work.sequence,
            next_date=next_date,
            committed_in=self._find(
                lambda event: (
                    isinstance(event, hub.Committed)
                    and (event.node, event.sequence) == (self.node, work.sequence)
                )
            ),
            paid_in=self._claim(work.sequence) if standing is Standing.PAID else None,
            contests=tuple(self._contest(record) for record in self._records(work.sequence)),
        )

    def _standing(self, member: MemberRecord, work: CommittedWork) -> tuple[Standing, str, int | None]:
        params, slash = self.ledger.params, self._slash()
        voided = any(record.status is ChallengeStatus.EXPIRED for record in self._records(work.sequence))
        if work.sequence < member.paid and not voided:
            return Standing.PAID, f"credited to {member.payout}", None
        if slash is not None:
            charge = self._charge_behind(slash.challenge_id)
            return Standing.SLASHED, f"the membership was slashed for {charge}; its unpaid work is lost", None
        if voided:
            return (
                Standing.VOID,
                "a judge stayed silent until its deadline: no pay, and no stake is lost",
                None,
            )
        open_records = [
            record for record in self._records(work.sequence) if record.status is ChallengeStatus.PENDING
        ]
        if open_records:
            latest = max(record.challenge.deadline for record in open_records)
            return Standing.CHALLENGED, f"{len(open_records)} open challenge(s)", latest
        closes = work.time + params.challenge_window
        if self.now < closes:
            return Standing.WAITING, "can still be challenged", closes
        earlier = [
            record.challenge.deadline
            for record in self.ledger.pending_challenges(self.node)
            if record.sequence < work.sequence
        ]
        if earlier:
            return Standing.BLOCKED, "an earlier commitment is challenged; pay goes in order", max(earlier)
        return Standing.CLAIMABLE, "final: the next claim pays it", None

    def _records(self, sequence: int) -> tuple[ChallengeRecord, ...]:
        return tuple(
            record
            for record in self.ledger.challenges.values()
            if (record.node, record.sequence) == (self.node, sequence)
        )

    def _contest(self, record: ChallengeRecord) -> Contest:
        charge = charge_of(self.deployment, record.judge, record.evidence)
        opened = self._find(
            lambda event: isinstance(event, hub.Challenged) and event.challenge_id == record.challenge_id
        )
        assert opened is not None, "a challenge in the ledger was opened by an event"
        return Contest(
            judge=charge.judge,
            accusation=charge.accusation,
            rollout=charge.rollout,
            document=charge.document,
            challenger=record.challenger,
            status=record.status,
            decided_by=record.challenge.deadline,
            evidence=record.evidence,
            opened_in=opened,
            closed_in=self._find(
                lambda event: (
                    isinstance(event, hub.Resolved | hub.Dismissed | hub.Mooted | hub.Expired)
                    and event.challenge_id == record.challenge_id
                )
            ),
        )

    def _charge_behind(self, challenge_id: int) -> str:
        record = self.ledger.challenges[challenge_id]
        charge = charge_of(self.deployment, record.judge, record.evidence)
        return f"{charge.accusation} (commitment {record.sequence}, {charge.judge})"

    def _slash(self) -> hub.Slashed | None:
        for logged in self.events:
            event = logged.event
            if isinstance(event, hub.Slashed) and event.node == self.node:
                return event
        return None

    def _claim(self, sequence: int) -> str | None:
        """The transaction of the first claim whose cursor passed the sequence."""
        return self._find(
            lambda event: isinstance(event, hub.Claimed) and event.node == self.node and event.paid > sequence
        )

    def _find(self, wanted: Callable[[Event], bool]) -> str | None:
        """The transaction of the first such event."""
        for logged in self.events:
            if wanted(logged.event):
                return "0x" + logged.transaction_hash.hex()
        return None


def next_round(ledger: TaskLedger, now: int) -> int | None:
    """When the next round begins; None after the last one has."""
    params = ledger.params
    number = 0 if now < params.start else (now - params.start) // params.round_seconds + 1
    return round_start(params, number) if number < params.rounds else None
