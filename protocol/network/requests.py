"""Asking one server for one block, without any policy: connections are kept, bytes are checked, and that is all.

A peer that accepts no connections has a `p2p://` URL; it is asked over libp2p, which the swarm knows and this does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from cupel.protocol.network import bundle
from cupel.protocol.network.endpoint import STREAM_SCHEME
from cupel.protocol.network.errors import NetworkError
from cupel.protocol.network.http_client import Aborted, BodyTooLarge, Connection
from cupel.protocol.network.http_head import MalformedHead
from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES

# One request may take no longer, whatever the caller's deadline: others are asked meanwhile anyway.
ATTEMPT_SECONDS: Final = 30.0
HEAD_SECONDS: Final = 2.0
MAX_CONNECTIONS: Final = 64
MAX_CONNECTIONS_PER_SERVER: Final = 8
IDLE_SECONDS: Final = 20.0
"""A connection that nobody needs for so long is closed: its server hangs up soon, or has left for good."""
_MESSAGE: Final = "application/octet-stream"
_RAW_BLOCK: Final = "application/vnd.ipld.raw"

T = TypeVar("T")
Keep = Callable[[BytesLike, Cid], None]
"""Stores a block that was just checked."""
Arrived = Callable[[int, NotDelivered | None], None]
"""Hears, in a thread, that the block at this place in a list was kept, or why it was not."""
AskStream = Callable[[str, Cid, int, float, bool], Awaitable[bytes | None]]
"""A block from a peer id, of so many bytes at most, within so many seconds; as `ControlPlane.ask_block`."""


async def no_streams(
    peer_id: str, cid: Cid, max_bytes: int, deadline_seconds: float, only_have: bool
) -> bytes | None:
    """Of a process without libp2p: NetworkError."""
    raise NetworkError(f"{peer_id} is reached by libp2p alone")


class Requests:
    """A pool of connections to any number of block servers, bound to one event loop."""

    def __init__(self, ask_stream: AskStream = no_streams) -> None:
        self._ask_stream = ask_stream
        self._threads = ThreadPoolExecutor(MAX_CONNECTIONS, thread_name_prefix="fetch")
        self._idle: dict[str, list[tuple[float, Connection]]] = {}
        """With the time of each one's last answer, the newest last."""
        self._swept = -math.inf
        self._busy: set[Connection] = set()
        self._slots: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()
        """As long as somebody is in one or waits for one."""

    def close(self) -> None:
        """End every request and connection."""
        for connection in self._busy:
            connection.abort()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._sweep(math.inf)

    async def block(
        self, url: str, cid: Cid, max_bytes: int = MAX_BLOCK_BYTES, keep: Keep | None = None
    ) -> Outcome:
        """The block from the server at `url`, checked, or why not. Never raises for what the server does.

        keep: called with the block where it arrived, in a thread; then the result has no bytes. What it raises, this
        raises.

        Cancelled, it ends the connection; at most eight requests to one server run at a time and others wait.
        """
        async with self._slot(url):
            started = time.monotonic()
            deadline = started + ATTEMPT_SECONDS
            result: BytesLike | NotDelivered
            if url.startswith(STREAM_SCHEME):
                result = await self._over_stream(url, cid, max_bytes, keep)
            else:
                result = await self._on_connection(
                    url, lambda connection: _ask_block(connection, cid, max_bytes, deadline, keep)
                )
            return Outcome(result, time.monotonic() - started)

    async def blocks(
        self, url: str, cids: Sequence[Cid], keep: Keep, arrived: Arrived
    ) -> NotDelivered | None:
        """At most `bundle.MAX_BUNDLE` blocks from a peer that answers for many at once, each checked and kept.

        `arrived` hears of every block that came, is absent or is wrong, in order. Returns why it heard of no more,
        None if it heard of all. Never raises for what the server does; cancelled, it ends the connection.
        """
        async with self._slot(url):
            deadline = time.monotonic() + ATTEMPT_SECONDS
            return await self._on_connection(
                url, lambda connection: _ask_blocks(connection, cids, deadline, keep, arrived)
            )

    async def holds(self, url: str, cid: Cid) -> bool:
        """Whether the server at `url` says now that it holds the block; within two seconds."""
        if url.startswith(STREAM_SCHEME):
            with contextlib.suppress(NetworkError):
                peer_id = url.removeprefix(STREAM_SCHEME)
                return await self._ask_stream(peer_id, cid, 0, HEAD_SECONDS, True) is not None
            return False
        deadline = time.monotonic() + HEAD_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAD_SECONDS), self._slot(url):
                return await self._on_connection(url, lambda connection: _ask_head(connection, cid, deadline))
        return False

    async def post(self, url: str, path: str, body: bytes, max_bytes: int) -> tuple[int, bytes] | None:
        """Status and body, of at most `max_bytes`, of the answer to a small message; None if there is none in time.

        404 of a peer that is reached by libp2p alone, which takes no messages.
        """
        if url.startswith(STREAM_SCHEME):
            return 404, b""
        deadline = time.monotonic() + HEAD_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAD_SECONDS):
                return await self._on_connection(
                    url, lambda connection: _ask_post(connection, path, body, max_bytes, deadline)
                )
        return None

    async def _over_stream(
        self, url: str, cid: Cid, max_bytes: int, keep: Keep | None
    ) -> BytesLike | NotDelivered:
        try:
            block = await self._ask_stream(
                url.removeprefix(STREAM_SCHEME), cid, max_bytes, ATTEMPT_SECONDS, False
            )
        except NetworkError:
            return NotDelivered.FAILED
        return NotDelivered.ABSENT if block is None else await asyncio.to_thread(_checked, block, cid, keep)

    def _slot(self, url: str) -> asyncio.Semaphore:
        return self._slots.setdefault(url, asyncio.Semaphore(MAX_CONNECTIONS_PER_SERVER))

    async def _on_connection(self, url: str, ask: Callable[[Connection], T]) -> T:
        idle = self._idle.get(url)
        connection = idle.pop()[1] if idle else Connection(url)
        self._busy.add(connection)
        running = self._threads.submit(ask, connection)
        try:
            result = await asyncio.wrap_future(running)
        except BaseException:
            # Nobody takes it again: it is closed as soon as no thread uses it.
            connection.abort()
            running.add_done_callback(lambda _: connection.close())
            raise
        finally:
            self._busy.discard(connection)
        now = time.monotonic()
        self._idle.setdefault(url, []).append((now, connection))
        if now >= self._swept + IDLE_SECONDS / 4:
            self._swept = now
            self._sweep(now - IDLE_SECONDS)
        return result

    def _sweep(self, before: float) -> None:
        """Close what answered last before this time."""
        for url, idle in list(self._idle.items()):
            kept = [(answered, connection) for answered, connection in idle if answered >= before]
            for _, connection in idle[: len(idle) - len(kept)]:
                connection.close()
            if kept:
                self._idle[url] = kept
            else:
                del self._idle[url]


