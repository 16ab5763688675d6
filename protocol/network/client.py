"""The data plane's fetching half: one block from whoever delivers it first, checked against its address.

Several sources are asked one after the other; when one takes longer than it should, the next is asked beside it. So
a dead or stopped peer costs a second and not the deadline, and a lying one costs one block and its reputation.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final

from cupel.protocol.network.errors import BlockUnavailable
from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.network.requests import Arrived, AskStream, Keep, Requests, no_streams
from cupel.protocol.network.sources import Source, delivered, failed, lied, patience_seconds, ranking
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES

# Requests for one block at a time. More would multiply the traffic when everybody is slow.
MAX_RACING: Final = 3
# Nobody has it yet: how long to wait before all are asked again.
FIRST_PAUSE_SECONDS: Final = 0.25
MAX_PAUSE_SECONDS: Final = 2.0


class BlockClient:
    """Fetches blocks from a set of block servers and remembers how each one serves. An async context manager."""

    def __init__(self, draw: random.Random, ask_stream: AskStream = no_streams) -> None:
        self._draw = draw
        self._sources: dict[str, Source] = {}
        self._running: Counter[str] = Counter()
        self._requests = Requests(ask_stream)
        self.blocks_in = 0
        self.bytes_in = 0

    async def __aenter__(self) -> BlockClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._requests.close()

    @property
    def sources(self) -> Mapping[str, Source]:
        """What is remembered of each source, by URL."""
        return self._sources

    @property
    def downloads(self) -> int:
        """Requests in progress."""
        return self._running.total()

    def set_sources(self, urls: frozenset[str]) -> None:
        """Ask these block servers from now on; what is known of those that stay is kept."""
        now = time.monotonic()
        self._sources = {url: self._sources.get(url, Source(updated=now)) for url in urls}

    async def fetch(self, cid: Cid, deadline_seconds: float, max_bytes: int = MAX_BLOCK_BYTES) -> bytes:
        """The block, from any source; while nobody has it, all are asked again until the deadline.

        BlockUnavailable at the deadline. A source with a larger block than `max_bytes` counts as one that failed.
        """
        pause_seconds = FIRST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(deadline_seconds):
                while (block := await self._fetch_once(cid, max_bytes)) is None:
                    await asyncio.sleep(pause_seconds)
                    pause_seconds = min(2 * pause_seconds, MAX_PAUSE_SECONDS)
        except TimeoutError:
            raise BlockUnavailable(cid, deadline_seconds, len(self._sources)) from None
        return block

    async def holders(self, cid: Cid) -> int:
        """How many sources say now that they hold the block."""
        return sum(await asyncio.gather(*(self._requests.holds(url, cid) for url in self._sources)))

    async def request(
        self, url: str, cid: Cid, max_bytes: int = MAX_BLOCK_BYTES, keep: Keep | None = None
    ) -> Outcome:
        """One request to one server, with no policy and nothing remembered; see `Requests.block`."""
        return await self._requests.block(url, cid, max_bytes, keep)

    async def request_many(
        self, url: str, cids: Sequence[Cid], keep: Keep, arrived: Arrived
    ) -> NotDelivered | None:
        """One request for many blocks to one server; see `Requests.blocks`."""
        return await self._requests.blocks(url, cids, keep, arrived)

    async def post(self, url: str, path: str, body: bytes, max_bytes: int) -> tuple[int, bytes] | None:
        """A small message to one server: status and body of the answer, or None if there is none in time."""
        return await self._requests.post(url, path, body, max_bytes)

    async def _fetch_once(self, cid: Cid, max_bytes: int) -> bytes | None:
        """Ask every source at most once, the next one when all that were asked failed or one lost its patience."""
        waiting = ranking(self._sources, self._running, time.monotonic(), self._draw)
        racing: set[asyncio.Task[bytes | None]] = set()
        try:
            while waiting or racing:
                patience: float | None = None
                if waiting and len(racing) < MAX_RACING:
                    url = waiting.pop(0)
                    racing.add(asyncio.create_task(self._try(url, cid, max_bytes)))
                    patience = patience_seconds(self._source(url), max_bytes)
                done, racing = await asyncio.wait(
                    racing, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    if (block := task.result()) is not None:
                        return block
            return None
        finally:
            for task in racing:
                task.cancel()
            await asyncio.gather(*racing, return_exceptions=True)

    async def _try(self, url: str, cid: Cid, max_bytes: int) -> bytes | None:
        """One request, and what it teaches about its source."""
        started = time.monotonic()
        self._running[url] += 1
        result: BytesLike | NotDelivered = NotDelivered.ABSENT
        try:
            result = (await self._requests.block(url, cid, max_bytes)).result
        except asyncio.CancelledError:
            # Overtaken by another source after it was given its time, or the caller gave up.
            if time.monotonic() - started > patience_seconds(self._source(url), max_bytes):
                result = NotDelivered.FAILED
            raise
        finally:
            self._running[url] -= 1
            if not self._running[url]:
                del self._running[url]
            self._learn(url, result, time.monotonic() - started)
        if isinstance(result, NotDelivered):
            return None
        self.blocks_in += 1
        self.bytes_in += len(result)
        return bytes(result)

    def _learn(self, url: str, result: BytesLike | NotDelivered, seconds: float) -> None:
        source = self._sources.get(url)
        if source is None:
            return  # it left the list meanwhile
        now = time.monotonic()
        if not isinstance(result, NotDelivered):
            self._sources[url] = delivered(source, now, len(result), seconds)
        elif result is NotDelivered.FAILED:
            self._sources[url] = failed(source, now)
        elif result is NotDelivered.LIED:
            self._sources[url] = lied(source, now)

    def _source(self, url: str) -> Source:
        return self._sources.get(url) or Source(updated=time.monotonic())
