"""The judge of posted versions behind a task's judge of computation, and what one side of a dispute plays from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cupel.protocol.chain.bindings.aggregate_judge import AggregateJudge
from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import ZERO_ADDRESS
from cupel.protocol.chain.ledger import CheckpointRecord, TaskLedger
from cupel.protocol.chain.version_games import VersionFeed, read_version_terms
from cupel.protocol.games import VersionRecord
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.spec.aggregate.game import Entry, Terms, settles
from cupel.protocol.spec.aggregate.players import Checkpoint, Contribution, Making
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import Commitment, checkpoint_root
from cupel.protocol.spec.rounds import CommittedWork, PostRecord, commitment_of, decided_at
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.submissions import fetch_manifest, fetch_update
from cupel.protocol.versions import Versions


async def aggregate_judge_of(chain: ChainClient, judge: CanonicalJudge) -> AggregateJudge | None:
    """The judge of posted versions that a judge of computation passes on to. ChainUnavailable."""
    address = await judge.aggregate()
    return None if address == ZERO_ADDRESS else AggregateJudge(chain, address)


async def open_version_court(participant: Participant, judge: CanonicalJudge) -> VersionFeed | None:
    """Follow the judge of posted versions; None if there is none. ChainUnavailable."""
    aggregate = await aggregate_judge_of(participant.chain, judge)
    if aggregate is None:
        return None
    return VersionFeed(
        participant.chain,
        participant.hub,
        aggregate,
        await read_version_terms(aggregate),
        lambda task: participant.ledger.tasks[task].params,
        participant.deployment.first_block,
    )


def settles_versions(terms: Terms | None, spec: TaskSpec, dispute_seconds: int) -> bool:
    """Whether a judge of these terms, or none at all, settles no version of a task wrongly."""
    return terms is None or settles(terms, spec, layout_of(spec.model).num_parameters, dispute_seconds)


@dataclass(frozen=True, slots=True)
class VersionRecaller:
    """Makes what a side plays from out of what it holds and the nodes' published files, again after every restart."""

    participant: Participant
    ledger: Callable[[], TaskLedger]
    versions: Versions
    terms: Terms

    async def recall(self, record: VersionRecord) -> Making:
        """NetworkError while something of it cannot be had."""
        matter, ledger = record.game.matter, self.ledger()
        version = await self._version(record)
        assert version.manifest.parent is not None, "version 0 is nobody's posting"
        parent = await self.versions.recall(matter.version - 1, version.manifest.parent, FETCH_SECONDS)
        now = await self.participant.chain.now()
        accepted = ledger.accepted(matter.version - 1, now)
        posted = [PostRecord(one.version, one.time) for one in ledger.posted]
        return Making(
            version=_checkpoint(version),
            parent=_checkpoint(parent),
            earliest=earliest_posting(ledger, matter.version, matter.posted_at),
            decided_at=decided_at(ledger.params, matter.version - 1, posted, now),
            accepted=tuple([await self._contribution(work) for work in accepted]),
        )

    async def _version(self, record: VersionRecord) -> CanonicalVersion:
        """The accused shows the version that it posted, or what that rests on; the challenger its own."""
        matter = record.game.matter
        if record.challenge.node == self.participant.address:
            return await self.versions.recall(matter.version, matter.digest, FETCH_SECONDS)
        own = self.versions.get(matter.version)
        if own is None:
            raise NetworkError(f"version {matter.version} is not here to compare with")
        return own

    async def _contribution(self, work: CommittedWork) -> Contribution:
        swarm, most = self.participant.swarm, self.versions.max_update_bytes
        manifest = await fetch_manifest(swarm, work.manifest, FETCH_SECONDS)
        file: bytes | Rejected | None = None
        if work.manifest not in self.versions.false_updates:
            file = await fetch_update(swarm, work.manifest, most, FETCH_SECONDS)
        entry = Entry(work.node, commitment_of(work))
        return Contribution(entry, manifest, file if isinstance(file, bytes) else None)


def _checkpoint(version: CanonicalVersion) -> Checkpoint:
    return Checkpoint(version.manifest.to_bytes(), version.file)


def earliest_posting(ledger: TaskLedger, version: int, posted_at: int) -> Entry | None:
    """The first posting of this version or a later one before that time."""
    earlier = [one for one in ledger.posted if one.version >= version and one.time < posted_at]
    if not earlier:
        return None
    first = min(earlier, key=lambda one: one.time)
    return Entry(first.node, _commitment(first))


def _commitment(posted: CheckpointRecord) -> Commitment:
    root = checkpoint_root(posted.version, posted.digest)
    return Commitment(posted.sequence, posted.version, root, posted.digest, 0, posted.time)
