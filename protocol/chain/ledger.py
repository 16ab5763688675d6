"""The hub's state as its events tell it: the one view of the chain that creator, node and verifier share.

Events are applied in chain order. After a reorganisation a new ledger is made from the events that remain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings.structs import Challenge, ChallengeStatus
from cupel.protocol.chain.errors import EventsMissing
from cupel.protocol.spec.rollout import Commitment, checkpoint_root
from cupel.protocol.spec.rounds import CommittedWork, PostRecord, SlashRecord, accepted_work
from cupel.protocol.spec.shardcast.versions import PostedVersion, TaskFacts
from cupel.protocol.spec.task import TaskParams

_HARMLESS: Final = frozenset({ChallengeStatus.NOT_GUILTY, ChallengeStatus.DISMISSED})
"""Ends of a challenge that leave what it was about as it was."""


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A node's membership."""

    node: str
    owner: str
    payout: str
    quota: int
    first_round: int
    paid: int = 0
    """Commitments the pay cursor has passed."""
    exit_requested_at: int | None = None
    exited: bool = False


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A posted digest and who answers for it."""

    version: int
    digest: bytes
    node: str
    sequence: int
    time: int


@dataclass(frozen=True, slots=True)
class ChallengeRecord:
    """A challenge and its outcome so far."""

    challenge_id: int
    challenge: Challenge
    """To be shown to the hub and the judge again."""
    evidence: bytes
    time: int
    status: ChallengeStatus = ChallengeStatus.PENDING

    @property
    def node(self) -> str:
        """The accused."""
        return self.challenge.node

    @property
    def sequence(self) -> int:
        """The accused's commitment."""
        return self.challenge.sequence

    @property
    def judge(self) -> str:
        """Who decides."""
        return self.challenge.judge

    @property
    def challenger(self) -> str:
        """Who put down the bond."""
        return self.challenge.challenger


