"""What one process keeps in its store, by its role, and deleting everything else.

What must be kept is decided by `spec.shardcast.versions` from the chain, whose part it is by `placement`, and what is
garbage by `storage.garbage`. This is where they meet the store. A data folder belongs to one process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import SubmissionManifest
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.shardcast.placement import NO_BEACON, holders
from cupel.protocol.spec.shardcast.versions import KeptVersion, KeptWork, is_answered_for, retain
from cupel.protocol.storage.garbage import ReadBlock, blocks_of_files, sweep
from cupel.protocol.storage.port import BlockStore
from cupel.protocol.storage.shelf import VersionShelf

PATIENCE: Final = 32
"""How many times longer pieces without a root stay while a version is being fetched: they are not fetched twice."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process keeps of a task."""

    versions: tuple[KeptVersion, ...]
    work: tuple[KeptWork, ...]
    digests: Mapping[int, frozenset[bytes]]
    """Of each of these versions, on the chain and computed here."""
    placed_versions: frozenset[int] = frozenset()
    """Those of the kept that are not everybody's, but ours."""
    placed_work: frozenset[bytes] = frozenset()
    """Likewise, by the digest of the manifest."""
    is_behind: bool = False
    """Whether a newer version stands on the chain: it may be on its way in pieces."""


def share_of_verifier(ledger: TaskLedger, now: int, held: Mapping[int, bytes], num_newest: int) -> Share:
    """Everything that can be judged, and every node's last commitments, to compare new ones with."""
    kept = retain(ledger.facts(now), _newest(ledger, held), num_newest, frozenset(ledger.members))
    digests = _digests(kept.versions, ledger, held)
    return Share(kept.versions, kept.work, digests, is_behind=_is_behind(ledger, held))


def share_of_node(
    ledger: TaskLedger, now: int, held: Mapping[int, bytes], num_newest: int, account: str
) -> Share:
    """What every node keeps, what placement gives this one, and what it has committed to itself."""
    facts = ledger.facts(now)
    kept = retain(facts, _newest(ledger, held), num_newest, frozenset({account}))
    ours = {
        one.version: one.digest
        for one in ledger.posted
        if one.node == account and is_answered_for(facts, account, one.sequence, one.time)
    }
    digests, roster = _digests(kept.versions, ledger, held, ours), ledger.roster()

    def is_placed(digest: bytes, round_index: int) -> bool:
        beacon = ledger.beacons.get(round_index, NO_BEACON)
        return account in holders(roster, ledger.task, digest, beacon)

    versions = frozenset(
        one.version
        for one in kept.versions
        if not one.everywhere
        and any(is_placed(digest, one.version - 1) for digest in digests.get(one.version, ()))
    )
    work = frozenset(
        one.work.manifest
        for one in kept.work
        if not one.everywhere and is_placed(one.work.manifest, one.work.round)
    )
    return Share(
        tuple(
            # A version that we posted may have to be shown.
            dataclasses.replace(one, whole=one.whole or one.version in ours)
            for one in kept.versions
            if one.everywhere or one.version in versions or one.version in ours
        ),
        tuple(
            one
            for one in kept.work
            if one.everywhere or one.work.manifest in work or one.work.node == account
        ),
        digests,
        versions,
        work,
        _is_behind(ledger, held),
    )


def share_of_creator(ledger: TaskLedger) -> Share:
    """The initial checkpoint, as long as the process runs: late verifiers may begin there."""
    genesis = frozenset({ledger.params.genesis_digest})
    return Share((KeptVersion(0, whole=True, everywhere=True),), (), {0: genesis})


@dataclass(frozen=True, slots=True)
class Kept:
    """The blocks of shares, as far as they are in the store."""

    blocks: frozenset[Cid]
    whole: frozenset[bytes]
    """Digests of versions to keep whole."""


def kept_blocks(shares: Iterable[Share], documents: Iterable[bytes], read: ReadBlock) -> Kept:
    """What the shares and single blocks (documents, by digest) are made of in this store."""
    blocks = {Cid.from_digest(digest) for digest in documents}
    roots: set[Cid] = set()
    whole: set[bytes] = set()
    for share in shares:
        for kept in share.versions:
            for digest in share.digests.get(kept.version, frozenset()):
                blocks.add(Cid.from_digest(digest))
                roots |= _version_files(digest, kept.whole, read)
                if kept.whole:
                    whole.add(digest)
        for one in share.work:
            blocks.add(Cid.from_digest(one.work.manifest))
            roots |= _work_files(one.work.manifest, one.rollouts, read)
    return Kept(frozenset(blocks) | blocks_of_files(roots, read), frozenset(whole))


