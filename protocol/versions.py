"""The canonical versions a process holds, and how it comes by the next one.

The usual way is to compute it from the accepted updates. A process that joins late, or cannot get an update, takes
what a peer serves: the deltas since the version it holds, or the checkpoint; the digest on the chain says whether the
result is the right one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion, follow, next_version, read_version
from cupel.protocol.model.checkpoint import max_checkpoint_bytes
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import NetworkError, Swarm
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update, num_blocks, update_from_bytes
from cupel.protocol.spec.diloco.delta import max_delta_bytes
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import CommittedWork, accepted_work
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import MAX_MANIFEST_BYTES, WeightsManifest
from cupel.protocol.spec.shardcast.route import MAX_CHAIN, Offer, Route, routes
from cupel.protocol.spec.shardcast.versions import SPARE_VERSIONS, needed_versions, newest_settled
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.submissions import fetch_update

_HEADER_BYTES: Final = 1024
Result = TypeVar("Result")


class VersionUnavailable(NetworkError):
    """A canonical version can be neither computed nor fetched at the moment."""


class Versions:
    """The newest canonical versions of one task."""

    def __init__(
        self,
        ledger: TaskLedger,
        spec: TaskSpec,
        swarm: Swarm,
        shelf: VersionShelf,
        spare_versions: int = SPARE_VERSIONS,
        trust_posted: bool = True,
    ) -> None:
        """spare_versions: how many more to hold than staleness allows; jurors judge work of long ago.

        trust_posted: begin with the newest version posted on the chain. Who judges others' checkpoints begins with one
        that nobody can challenge any more, and computes the rest.
        """
        self._ledger = ledger
        self._spare_versions = spare_versions
        self._trust_posted = trust_posted
        self._spec = spec
        self._swarm = swarm
        self._shelf = shelf
        self._layout = layout_of(spec.model)
        self._versions: dict[int, CanonicalVersion] = {}
        self._unproven: set[int] = set()
        self._started = 0
        self.storing = asyncio.Lock()
        """Held while blocks of a version are put, and by who deletes blocks."""

    @property
    def newest(self) -> CanonicalVersion:
        """The newest version held; `start` comes first."""
        return self._versions[max(self._versions)]

    @property
    def num_held(self) -> int:
        """How many versions are held: what staleness allows, and the spare ones."""
        return self._ledger.params.max_staleness + self._spare_versions + 1

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

    def proven_digest(self, version: int) -> bytes | None:
        """Digest of a version held that does not rest on anybody's word, to compare posted ones with."""
        held = self._versions.get(version)
        return None if held is None or version in self._unproven else held.digest

    async def start(self, now: int, deadline_seconds: float) -> None:
        """Take the version to begin with, from here or from peers. VersionUnavailable, NetworkError.

        now: the chain's time.
        """
        self._started = now
        if self._trust_posted:
            posted = {record.version: record.digest for record in self._ledger.standing()}
            await self._resume(posted)
            if await self._catch_up(posted, deadline_seconds) or self._versions:
                self._unproven.update(self._versions)
                return
        facts = self._ledger.facts(now)
        at_most = min(needed_versions(facts), default=facts.params.rounds)
        if not await self._fetch_checkpoint(*newest_settled(facts, at_most), deadline_seconds):
            raise VersionUnavailable("no peer serves the task's initial checkpoint; is the creator running?")

    async def advance(self, ledger: TaskLedger, deadline_seconds: float) -> CanonicalVersion:
        """Compute the next version, or fetch it if an update is out of reach. VersionUnavailable if neither works.

        Who took a posted version whose poster was slashed since begins again with what stands now.
        """
        self._ledger = ledger
        if any(self._is_refuted(number) for number in self._unproven):
            self._versions.clear()
            self._unproven.clear()
            await self.start(self._started, deadline_seconds)
            return self.newest
        current = self.newest
        accepted = accepted_work(ledger.params, current.version, ledger.work.values(), ledger.slashes)
        try:
            fetched = await asyncio.gather(*(self._update(work, deadline_seconds) for work in accepted))
        except NetworkError as error:
            record = ledger.checkpoint(current.version + 1)
            posted = {} if record is None else {record.version: record.digest}
            if await self._catch_up(posted, deadline_seconds):
                self._unproven.add(self.newest.version)
                return self.newest
            raise VersionUnavailable(f"version {current.version + 1}: {error}") from error
        updates = [update for update in fetched if update is not None]
        made = await asyncio.to_thread(next_version, current, updates, self._spec.aggregation)
        if current.version in self._unproven:
            self._unproven.add(made.version)
        await self._keep(made)
        return made

    def _is_refuted(self, number: int) -> bool:
        """Whether a version rests on the word of a poster that lost its stake, and nobody else has posted the same."""
        digest, stands = self._versions[number].digest, self._ledger.checkpoint(number)
        posters = [record.node for record in self._ledger.posted if record.digest == digest]
        return any(map(self._ledger.slashed, posters)) and (stands is None or stands.digest != digest)

    async def _update(self, work: CommittedWork, deadline_seconds: float) -> Update | None:
        """A node's update; None if its file is no update, which everybody finds alike."""
        file = await fetch_update(self._swarm, work.manifest, self.max_update_bytes, deadline_seconds)
        if isinstance(file, Rejected):
            return None
        try:
            return update_from_bytes(file, self._layout.num_parameters, self.max_exponent)
        except Rejected:
            return None

    async def _resume(self, posted: Mapping[int, bytes]) -> None:
        """Take the newest posted version that is whole on this machine, if any."""
        known = {0: self._ledger.params.genesis_digest, **posted}
        for number, digest in sorted(known.items(), reverse=True):
            held = await asyncio.to_thread(self._shelf.read, digest)
            if held is not None:
                version = await asyncio.to_thread(read_version, *held, digest, self._layout)
                if version.version == number:
                    self._hold(version)
                    return

    async def _catch_up(self, posted: Mapping[int, bytes], deadline_seconds: float) -> bool:
        """Whether the newest of the posted versions that peers serve, if newer than what is held, is held now."""
        held = max(self._versions, default=-1)
        offers = await self._offers(posted, held, deadline_seconds)
        for route in routes(held, offers):
            if await self._take(route, offers, deadline_seconds):
                return True
        return False

    async def _offers(
        self, posted: Mapping[int, bytes], held: int, deadline_seconds: float
    ) -> dict[int, Offer]:
        """What the newest posted versions would take, as far as anybody serves their manifests."""
        newer = sorted((number for number in posted if number > held), reverse=True)[: MAX_CHAIN + 1]

        async def offer(number: int) -> Offer:
            manifest = await self._manifest(posted[number], deadline_seconds)
            update = manifest.update
            return Offer(
                posted[number],
                await self._missing(manifest.file, manifest.file_bytes),
                0 if update is None else await self._missing(update.root, update.file_bytes),
            )

        found = await asyncio.gather(*(_attempt(partial(offer, number)) for number in newer))
        return {number: one for number, one in zip(newer, found, strict=True) if one is not None}

    async def _missing(self, root: Cid, num_bytes: int) -> int:
        """Bytes of a file to fetch: a root comes last, so the file is here if it is."""
        return 0 if await asyncio.to_thread(self._shelf.store.has, root) else num_bytes

    async def _take(self, route: Route, offers: Mapping[int, Offer], deadline_seconds: float) -> bool:
        if not route.deltas:
            return await self._fetch_checkpoint(route.version, offers[route.version].digest, deadline_seconds)
        for link in range(self.newest.version + 1, route.version + 1):
            if not await self._fetch_delta(link, offers[link].digest, deadline_seconds):
                return False
        return True

    async def _fetch_delta(self, number: int, digest: bytes, deadline_seconds: float) -> bool:
        """Whether a peer serves the delta from the version held to this one. A false one is like none."""

        async def fetch() -> CanonicalVersion:
            manifest = await self._manifest(digest, deadline_seconds)
            update = None
            if manifest.update is not None:
                most = max_delta_bytes(self._layout.num_parameters)
                update = await self._swarm.fetch_file(manifest.update.root, most, deadline_seconds)
            return await asyncio.to_thread(
                follow,
                self._versions[number - 1],
                manifest.to_bytes(),
                update,
                digest,
                self._spec.aggregation,
            )

        return await self._keep_fetched(number, fetch)

    async def _fetch_checkpoint(self, number: int, digest: bytes, deadline_seconds: float) -> bool:
        """Whether a peer serves the version with this digest. A false file is like none: the digest is on-chain."""

        async def fetch() -> CanonicalVersion:
            manifest = await self._manifest(digest, deadline_seconds)
            most = max_checkpoint_bytes(self._layout)
            file = await self._swarm.fetch_file(manifest.file, most, deadline_seconds)
            return await asyncio.to_thread(read_version, manifest.to_bytes(), file, digest, self._layout)

        return await self._keep_fetched(number, fetch)

    async def _keep_fetched(self, number: int, fetch: Callable[[], Awaitable[CanonicalVersion]]) -> bool:
        version = await _attempt(fetch)
        if version is None or version.version != number:
            return False
        await self._keep(version)
        return True

    async def _manifest(self, digest: bytes, deadline_seconds: float) -> WeightsManifest:
        block = await self._swarm.fetch_block(
            Cid.from_digest(digest), deadline_seconds=deadline_seconds, max_bytes=MAX_MANIFEST_BYTES
        )
        return WeightsManifest.from_bytes(block)

    async def _keep(self, version: CanonicalVersion) -> None:
        """Hold and serve a version."""
        async with self.storing:
            await asyncio.to_thread(
                self._shelf.put, version.manifest.to_bytes(), version.file, version.update
            )
        self._hold(version)

    def _hold(self, version: CanonicalVersion) -> None:
        """Have a version at hand, and forget those nobody may use any more."""
        self._versions[version.version] = version
        for number in [number for number in self._versions if number <= version.version - self.num_held]:
            del self._versions[number]
            self._unproven.discard(number)


async def _attempt(fetch: Callable[[], Awaitable[Result]]) -> Result | None:
    try:
        return await fetch()
    except (NetworkError, Rejected):
        return None
