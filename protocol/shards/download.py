"""All blocks of a file from several sources at once.

Each source is asked for a few blocks at a time and takes its next one when it delivered: a fast source delivers more,
a dead one keeps its few for a moment and a lying one is asked no more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from cupel.protocol.network.errors import NetworkError
from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES, Link, child_links, root_link
from cupel.protocol.storage.fast import FastStore
from cupel.protocol.storage.port import BlockStore

REQUESTS_PER_SOURCE: Final = 4
RETRY_SECONDS: Final = 0.25
# Without any block for so long, the file is given up.
GIVE_UP_SECONDS: Final = 30.0

Request = Callable[[str, Cid, int], Awaitable[Outcome]]
Progress = Callable[[int], None]


class NotFetched(NetworkError):
    """A file of which no source delivers the next block."""


async def fetch_leaves(
    root: Cid, sources: Sequence[str], store: BlockStore, request: Request
) -> tuple[Link, ...]:
    """The leaves of the file below `root`, in order; its nodes are fetched and stored.

    NotFetched if nobody delivers them, Rejected(DAG, CID) if `root` is no file of ours.
    """
    block = await _node(root, sources, store, request)
    level = [(root_link(root, block), block)]
    while level[0][0].height > 1:
        children = [child for link, block in level for child in child_links(link, block)]
        level = [(child, await _node(child.cid, sources, store, request)) for child in children]
    if level[0][0].height == 0:
        return (level[0][0],)
    return tuple(leaf for link, block in level for leaf in child_links(link, block))


async def download(
    root: Cid,
    sources: Sequence[str],
    store: BlockStore,
    leaves: Sequence[Link],
    request: Request,
    progress: Progress,
) -> None:
    """Put every leaf of the file below `root` that `store` lacks; `progress` hears of the bytes of each.

    NotFetched if for half a minute nobody delivers anything.
    """
    waiting = deque(dict.fromkeys(leaf for leaf in leaves if not store.has(leaf.cid)))
    await _Download(root, store, request, progress, waiting).run(sources)


class _Download:
    def __init__(
        self, root: Cid, store: BlockStore, request: Request, progress: Progress, waiting: deque[Link]
    ) -> None:
        self._root = root
        self._put = putting_checked(store)
        self._request = request
        self._progress = progress
        self._waiting = waiting
        self._missing = len(waiting)
        self._complete = asyncio.Event()
        self._trouble: dict[str, str] = {}
        self._last = asyncio.get_running_loop().time()

    async def run(self, sources: Sequence[str]) -> None:
        if not self._missing:
            return
        workers = [
            asyncio.create_task(self._work(source, lacking))
            for source in sources
            for lacking in [set[Cid]()]
            for _ in range(REQUESTS_PER_SOURCE)
        ]
        watch = asyncio.create_task(self._watch())
        finished = asyncio.create_task(self._complete.wait())
        try:
            pending: set[asyncio.Task[object]] = {finished, watch, *workers}
            while not finished.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in (finished, watch, *workers):
                task.cancel()
            await asyncio.gather(finished, watch, *workers, return_exceptions=True)

    async def _work(self, source: str, lacking: set[Cid]) -> None:
        """Ask one source for one block after the other, until it lies; `lacking` is what it said it has not."""
        while not self._complete.is_set():
            leaf = self._next(lacking)
            if leaf is None:
                # It may have got some of them meanwhile.
                lacking.clear()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                outcome = await self._request(source, leaf.cid, leaf.file_bytes)
            except BaseException:
                self._waiting.append(leaf)
                raise
            if not isinstance(outcome.result, NotDelivered):
                await asyncio.to_thread(self._put, outcome.result, leaf.cid)
                self._arrived(leaf)
                continue
            self._waiting.append(leaf)
            self._trouble[source] = outcome.result.name.lower()
            if outcome.result is NotDelivered.LIED:
                return
            if outcome.result is NotDelivered.ABSENT:
                lacking.add(leaf.cid)
            await asyncio.sleep(RETRY_SECONDS)

    def _next(self, lacking: set[Cid]) -> Link | None:
        for index, leaf in enumerate(self._waiting):
            if leaf.cid not in lacking:
                del self._waiting[index]
                return leaf
        return None

    def _arrived(self, leaf: Link) -> None:
        self._last = asyncio.get_running_loop().time()
        self._progress(leaf.file_bytes)
        self._missing -= 1
        if not self._missing:
            self._complete.set()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._last + GIVE_UP_SECONDS - loop.time()) > 0:  # noqa: ASYNC110  # `left` differs each time
            await asyncio.sleep(left)
        raise NotFetched(
            f"{self._missing} blocks of {self._root} are missing and nobody delivers them"
            f" ({_troubles(self._trouble)}); what arrived is kept, so run this again when a source is back"
        )


def putting_checked(store: BlockStore) -> Callable[[BytesLike, Cid], object]:
    """How to put blocks that were just checked against their addresses."""
    return store.put_verified if isinstance(store, FastStore) else store.put


async def _node(cid: Cid, sources: Sequence[str], store: BlockStore, request: Request) -> bytes:
    block = await asyncio.to_thread(store.get, cid)
    if block is not None:
        return block
    trouble: dict[str, str] = {}
    loop = asyncio.get_running_loop()
    end = loop.time() + GIVE_UP_SECONDS
    while loop.time() < end:
        for source in sources:
            if trouble.get(source) == "lied":
                continue
            outcome = await request(source, cid, MAX_BLOCK_BYTES)
            if not isinstance(outcome.result, NotDelivered):
                await asyncio.to_thread(putting_checked(store), outcome.result, cid)
                return bytes(outcome.result)
            trouble[source] = outcome.result.name.lower()
        if all(reason == "lied" for reason in trouble.values()):
            break
        await asyncio.sleep(RETRY_SECONDS)
    raise NotFetched(f"nobody delivers {cid} ({_troubles(trouble)}); check the CID and the sources")


def _troubles(trouble: dict[str, str]) -> str:
    return ", ".join(f"{source}: {reason}" for source, reason in sorted(trouble.items())) or "no answer"
