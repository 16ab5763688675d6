"""Versions as they lie on the shelf or as peers serve them, each checked against its digest on the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from cupel.protocol.model.canonical import CanonicalVersion, follow, read_version
from cupel.protocol.model.checkpoint import max_checkpoint_bytes
from cupel.protocol.model.layout import Layout
from cupel.protocol.network import NetworkError, Superseded, Swarm
from cupel.protocol.spec.diloco.delta import max_delta_bytes
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import MAX_MANIFEST_BYTES, WeightsManifest
from cupel.protocol.spec.shardcast.route import MAX_CHAIN, Offer
from cupel.protocol.spec.task import Aggregation
from cupel.protocol.storage.shelf import VersionShelf


class VersionSource:
    """What can be had of one task's versions. A false file is like none: None stands for both."""

    def __init__(self, swarm: Swarm, shelf: VersionShelf, layout: Layout, aggregation: Aggregation) -> None:
        self._swarm = swarm
        self._shelf = shelf
        self._layout = layout
        self._aggregation = aggregation

    async def from_shelf(self, number: int, digest: bytes) -> CanonicalVersion | None:
        """The version, if it is whole on this machine."""
        held = await asyncio.to_thread(self._shelf.read, digest)
        if held is None:
            return None
        return await _attempt(number, partial(asyncio.to_thread, read_version, *held, digest, self._layout))

    async def checkpoint(
        self,
        number: int,
        digest: bytes,
        deadline_seconds: float,
        superseded: asyncio.Event | None = None,
    ) -> CanonicalVersion | None:
        """The version from its checkpoint. Superseded as `Swarm.fetch_file`."""

        async def fetch() -> CanonicalVersion:
            manifest = await self._manifest(digest, deadline_seconds)
            most = max_checkpoint_bytes(self._layout)
            file = await self._swarm.fetch_file(manifest.file, most, deadline_seconds, superseded)
            return await asyncio.to_thread(read_version, manifest.to_bytes(), file, digest, self._layout)

        return await _attempt(number, fetch)

    async def after(
        self, parent: CanonicalVersion, digest: bytes, deadline_seconds: float
    ) -> CanonicalVersion | None:
        """The version that follows `parent`, from its delta."""

        async def fetch() -> CanonicalVersion:
            manifest = await self._manifest(digest, deadline_seconds)
            update = None
            if manifest.update is not None:
                most = max_delta_bytes(self._layout.num_parameters)
                update = await self._swarm.fetch_file(manifest.update.root, most, deadline_seconds)
            return await asyncio.to_thread(
                follow, parent, manifest.to_bytes(), update, digest, self._aggregation
            )

        return await _attempt(parent.version + 1, fetch)

    async def offers(
        self, posted: Mapping[int, bytes], held: int, deadline_seconds: float
    ) -> dict[int, Offer]:
        """What the newest posted versions above `held` would take, as far as anybody serves their manifests."""
        newer = sorted((number for number in posted if number > held), reverse=True)[: MAX_CHAIN + 1]
        found = await asyncio.gather(*(self._offer(posted[number], deadline_seconds) for number in newer))
        return {number: offer for number, offer in zip(newer, found, strict=True) if offer is not None}

    async def _offer(self, digest: bytes, deadline_seconds: float) -> Offer | None:
        try:
            manifest = await self._manifest(digest, deadline_seconds)
        except (NetworkError, Rejected):
            return None
        update = manifest.update
        return Offer(
            digest,
            await self._missing(manifest.file, manifest.file_bytes),
            0 if update is None else await self._missing(update.root, update.file_bytes),
        )

    async def _missing(self, root: Cid, num_bytes: int) -> int:
        """Bytes of a file to fetch: a root comes last, so the file is here if it is."""
        return 0 if await asyncio.to_thread(self._shelf.store.has, root) else num_bytes

    async def _manifest(self, digest: bytes, deadline_seconds: float) -> WeightsManifest:
        block = await self._swarm.fetch_block(
            Cid.from_digest(digest), deadline_seconds=deadline_seconds, max_bytes=MAX_MANIFEST_BYTES
        )
        return WeightsManifest.from_bytes(block)


async def _attempt(number: int, fetch: Callable[[], Awaitable[CanonicalVersion]]) -> CanonicalVersion | None:
    try:
        version = await fetch()
    except Superseded:
        raise
    except (NetworkError, Rejected):
        return None
    return version if version.version == number else None
