"""Blocks from peers, and where no peer delivers from the IPFS network, through a store's daemon that can search it.

The network is the last source and not one among others: asking it for what only peers have costs its nodes a search
each time, and tells strangers what is wanted.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.errors import BlockUnavailable
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES
from cupel.protocol.storage.files import BlockMissing
from cupel.protocol.storage.port import BlockStore, SearchingStore, StorageError

# Searches wait in threads of their own: the shared ones read and write blocks meanwhile.
MAX_SEARCHES: Final = 8
PEERS_ALONE_SECONDS: Final = 3.0
PEERS_ALONE_SHARE: Final = 0.25
"""Of a shorter deadline."""


class BlockFinder:
    """Fetches through `client`, and through `store` where it can search."""

    def __init__(self, client: BlockClient, store: BlockStore) -> None:
        self._client = client
        self._store = store if isinstance(store, SearchingStore) else None
        self._threads = ThreadPoolExecutor(MAX_SEARCHES, "ipfs-search")

    def close(self) -> None:
        """Begin no more searches; those under way end by their own deadlines, or with the store."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def peers_alone_seconds(self, deadline_seconds: float) -> float | None:
        """How long to ask peers alone; None where there is nobody else to ask."""
        if self._store is None:
            return None
        return min(PEERS_ALONE_SECONDS, PEERS_ALONE_SHARE * deadline_seconds)

    async def fetch(self, cid: Cid, deadline_seconds: float, max_bytes: int = MAX_BLOCK_BYTES) -> bytes:
        """As `BlockClient.fetch`; a store that can search does so once peers alone had their time."""
        alone = self.peers_alone_seconds(deadline_seconds)
        if alone is None:
            return await self._client.fetch(cid, deadline_seconds, max_bytes)
        try:
            return await self._client.fetch(cid, alone, max_bytes)
        except BlockUnavailable:
            return await self.fetch_anywhere(cid, deadline_seconds - alone, max_bytes)

    async def fetch_anywhere(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        """From whoever is first, the peers or the network. BlockUnavailable at the deadline."""
        peers = asyncio.create_task(self._client.fetch(cid, deadline_seconds, max_bytes))
        search = asyncio.create_task(self._search(cid, deadline_seconds, max_bytes))
        try:
            await asyncio.wait({peers, search}, return_when=asyncio.FIRST_COMPLETED)
            if not search.done() and peers.exception() is None:
                return peers.result()
            found = await search
            return await peers if found is None else found
        finally:
            for task in (peers, search):
                task.cancel()
            await asyncio.gather(peers, search, return_exceptions=True)

    async def _search(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes | None:
        end = time.monotonic() + deadline_seconds
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, cid, end, max_bytes)

    def _ask(self, cid: Cid, end: float, max_bytes: int) -> bytes | None:
        """None if the network has no such block, or the daemon fails: peers may still deliver it."""
        left = end - time.monotonic()
        if self._store is None or left <= 0:
            return None
        try:
            return self._store.fetch(cid, left, max_bytes)
        except (BlockMissing, StorageError):
            return None
