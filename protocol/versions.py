"""The canonical versions a process holds, and how it comes by the next one.

The usual way is to compute it from the accepted updates. A process that joins late, or cannot get an update, takes
the version's file from a peer; the digest on the chain says whether it is the right one.
"""

from __future__ import annotations

import asyncio
from typing import Final

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion, next_version, read_version
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import NetworkError, Swarm
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update, num_blocks, update_from_bytes
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import CommittedWork, accepted_work
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import MAX_MANIFEST_BYTES, WeightsManifest
from cupel.protocol.spec.shardcast.unixfs import MAX_FILE_BYTES
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.storage import BlockStore, put_file
from cupel.protocol.submissions import fetch_update

# Beyond what staleness allows, one more for the verifier of a commitment made just before the round ended.
SPARE_VERSIONS: Final = 2
_HEADER_BYTES: Final = 1024


class VersionUnavailable(NetworkError):
    """A canonical version can be neither computed nor fetched at the moment."""


class Versions:
    """The newest canonical versions of one task, genesis first."""

    def __init__(
        self,
        ledger: TaskLedger,
        spec: TaskSpec,
        swarm: Swarm,
        store: BlockStore,
        spare_versions: int = SPARE_VERSIONS,
    ) -> None:
        """spare_versions: how many more to hold than staleness allows; jurors judge work of long ago."""
        self._ledger = ledger
        self._spare_versions = spare_versions
        self._spec = spec
        self._swarm = swarm
        self._store = store
        self._layout = layout_of(spec.model)
        self._versions: dict[int, CanonicalVersion] = {}

    @property
    def newest(self) -> CanonicalVersion:
        """The newest version held; `start` comes first."""
        return self._versions[max(self._versions)]

    @property
    def max_update_bytes(self) -> int:
        """Largest update file of the task."""
        return num_blocks(self._layout.num_parameters) * 33 + _HEADER_BYTES

    @property
    def max_exponent(self) -> int:
        """Largest block exponent of an update."""
        return self._spec.recipe.max_exponent_offset + MIN_EXPONENT

    def get(self, version: int) -> CanonicalVersion | None:
        """A version, if it is held."""
        return self._versions.get(version)

    def digests(self) -> dict[int, bytes]:
        """Digests of the versions held."""
        return {number: version.digest for number, version in self._versions.items()}

    async def start(self, deadline_seconds: float, trust_posted: bool = True) -> None:
        """Fetch the newest version whose digest stands on the chain, or genesis. VersionUnavailable, NetworkError.

        Without `trust_posted` genesis in any case: who judges others' checkpoints computes them all.
        """
        posted = sorted({record.version for record in self._ledger.posted}, reverse=True)
        for number in posted if trust_posted else ():
            record = self._ledger.checkpoint(number)
            if record is not None and await self._try_fetch(number, record.digest, deadline_seconds):
                return
        if not await self._try_fetch(0, self._ledger.params.genesis_digest, deadline_seconds):
            raise VersionUnavailable("no peer serves the task's initial checkpoint; is the creator running?")

    async def advance(self, ledger: TaskLedger, deadline_seconds: float) -> CanonicalVersion:
        """Compute the next version, or fetch it if an update is out of reach. VersionUnavailable if neither works."""
        self._ledger = ledger
        current = self.newest
        accepted = accepted_work(ledger.params, current.version, ledger.work.values(), ledger.slashes)
        try:
            fetched = await asyncio.gather(*(self._update(work, deadline_seconds) for work in accepted))
        except NetworkError as error:
            record = ledger.checkpoint(current.version + 1)
            if record is not None and await self._try_fetch(record.version, record.digest, deadline_seconds):
                return self.newest
            raise VersionUnavailable(f"version {current.version + 1}: {error}") from error
        updates = [update for update in fetched if update is not None]
        made = await asyncio.to_thread(next_version, current, updates, self._spec.aggregation)
        await self._keep(made)
        return made

    async def _update(self, work: CommittedWork, deadline_seconds: float) -> Update | None:
        """A node's update; None if its file is no update, which everybody finds alike."""
        file = await fetch_update(self._swarm, work.manifest, self.max_update_bytes, deadline_seconds)
        if isinstance(file, Rejected):
            return None
        try:
            return update_from_bytes(file, self._layout.num_parameters, self.max_exponent)
        except Rejected:
            return None

    async def genesis(self, deadline_seconds: float) -> CanonicalVersion:
        """The task's initial version, which training may compare with; not held. VersionUnavailable."""
        held = self._versions.get(0)
        found = held or await self._fetch(0, self._ledger.params.genesis_digest, deadline_seconds)
        if found is None:
            raise VersionUnavailable("no peer serves the task's initial checkpoint, which its recipe needs")
        return found

    async def _try_fetch(self, number: int, digest: bytes, deadline_seconds: float) -> bool:
        """Whether a peer serves the version with this digest, which is then held."""
        version = await self._fetch(number, digest, deadline_seconds)
        if version is not None:
            await self._keep(version)
        return version is not None

    async def _fetch(self, number: int, digest: bytes, deadline_seconds: float) -> CanonicalVersion | None:
        """The version with this digest from a peer. A false file is like none: the digest is on-chain."""
        try:
            manifest = await self._swarm.fetch_block(
                Cid.from_digest(digest), deadline_seconds=deadline_seconds, max_bytes=MAX_MANIFEST_BYTES
            )
            root = WeightsManifest.from_bytes(manifest).file
            file = await self._swarm.fetch_file(
                root, max_bytes=MAX_FILE_BYTES, deadline_seconds=deadline_seconds
            )
            version = await asyncio.to_thread(read_version, manifest, file, digest, self._layout)
        except (NetworkError, Rejected):
            return None
        return version if version.version == number else None

    async def _keep(self, version: CanonicalVersion) -> None:
        """Hold and serve a version, and forget those nobody may use any more."""
        await asyncio.to_thread(put_file, self._store, version.file)
        await asyncio.to_thread(self._store.put, version.manifest.to_bytes())
        self._versions[version.version] = version
        oldest = version.version - self._ledger.params.max_staleness - self._spare_versions
        for number in [number for number in self._versions if number < oldest]:
            del self._versions[number]
