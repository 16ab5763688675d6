"""What must be kept of a task's versions and submissions: a pure function of the chain and its clock.

A version is kept whole, or it can be made again from an older whole one (the base) and the updates since. So what must
stay are the base, the newest versions, a whole version every few, and the updates of every round from the base on: with
them everything that may still be challenged can be judged. A posted version that nobody challenged in time is settled,
and what only led to it may go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.repetition import RING
from cupel.protocol.spec.rounds import CommittedWork, oldest_policy_version
from cupel.protocol.spec.task import TaskParams

KEYFRAME_VERSIONS: Final = 8
"""Versions from one that stays whole to the next: what a version is made from is never longer ago."""
# Beyond what staleness allows, one more for the verifier of a commitment made just before the round ended.
SPARE_VERSIONS: Final = 2


@dataclass(frozen=True, slots=True)
class PostedVersion:
    """A digest that stands for a version on the chain."""

    version: int
    digest: bytes
    time: int
    contested: bool
    """Whether a challenge against it awaits a verdict."""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the chain says of a task, up to `now`."""

    params: TaskParams
    now: int
    work: tuple[CommittedWork, ...]
    posted: tuple[PostedVersion, ...]
    """The digest that stands, for each posted version."""
    contested: frozenset[tuple[str, int]]
    """Node and sequence of what a pending challenge is about."""
    gone: frozenset[str]
    """Nodes that were slashed or have left: nobody can challenge them for a repetition any more."""


@dataclass(frozen=True, slots=True)
class KeptWork:
    """A submission to keep: manifest and update, and with `rollouts` that file too."""

    work: CommittedWork
    rollouts: bool
    everywhere: bool
    """By every node; else by those that `placement` names."""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version to keep: manifest and update, and with `whole` the checkpoint too."""

    version: int
    whole: bool
    everywhere: bool
    """By every node; else by those that `placement` names."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Everything to keep of a task beside its document."""

    base: int
    """The settled version that all later ones can be made from."""
    versions: tuple[KeptVersion, ...]
    work: tuple[KeptWork, ...]


def num_whole(params: TaskParams) -> int:
    """Newest versions that everybody keeps whole: those that staleness allows, and the spare ones."""
    return params.max_staleness + SPARE_VERSIONS + 1


def spare_for_disputes(params: TaskParams) -> int:
    """How many versions more than staleness allows a dispute may ask for: it may be about work of a whole window and a
    whole dispute ago."""
    return -(-(params.challenge_window + params.dispute_seconds) // params.round_seconds) + 1


def retain(facts: TaskFacts, newest: int, num_newest: int, rings: frozenset[str]) -> Retention:
    """What to keep for one who holds versions up to `newest`, and wants the last `num_newest` whole in any case.

    rings: nodes whose last commitments are kept with their rollouts although their window is over, to show or to find
    repetitions. Whoever is behind the chain keeps more, never less.
    """
    assert newest >= 0, "whoever keeps versions holds at least genesis"
    assert num_newest >= 1, "the newest version is in use"
    recent = range(max(0, newest - num_newest + 1), newest + 1)
    base = _base(facts, min((*recent, *needed_versions(facts))))
    keyframes = range(base, newest + 1, KEYFRAME_VERSIONS)
    versions = tuple(
        KeptVersion(version, version in keyframes or version in recent, version in recent)
        for version in range(base, newest + 1)
    )
    ring = _ring(facts, rings)
    kept = [
        KeptWork(
            work,
            rollouts=is_open(facts, work) or (work.node, work.sequence) in ring,
            everywhere=work.round >= newest,
        )
        for work in facts.work
        if work.round >= base or is_open(facts, work) or (work.node, work.sequence) in ring
    ]
    return Retention(base, versions, tuple(kept))


def needed_versions(facts: TaskFacts) -> frozenset[int]:
    """Versions that judging what is open may take: those it may have sampled from, and a posted one's predecessor."""
    sampled = {
        version
        for work in facts.work
        if is_open(facts, work)
        for version in range(oldest_policy_version(facts.params, work.round), work.round + 1)
    }
    judged = {posted.version - 1 for posted in facts.posted if not _is_settled(facts, posted)}
    return frozenset(sampled | judged)


def is_open(facts: TaskFacts, work: CommittedWork) -> bool:
    """Whether a commitment may still be challenged, or is."""
    return is_answered_for(facts, work.node, work.sequence, work.time)


def is_answered_for(facts: TaskFacts, node: str, sequence: int, time: int) -> bool:
    """Whether the node may still be asked about a commitment of that time, of whatever kind."""
    return facts.now < _closes(facts.params, time) or (node, sequence) in facts.contested


def newest_settled(facts: TaskFacts, at_most: int) -> tuple[int, bytes]:
    """Version and digest of the newest keyframe that nobody can challenge any more: genesis if there is no other.

    at_most: not above this version.
    """
    settled: Mapping[int, bytes] = {0: facts.params.genesis_digest} | {
        posted.version: posted.digest
        for posted in facts.posted
        if posted.version % KEYFRAME_VERSIONS == 0 and _is_settled(facts, posted)
    }
    version = max(number for number in settled if number <= max(0, at_most))
    return version, settled[version]


def _base(facts: TaskFacts, at_most: int) -> int:
    return newest_settled(facts, at_most)[0]


def _is_settled(facts: TaskFacts, posted: PostedVersion) -> bool:
    return not posted.contested and facts.now >= _closes(facts.params, posted.time)


def _closes(params: TaskParams, time: int) -> int:
    """A round after the window: a reorganisation may bring a challenge back."""
    return time + params.challenge_window + params.round_seconds


def _ring(facts: TaskFacts, nodes: Iterable[str]) -> frozenset[tuple[str, int]]:
    """The last commitments to rollouts of those of the nodes that can still lose a stake."""
    wanted = frozenset(nodes) - facts.gone
    last: dict[str, int] = {}
    for work in facts.work:
        last[work.node] = max(last.get(work.node, 0), work.sequence)
    return frozenset(
        (work.node, work.sequence)
        for work in facts.work
        if work.node in wanted and work.sequence > last[work.node] - RING
    )
