"""Time is the chain's: a round is a span of block timestamps, so nobody coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.task import TaskParams


def round_start(params: TaskParams, round_index: int) -> int:
    """Timestamp at which a round begins (and the one before it ends)."""
    return params.start + round_index * params.round_seconds


def commit_deadline(params: TaskParams, round_index: int) -> int:
    """First timestamp at which a commitment of the round is too late."""
    return round_start(params, round_index) + params.commit_seconds


def round_at(params: TaskParams, now: int) -> int | None:
    """The round that `now` lies in, or None before the first and after the last."""
    if now < params.start:
        return None
    index = (now - params.start) // params.round_seconds
    return index if index < params.rounds else None


def oldest_policy_version(params: TaskParams, round_index: int) -> int:
    """Oldest canonical version whose rollouts a round accepts."""
    return max(0, round_index - params.max_staleness)


def refused_policy(params: TaskParams, round_index: int, version: int) -> Rejected | None:
    """Why a round refuses rollouts of a policy version, or None: Rejected(POLICY_VERSION) for one too old, and for one
    that did not exist when the round began. The node's trainer, verifiers and the chain's judge ask the same."""
    oldest = oldest_policy_version(params, round_index)
    if oldest <= version <= round_index:
        return None
    detail = f"policy version {version}, round {round_index} accepts {oldest} to {round_index}"
    return Rejected(Reason.POLICY_VERSION, detail)


@dataclass(frozen=True, slots=True)
class CommittedWork:
    """A rollout commitment as the chain's events tell it."""

    node: str
    sequence: int
    round: int
    root: bytes
    manifest: bytes
    units: int
    time: int


def commitment_of(work: CommittedWork) -> Commitment:
    """A commitment as the hub hashed it into its ring."""
    return Commitment(work.sequence, work.round, work.root, work.manifest, work.units, work.time)


@dataclass(frozen=True, slots=True)
class SlashRecord:
    """A slashing as the chain's events tell it."""

    node: str
    time: int


@dataclass(frozen=True, slots=True)
class PostRecord:
    """A posted version as the chain's events tell it, whoever posted it and whatever became of that node."""

    version: int
    time: int


def decided_at(params: TaskParams, round_index: int, posted: Iterable[PostRecord], now: int) -> int:
    """Beginning of the round in which version `round_index + 1`, or a later one, was first posted; of the one that
    `now` lies in while none is. Slashings before it count for that version, and later ones do not.

    A whole round's beginning, so that whoever posts knows beforehand what will count.
    """
    end = round_start(params, round_index + 1)
    first = min((post.time for post in posted if post.version > round_index), default=now)
    return end + max(0, first - end) // params.round_seconds * params.round_seconds


def given_up_at(params: TaskParams, round_index: int) -> int:
    """Beginning of the first round in which nobody can lose a stake over a commitment of `round_index` any more."""
    over = commit_deadline(params, round_index) + params.challenge_window + params.dispute_seconds
    return round_start(params, -(-(over - params.start) // params.round_seconds))


def accepted_work(
    params: TaskParams,
    round_index: int,
    commitments: Iterable[CommittedWork],
    slashes: Iterable[SlashRecord],
    posted: Iterable[PostRecord],
    now: int,
) -> tuple[CommittedWork, ...]:
    """The commitments whose updates make version `round_index + 1`, ordered by node address.

    A node slashed before the version was decided (`decided_at`) is left out: while nobody posts it, since somebody
    keeps an update to itself, that is looked at again each round. If it was not posted by the time the round is given
    up (`given_up_at`), none is accepted, and the version has its predecessor's weights.

    now: the chain's time, up to which all events are known. The set is final, and the same for everyone, as soon as
    this version or a later one is posted; before that it changes only when a round begins.
    """
    decided = decided_at(params, round_index, posted, now)
    if decided >= given_up_at(params, round_index):
        return ()
    slashed = {record.node for record in slashes if record.time < decided}
    accepted = [
        work
        for work in commitments
        if work.round == round_index and work.units > 0 and work.node not in slashed
    ]
    return tuple(sorted(accepted, key=lambda work: bytes.fromhex(work.node[2:])))