@dataclass(slots=True)
class TaskLedger:
    """Everything the hub's events say of one task."""

    task: bytes
    params: TaskParams
    members: dict[str, MemberRecord] = field(default_factory=dict)
    beacons: dict[int, bytes] = field(default_factory=dict)
    work: dict[tuple[str, int], CommittedWork] = field(default_factory=dict)
    """Rollout commitments by node and sequence."""
    posted: list[CheckpointRecord] = field(default_factory=list)
    slashes: list[SlashRecord] = field(default_factory=list)
    challenges: dict[int, ChallengeRecord] = field(default_factory=dict)

    def slashed(self, node: str) -> bool:
        """Whether the node's membership was slashed."""
        return any(record.node == node for record in self.slashes)

    def roster(self) -> tuple[str, ...]:
        """Members that were not slashed and have not left, in address order."""
        present = (m.node for m in self.members.values() if not m.exited and not self.slashed(m.node))
        return tuple(sorted(present, key=str.lower))

    def stands(self, record: CheckpointRecord) -> bool:
        """Whether a posting counts: its poster was not slashed, or only after nobody could challenge it any more."""
        slashed_at = next((one.time for one in self.slashes if one.node == record.node), None)
        if slashed_at is None:
            return True
        in_doubt = any(
            (one.node, one.sequence) == (record.node, record.sequence) and one.status not in _HARMLESS
            for one in self.challenges.values()
        )
        return slashed_at >= record.time + self.params.challenge_window and not in_doubt

    def checkpoint(self, version: int) -> CheckpointRecord | None:
        """What stands for a version; of several postings the oldest, since one that was settled stays."""
        return next((one for one in self.posted if one.version == version and self.stands(one)), None)

    def is_settled(self, version: int, digest: bytes, now: int) -> bool:
        """Whether this stands for a version, and nobody can challenge it any more, or does."""
        record = self.checkpoint(version)
        if record is None or record.digest != digest:
            return False
        in_dispute = any(one.sequence == record.sequence for one in self.pending_challenges(record.node))
        return now >= record.time + self.params.challenge_window and not in_dispute

    def standing(self) -> tuple[CheckpointRecord, ...]:
        """What stands for each posted version, oldest version first."""
        found = (self.checkpoint(version) for version in sorted({record.version for record in self.posted}))
        return tuple(record for record in found if record is not None)

    def accepted(self, round_index: int, now: int) -> tuple[CommittedWork, ...]:
        """The commitments that make version `round_index + 1`. now: the time up to which the events are known."""
        (accepted,) = self.accepted_of(range(round_index, round_index + 1), now)
        return accepted

    def accepted_of(self, rounds: range, now: int) -> list[tuple[CommittedWork, ...]]:
        """`accepted` of each of these rounds."""
        posted = [PostRecord(record.version, record.time) for record in self.posted]
        work: dict[int, list[CommittedWork]] = {index: [] for index in rounds}
        for one in self.work.values():
            if one.round in work:
                work[one.round].append(one)
        return [accepted_work(self.params, index, work[index], self.slashes, posted, now) for index in rounds]

    def facts(self, now: int) -> TaskFacts:
        """What decides how long things are kept. now: the chain's time up to which the events are known."""
        contested = frozenset(
            (record.node, record.sequence)
            for record in self.challenges.values()
            if record.status is ChallengeStatus.PENDING
        )
        posted = tuple(
            PostedVersion(one.version, one.digest, one.time, (one.node, one.sequence) in contested)
            for one in self.standing()
        )
        gone = frozenset(node for node in self.members if node not in self.roster())
        return TaskFacts(self.params, now, tuple(self.work.values()), posted, contested, gone)

    def commitments(self, node: str) -> tuple[Commitment, ...]:
        """Every commitment of a node, posted checkpoints included, in sequence order."""
        rounds = [
            Commitment(w.sequence, w.round, w.root, w.manifest, w.units, w.time)
            for w in self.work.values()
            if w.node == node
        ]
        checkpoints = [
            Commitment(c.sequence, c.version, checkpoint_root(c.version, c.digest), c.digest, 0, c.time)
            for c in self.posted
            if c.node == node
        ]
        return tuple(sorted(rounds + checkpoints, key=lambda commitment: commitment.sequence))

    def pending_challenges(self, node: str) -> tuple[ChallengeRecord, ...]:
        """Challenges against a node that await a verdict."""
        return tuple(
            record
            for record in self.challenges.values()
            if record.node == node and record.status is ChallengeStatus.PENDING
        )

    def apply(self, event: object) -> None:
        """Take in one of the hub's events about this task; events the ledger does not need are passed over."""
        match event:
            case hub.Joined():
                self.members[event.node] = MemberRecord(
                    event.node, event.owner, event.payout, event.quota, event.first_round
                )
            case hub.RoundOpened():
                self.beacons[event.round] = event.beacon
            case hub.Committed():
                self.work[event.node, event.sequence] = CommittedWork(
                    event.node,
                    event.sequence,
                    event.round,
                    event.root,
                    event.manifest,
                    event.units,
                    event.time,
                )
            case hub.CheckpointPosted():
                self.posted.append(
                    CheckpointRecord(event.version, event.digest, event.node, event.sequence, event.time)
                )
            case hub.Slashed():
                self.slashes.append(SlashRecord(event.node, event.time))
            case hub.Claimed():
                self._update_member(event.node, paid=event.paid)
            case hub.ExitRequested():
                self._update_member(event.node, exit_requested_at=event.time)
            case hub.Exited():
                self._update_member(event.node, exited=True)
            case hub.Challenged():
                self.challenges[event.challenge_id] = ChallengeRecord(
                    event.challenge_id, event.challenge, event.evidence, event.time
                )
            case hub.Resolved():
                self._settle(
                    event.challenge_id, ChallengeStatus.GUILTY if event.guilty else ChallengeStatus.NOT_GUILTY
                )
            case hub.Dismissed():
                self._settle(event.challenge_id, ChallengeStatus.DISMISSED)
            case hub.Mooted():
                self._settle(event.challenge_id, ChallengeStatus.MOOT)
            case hub.Expired():
                self._settle(event.challenge_id, ChallengeStatus.EXPIRED)

    def _update_member(self, node: str, **changes: Any) -> None:
        self.members[node] = dataclasses.replace(self.members[node], **changes)

    def _settle(self, challenge_id: int, status: ChallengeStatus) -> None:
        self.challenges[challenge_id] = dataclasses.replace(self.challenges[challenge_id], status=status)


@dataclass(slots=True)
class HubLedger:
    """Every task of a hub, and where accounts say they can be reached."""

    tasks: dict[bytes, TaskLedger] = field(default_factory=dict)
    """In order of creation."""
    endpoints: dict[str, str] = field(default_factory=dict)
    _task_of_challenge: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[object]) -> HubLedger:
        """The state after these events, in chain order from the hub's first."""
        ledger = cls()
        for event in events:
            ledger.apply(event)
        return ledger

    def challenge(self, challenge_id: int) -> Challenge:
        """What the hub and the judge want to see of a challenge that events told of."""
        return self.tasks[self._task_of_challenge[challenge_id]].challenges[challenge_id].challenge

    def apply(self, event: object) -> None:
        """Take in one of the hub's events. EventsMissing if one that it refers to was never told."""
        try:
            self._apply(event)
        except KeyError as error:
            raise EventsMissing(
                f"{type(event).__name__} refers to something that the endpoint never told of; reading all again"
            ) from error

    def _apply(self, event: object) -> None:
        match event:
            case hub.EndpointSet():
                self.endpoints[event.account] = event.endpoint
            case hub.TaskCreated():
                self.tasks[event.task] = TaskLedger(event.task, event.params)
            case hub.Challenged():
                self._task_of_challenge[event.challenge_id] = event.task
                self.tasks[event.task].apply(event)
            case hub.Resolved() | hub.Dismissed() | hub.Mooted():
                self.tasks[self._task_of_challenge[event.challenge_id]].apply(event)
            case _:
                task = getattr(event, "task", None)
                if task in self.tasks:
                    self.tasks[task].apply(event)