def _ask_block(
    connection: Connection, cid: Cid, max_bytes: int, deadline: float, keep: Keep | None
) -> BytesLike | NotDelivered:
    try:
        status, body = connection.ask("GET", f"/ipfs/{cid}?format=raw", max_bytes, deadline, _RAW_BLOCK)
    except (OSError, MalformedHead, BodyTooLarge, Aborted, ValueError):
        return NotDelivered.FAILED
    # A redirect would make us ask whom the peer likes: it is a failure.
    if status == 200:
        return _checked(body, cid, keep)
    if status == 404:
        return NotDelivered.ABSENT
    return NotDelivered.BUSY if status in (429, 503) else NotDelivered.FAILED


def _ask_blocks(
    connection: Connection, cids: Sequence[Cid], deadline: float, keep: Keep, arrived: Arrived
) -> NotDelivered | None:
    try:
        with connection.asking(bundle.PATH, deadline, _MESSAGE, bundle.to_request(cids)) as (status, length):
            if status != 200:
                return NotDelivered.BUSY if status in (429, 503) else NotDelivered.FAILED
            told = bytes(connection.part(bundle.LENGTH_BYTES * len(cids), deadline))
            try:
                lengths = bundle.from_lengths(told, length)
            except Rejected:
                return NotDelivered.FAILED
            for place, (cid, num_bytes) in enumerate(zip(cids, lengths, strict=True)):
                if num_bytes is None:
                    arrived(place, NotDelivered.ABSENT)
                    continue
                block = connection.part(num_bytes, deadline)
                if not cid.addresses(block):
                    arrived(place, NotDelivered.LIED)
                    return NotDelivered.LIED
                keep(block, cid)
                arrived(place, None)
    except (OSError, MalformedHead, Aborted):
        return NotDelivered.FAILED
    return None


def _checked(body: BytesLike, cid: Cid, keep: Keep | None) -> BytesLike | NotDelivered:
    if not cid.addresses(body):
        return NotDelivered.LIED
    if keep is None:
        return bytes(body)
    keep(body, cid)
    return b""


def _ask_head(connection: Connection, cid: Cid, deadline: float) -> bool:
    try:
        status, _ = connection.ask("HEAD", f"/ipfs/{cid}?format=raw", 0, deadline, _RAW_BLOCK)
    except (OSError, MalformedHead, BodyTooLarge, Aborted, ValueError):
        return False
    return status == 200


def _ask_post(
    connection: Connection, path: str, body: bytes, max_bytes: int, deadline: float
) -> tuple[int, bytes] | None:
    try:
        status, answer = connection.ask("POST", path, max_bytes, deadline, _MESSAGE, body)
    except (OSError, MalformedHead, BodyTooLarge, Aborted, ValueError):
        return None
    return status, bytes(answer)
