"""A relay: fetches what is asked for from other gateways, checks it, keeps it in bounded space and passes it on."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES
from cupel.protocol.storage.filesystem import FilesystemStore

# Nobody had it: upstreams are spared the same question for this long, of at most so many addresses.
ABSENT_SECONDS: Final = 2.0
MAX_ABSENT: Final = 4096
# An upstream that served a wrong block is not asked for this long.
LIAR_SECONDS: Final = 600.0
MAX_FETCHING: Final = 64

Request = Callable[[str, Cid, int], Awaitable[Outcome]]


class Relay:
    """Brings blocks from `upstreams` into a store, of which it keeps the `max_bytes` that were brought last.

    What was in the store before counts as the oldest. Pinned blocks stay. The store is this process's alone.
    """

    def __init__(
        self, store: FilesystemStore, upstreams: Sequence[str], request: Request, max_bytes: int
    ) -> None:
        self._store = store
        self._upstreams = tuple(upstreams)
        self._request = request
        self._max_bytes = max_bytes
        self._sizes = OrderedDict((cid, store.num_bytes(cid)) for cid in store.cids())
        self._total = sum(self._sizes.values())
        self._fetching: dict[Cid, asyncio.Task[bool]] = {}
        self._absent: OrderedDict[Cid, float] = OrderedDict()
        self._liars: dict[str, float] = {}

    async def bring(self, cid: Cid) -> bool:
        """Have the block in the store; False if no upstream delivers it, or too much is on its way already.

        Whoever asks for a block that is on its way waits for that one.
        """
        now = time.monotonic()
        if self._absent.get(cid, 0.0) > now:
            return False
        if cid not in self._fetching:
            if len(self._fetching) >= MAX_FETCHING:
                return False
            task = asyncio.create_task(self._fetch(cid))
            self._fetching[cid] = task
            task.add_done_callback(lambda _: self._fetching.pop(cid, None))
        # One asker that leaves does not end it for the others.
        return await asyncio.shield(self._fetching[cid])

    async def close(self) -> None:
        """End what is on its way."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, cid: Cid) -> bool:
        for upstream in self._upstreams:
            if self._liars.get(upstream, 0.0) > time.monotonic():
                continue
            result = (await self._request(upstream, cid, MAX_BLOCK_BYTES)).result
            if not isinstance(result, NotDelivered):
                await asyncio.to_thread(self._store.put_verified, result, cid)
                await asyncio.to_thread(self._make_room, cid, len(result))
                return True
            if result is NotDelivered.LIED:
                self._liars[upstream] = time.monotonic() + LIAR_SECONDS
        self._absent[cid] = time.monotonic() + ABSENT_SECONDS
        if len(self._absent) > MAX_ABSENT:
            self._absent.popitem(last=False)
        return False

    def _make_room(self, cid: Cid, num_bytes: int) -> None:
        self._total += num_bytes - self._sizes.pop(cid, 0)
        self._sizes[cid] = num_bytes
        if self._total <= self._max_bytes:
            return
        pinned = self._store.pinned()
        for oldest in list(self._sizes):
            if self._total > self._max_bytes and oldest not in pinned and oldest != cid:
                self._store.delete(oldest)
                self._total -= self._sizes.pop(oldest)
