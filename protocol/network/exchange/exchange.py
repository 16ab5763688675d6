"""The exchange as a process uses it: publish files, fetch files, and answer peers about them."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from cupel.protocol.network.exchange.channel import PREFIX, Channel, FindFile, OpenFile, find_nothing
from cupel.protocol.network.exchange.engine import Download, Progress
from cupel.protocol.network.exchange.messages import SESSION_BYTES
from cupel.protocol.network.exchange.publisher import Publisher
from cupel.protocol.network.exchange.wire import Wire
from cupel.protocol.network.server import Route
from cupel.protocol.network.sources import Source
from cupel.protocol.network.statistics import FileInFlight
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import Link
from cupel.protocol.storage.port import BlockStore


class Exchange:
    """Belongs to the event loop it is entered on; leaving it ends what still tells peers of finished files."""

    def __init__(self, wire: Wire, draw: random.Random, find: FindFile = find_nothing) -> None:
        """find: files that are complete here, for peers that ask about them."""
        self._wire = wire
        self._draw = draw
        self._channel = Channel(secrets.token_bytes(SESSION_BYTES), draw, find)
        self._known: dict[str, Source] = {}
        self._lingering: set[asyncio.Task[None]] = set()
        self._running: dict[Cid, Download] = {}

    @property
    def in_flight(self) -> tuple[FileInFlight, ...]:
        """Files that are fetched now."""
        return tuple(download.in_flight for download in self._running.values())

    @property
    def route(self) -> Route:
        """Where a block server hands over what peers say."""
        return Route(PREFIX, self._channel.answer)

    async def __aenter__(self) -> Self:
        """Nothing is open yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop speaking."""
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)

    def serve_at(self, port: int) -> None:
        """Tell peers from now on that this process serves there; before, it only fetches."""
        self._channel.port = port

    def publish(self, root: Cid, num_leaves: int) -> None:
        """Spread a file that is complete here, each leaf about once."""
        self._channel.open(root, OpenFile(num_leaves, publisher=Publisher(num_leaves)))

    async def fetch(
        self,
        root: Cid,
        leaves: Sequence[Link],
        store: BlockStore,
        sources: Sequence[str],
        progress: Progress = lambda num_bytes: None,
        superseded: asyncio.Event | None = None,
        give_up_seconds: float | None = None,
    ) -> None:
        """Put the leaves that `store` lacks, from the sources and from the peers they name. As `Download.run`.

        progress: hears of the bytes of every leaf that came.
        """
        distinct = tuple(dict.fromkeys(leaves))
        download = Download(root, distinct, store, self._channel, self._wire, self._draw, self._known)
        self._running[root] = download
        try:
            await download.run(sources, progress, superseded, give_up_seconds)
        except BaseException:
            self._channel.close(root)
            raise
        finally:
            self._running.pop(root, None)
        if self._channel.port:
            task = asyncio.create_task(download.linger())
            self._lingering.add(task)
            task.add_done_callback(self._lingering.discard)
        else:
            self._channel.close(root)
