"""The data plane's fetching half: one block from whoever delivers it first, checked against its address.

Several sources are asked one after the other; when one takes longer than it should, the next is asked beside it. So
a dead or stopped peer costs a second and not the deadline, and a lying one costs one block and its reputation.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping
from enum import Enum, auto
from types import TracebackType
from typing import Final

import aiohttp

from cupel.protocol.network.errors import BlockUnavailable
from cupel.protocol.network.sources import Source, delivered, failed, lied, patience_seconds, ranking
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES

CONNECT_SECONDS: Final = 2.0
# One request may take no longer, whatever the caller's deadline: others are asked meanwhile anyway.
ATTEMPT_SECONDS: Final = 30.0
HEAD_SECONDS: Final = 2.0
# Requests for one block at a time. More would multiply the traffic when everybody is slow.
MAX_RACING: Final = 3
# Nobody has it yet: how long to wait before all are asked again.
FIRST_PAUSE_SECONDS: Final = 0.25
MAX_PAUSE_SECONDS: Final = 2.0
MAX_CONNECTIONS: Final = 64
MAX_CONNECTIONS_PER_SOURCE: Final = 8


class _NotDelivered(Enum):
    ABSENT = auto()
    """It has no such block, or is busy: nothing against it."""
    FAILED = auto()
    LIED = auto()


class BlockClient:
    """Fetches blocks from a set of block servers and remembers how each one serves. An async context manager."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._sources: dict[str, Source] = {}
        self._running: Counter[str] = Counter()
        self.blocks_in = 0
        self.bytes_in = 0

    async def __aenter__(self) -> BlockClient:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, limit_per_host=MAX_CONNECTIONS_PER_SOURCE),
            timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS, sock_connect=CONNECT_SECONDS),
            # Peers choose what they answer: no cookies, and no compression that a small answer could explode from.
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/vnd.ipld.raw", "Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

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
        return sum(await asyncio.gather(*(self._holds(url, cid) for url in self._sources)))

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
        outcome: bytes | _NotDelivered = _NotDelivered.ABSENT
        try:
            outcome = await self._request(url, cid, max_bytes)
        except asyncio.CancelledError:
            # Overtaken by another source after it was given its time, or the caller gave up.
            if time.monotonic() - started > patience_seconds(self._source(url), max_bytes):
                outcome = _NotDelivered.FAILED
            raise
        finally:
            self._running[url] -= 1
            self._learn(url, outcome, time.monotonic() - started)
        if not isinstance(outcome, bytes):
            return None
        self.blocks_in += 1
        self.bytes_in += len(outcome)
        return outcome

    async def _request(self, url: str, cid: Cid, max_bytes: int) -> bytes | _NotDelivered:
        try:
            # A redirect would make us ask whom the peer likes.
            async with self._session.get(_block_url(url, cid), allow_redirects=False) as response:
                if response.status in (404, 503):
                    return _NotDelivered.ABSENT
                if response.status != 200:
                    return _NotDelivered.FAILED
                block = await _read_at_most(response, max_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return _NotDelivered.FAILED
        if block is None:
            return _NotDelivered.FAILED
        return block if cid.addresses(block) else _NotDelivered.LIED

    def _learn(self, url: str, outcome: bytes | _NotDelivered, seconds: float) -> None:
        source = self._sources.get(url)
        if source is None:
            return  # it left the list meanwhile
        now = time.monotonic()
        if isinstance(outcome, bytes):
            self._sources[url] = delivered(source, now, len(outcome), seconds)
        elif outcome is _NotDelivered.FAILED:
            self._sources[url] = failed(source, now)
        elif outcome is _NotDelivered.LIED:
            self._sources[url] = lied(source, now)

    def _source(self, url: str) -> Source:
        return self._sources.get(url) or Source(updated=time.monotonic())

    async def _holds(self, url: str, cid: Cid) -> bool:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with (
                asyncio.timeout(HEAD_SECONDS),
                self._session.head(_block_url(url, cid), allow_redirects=False) as response,
            ):
                return response.status == 200
        return False


def _block_url(url: str, cid: Cid) -> str:
    return f"{url}/ipfs/{cid}?format=raw"


async def _read_at_most(response: aiohttp.ClientResponse, max_bytes: int) -> bytes | None:
    """The body, or None as soon as it is larger than allowed."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > max_bytes:
            return None
    return bytes(body)