def missing_versions(share: Share, shelf: VersionShelf) -> tuple[bytes, ...]:
    """Digests of the versions that placement gives us and that are not whole here."""
    placed = [one.version for one in share.versions if one.whole and one.version in share.placed_versions]
    return tuple(
        digest
        for version in placed
        for digest in share.digests.get(version, frozenset())
        if digest not in shelf
    )


def missing_work(share: Share, has: Callable[[Cid], bool], read: ReadBlock) -> tuple[KeptWork, ...]:
    """Submissions that placement gives us and that are not here; a root comes last, so the file is here if it is."""
    placed = [one for one in share.work if one.work.manifest in share.placed_work]
    return tuple(
        one
        for one in placed
        if not has(Cid.from_digest(one.work.manifest))
        or not all(has(root) for root in _work_files(one.work.manifest, one.rollouts, read))
    )


@dataclass(frozen=True, slots=True)
class Collected:
    """What a pass left."""

    whole: frozenset[bytes]
    """Digests of the versions that are whole here."""
    num_kept: int
    """Blocks here that something refers to, or that are pinned."""
    num_waiting: int
    """Blocks that nothing refers to, and that stay for the moment."""
    num_deleted: int

    def versions_of(self, share: Share) -> list[int]:
        """Numbers of a task's versions that are whole here."""
        return sorted(number for number, digests in share.digests.items() if digests & self.whole)


@dataclass(slots=True)
class Keeper:
    """Collects a store's garbage, one pass at a time."""

    store: BlockStore
    shelf: VersionShelf
    grace_seconds: int
    """How long a block may lie without a reference: until what it belongs to is committed to, or complete."""
    _orphans: Mapping[Cid, int] = field(default_factory=dict)

    def collect(self, shares: Sequence[Share], documents: Iterable[bytes], now: int) -> Collected:
        """One pass at the chain's time `now`. StorageError."""
        grace = self.grace_seconds
        if any(share.is_behind or missing_versions(share, self.shelf) for share in shares):
            grace *= PATIENCE
        kept = kept_blocks(shares, documents, self.store.get)
        # The mark first: a version that loses a block must not be taken for a whole one.
        for digest in [digest for digest in self.shelf if digest not in kept.whole]:
            self.shelf.withdraw(digest)
        held, needed = list(self.store.cids()), kept.blocks | self.store.pinned()
        result = sweep(held, needed, self._orphans, now, grace)
        deleted = sum(self.store.delete(cid) for cid in result.delete)
        self._orphans = result.orphans
        num_kept = sum(cid in needed for cid in held)
        return Collected(frozenset(self.shelf), num_kept, len(result.orphans), deleted)


def _version_files(digest: bytes, whole: bool, read: ReadBlock) -> set[Cid]:
    block = read(Cid.from_digest(digest))
    try:
        manifest = None if block is None else WeightsManifest.from_bytes(block)
    except Rejected:
        return set()
    if manifest is None:
        return set()
    update = set() if manifest.update is None else {manifest.update.root}
    return update | {manifest.file} if whole else update


def _work_files(digest: bytes, rollouts: bool, read: ReadBlock) -> frozenset[Cid]:
    block = read(Cid.from_digest(digest))
    if block is None:
        return frozenset()
    try:
        manifest = SubmissionManifest.from_bytes(block)
        references = (manifest.update, manifest.rollouts) if rollouts else (manifest.update,)
        return frozenset(Cid.parse(reference.cid) for reference in references)
    except Rejected:
        return frozenset()


def _is_behind(ledger: TaskLedger, held: Mapping[int, bytes]) -> bool:
    return bool(held) and _newest(ledger, {}) > max(held)


def _newest(ledger: TaskLedger, held: Mapping[int, bytes]) -> int:
    """The newest version held; of a task that is not followed, the newest that stands."""
    return max(held) if held else max((record.version for record in ledger.standing()), default=0)


def _digests(
    versions: Iterable[KeptVersion], ledger: TaskLedger, *known: Mapping[int, bytes]
) -> dict[int, frozenset[bytes]]:
    standing = {record.version: record.digest for record in ledger.standing()}
    sources = ({0: ledger.params.genesis_digest}, standing, *known)
    return {
        kept.version: frozenset(one[kept.version] for one in sources if kept.version in one)
        for kept in versions
    }
