"""A download as it happens: asks what the scheduler says, stores what comes, tells peers, until the file is whole."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from cupel.protocol.network.bundle import MAX_BUNDLE
from cupel.protocol.network.errors import NetworkError, Superseded
from cupel.protocol.network.exchange.channel import NOT_OPEN, PREFIX, Channel, OpenFile
from cupel.protocol.network.exchange.masks import mask_of
from cupel.protocol.network.exchange.messages import Message, max_message_bytes
from cupel.protocol.network.exchange.peer import Ask
from cupel.protocol.network.exchange.scheduler import Scheduler
from cupel.protocol.network.exchange.wire import Wire
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.network.sources import Source
from cupel.protocol.network.statistics import FileInFlight
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import Link
from cupel.protocol.storage.fast import FastStore
from cupel.protocol.storage.port import BlockStore

# Without any leaf for so long, the file is given up.
GIVE_UP_SECONDS: Final = 30.0
LINGER_SECONDS: Final = 60.0
# Threads tell of leaves that arrived at most so often: peers are told less often still.
WAKE_SECONDS: Final = 0.01


Progress = Callable[[int], None]


class NotFetched(NetworkError):
    """A file of which no source delivers the next block."""


class Download:
    """One file on its way here; `run` once."""

    def __init__(
        self,
        root: Cid,
        leaves: Sequence[Link],
        store: BlockStore,
        channel: Channel,
        wire: Wire,
        draw: random.Random,
        known: dict[str, Source],
    ) -> None:
        """leaves: distinct, in the order of the file. known: memory of servers, shared by downloads."""
        self._root = root
        self._leaves = leaves
        self._store = store
        self._channel = channel
        self._wire = wire
        self._draw = draw
        held = mask_of(index for index, leaf in enumerate(leaves) if store.has(leaf.cid))
        self.scheduler = Scheduler([leaf.file_bytes for leaf in leaves], held, known)
        self._news = asyncio.Event()
        self._file = OpenFile(len(leaves), scheduler=self.scheduler, wake=self._news.set)
        self._sizes = {leaf.cid: leaf.file_bytes for leaf in leaves}
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._arrivals: deque[tuple[Ask, NotDelivered | None, float]] = deque()
        """Leaves that threads have stored, or not, and when: taken over before anything is decided."""
        self._woken = 0.0
        self._talks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._trouble: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        """Of the servers spoken to: a name is looked up once, not for every message."""
        self._last_leaf = time.monotonic()

    @property
    def in_flight(self) -> FileInFlight:
        """How far it is."""
        here = self.scheduler.holdings.bit_count()
        return FileInFlight(str(self._root), here, len(self._leaves), len(self._tasks))

    async def run(
        self,
        sources: Sequence[str],
        progress: Progress,
        superseded: asyncio.Event | None = None,
        give_up_seconds: float | None = None,
    ) -> None:
        """Return when every leaf is stored. NotFetched after so long without one; what the store raises;
        Rejected(DAG) for a file that lies about its leaves.

        Superseded, unless most of the file is here, once `superseded` is set. The file stays open: peers go on
        fetching it from here. `linger` tells them of the last leaves.
        """
        give_up_seconds = GIVE_UP_SECONDS if give_up_seconds is None else give_up_seconds
        self._channel.open(self._root, self._file)
        if superseded is not None:
            self._talks.add(asyncio.create_task(self._wake(superseded)))
        now = time.monotonic()
        for url in sources:
            self.scheduler.meet(url, now, given=True)
        try:
            while not self.scheduler.complete:
                now = time.monotonic()
                self._give_up_if_stuck(now, give_up_seconds)
                if superseded is not None and superseded.is_set() and not self.scheduler.worth_finishing():
                    raise Superseded(f"{self._root} is dropped for a newer version; what arrived is kept")
                for late in self.scheduler.overdue(now):
                    self._trouble[late.url] = "too slow"
                    # Whatever else that request was for is behind it, and as late.
                    if (task := self._tasks.get((late.url, late.leaf))) is not None:
                        task.cancel()
                self._ask(self.scheduler.asks(now, self._draw), progress)
                self._talk(now)
                await self._until(min(self.scheduler.next_event(now), self._last_leaf + give_up_seconds))
                self._take_arrivals(progress)
                if self._failure is not None:
                    raise self._failure
        finally:
            await self._close()

    async def linger(self) -> None:
        """Tell peers for a minute of what they do not know that is here; later they ask."""
        end = time.monotonic() + LINGER_SECONDS
        try:
            while (now := time.monotonic()) < end:
                self._talk(now)
                await self._until(self.scheduler.next_event(now))
        finally:
            await self._close()

    async def _until(self, moment: float) -> None:
        """Wait for news or the moment."""
        try:
            async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _wake(self, superseded: asyncio.Event) -> None:
        """Nobody may deliver anything any more, and the news must not wait for that."""
        await superseded.wait()
        self._news.set()

    async def _close(self) -> None:
        tasks = [*self._tasks.values(), *self._talks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _give_up_if_stuck(self, now: float, give_up_seconds: float) -> None:
        if now - self._last_leaf < give_up_seconds:
            return
        missing = self.scheduler.num_leaves - self.scheduler.holdings.bit_count()
        troubles = {**self._trouble, **{url: str(lie) for url, lie in self.scheduler.banned.items()}}
        raise NotFetched(
            f"{missing} blocks of {self._root} are missing and nobody delivers them ({told(troubles)}); what"
            " arrived is kept, so try again when a source is back"
        )

    def _ask(self, asks: Sequence[Ask], progress: Progress) -> None:
        """Send the requests: to a peer of ours one for all its leaves, to a gateway one for each."""
        together: defaultdict[str, list[Ask]] = defaultdict(list)
        for ask in asks:
            together[ask.url].append(ask)
        for url, its in together.items():
            size = MAX_BUNDLE if self.scheduler.speaks(url) else 1
            for start in range(0, len(its), size):
                part = its[start : start + size]
                task = asyncio.create_task(self._fetch(part, progress))
                for ask in part:
                    self._tasks[url, ask.leaf] = task

    async def _fetch(self, asks: Sequence[Ask], progress: Progress) -> None:
        """One request and its consequences."""
        url = asks[0].url
        try:
            if self.scheduler.speaks(url):
                cids = [self._leaves[ask.leaf].cid for ask in asks]
                wake = asyncio.get_running_loop().call_soon_threadsafe
                reason = await self._wire.ask_many(
                    url, cids, self._keep, lambda place, why: self._arrived(asks[place], why, wake)
                )
            else:
                leaf = self._leaves[asks[0].leaf]
                # Stored in the thread where it arrived: another hop would cost as much as the hash.
                result = (await self._wire.ask(url, leaf.cid, leaf.file_bytes, self._keep)).result
                reason = result if isinstance(result, NotDelivered) else None
                self._arrivals.append((asks[0], reason, time.monotonic()))
            self._take_arrivals(progress)
            self._unanswered(asks, reason)
        except Exception as error:  # the store's or the file's, handed to `run`
            self._failure = error
        finally:
            for ask in asks:
                self.scheduler.give_up(ask)
                if self._tasks.get((url, ask.leaf)) is asyncio.current_task():
                    del self._tasks[url, ask.leaf]
            self._news.set()

    def _arrived(self, ask: Ask, reason: NotDelivered | None, wake: Callable[..., object]) -> None:
        """In the thread of the request. Every leaf by itself would wake the loop more often than it has to talk."""
        now = time.monotonic()
        self._arrivals.append((ask, reason, now))
        if now - self._woken > WAKE_SECONDS:
            self._woken = now
            wake(self._news.set)

    def _take_arrivals(self, progress: Progress) -> None:
        while self._arrivals:
            ask, reason, now = self._arrivals.popleft()
            if reason is not None:
                self._trouble[ask.url] = reason.name.lower()
                self.scheduler.not_delivered(ask.url, ask.leaf, reason, now)
                continue
            for other in self.scheduler.received(ask.url, ask.leaf, now):
                self._cancel(other)
            if not self.scheduler.holdings >> ask.leaf & 1:
                self.scheduler.stored(ask.leaf)
                self._last_leaf = now
                progress(self._leaves[ask.leaf].file_bytes)

    def _unanswered(self, asks: Sequence[Ask], reason: NotDelivered | None) -> None:
        """A peer that breaks off failed once, however many leaves it still had to send."""
        for ask in asks:
            if reason is not None and self.scheduler.is_asked(ask):
                self._trouble[ask.url] = reason.name.lower()
                self.scheduler.not_delivered(ask.url, ask.leaf, reason, time.monotonic())
                return

    def _keep(self, block: BytesLike, cid: Cid) -> None:
        if len(block) != self._sizes[cid]:  # the publisher's lie: the bytes are those of the address
            raise Rejected(Reason.DAG, f"leaf {cid} does not have the size its parent claims")
        put_checked(self._store, block, cid)

    def _cancel(self, ask: Ask) -> None:
        """Wait no more for a leaf; a request of which no leaf is waited for any more is ended."""
        task = self._tasks.pop((ask.url, ask.leaf), None)
        if task is not None and task not in self._tasks.values():
            task.cancel()

    def _talk(self, now: float) -> None:
        for url in self.scheduler.talks(now):
            want = self.scheduler.talking(url)
            message = self._channel.message(self._file, self.scheduler.holdings, want, url)
            task = asyncio.create_task(self._speak(url, message))
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)

    async def _speak(self, url: str, message: bytes) -> None:
        """Send a message, and hear the answer."""
        began = time.monotonic()
        most = max_message_bytes(len(self._leaves))
        answer = await self._wire.post(url, f"{PREFIX}{self._root}", message, most)
        now = time.monotonic()
        if answer is None or answer[0] == NOT_OPEN or answer[0] in (429, 503):
            self._file.contacts.remove(url)
            self.scheduler.unreachable(url, now)
        elif answer[0] == 200:
            try:
                said = Message.from_bytes(answer[1], len(self._leaves))
            except Rejected as rejected:
                self.scheduler.ban(url, rejected, now)
            else:
                if url not in self._addresses:
                    self._addresses[url] = await _address(url)
                self._channel.meet(self._file, url, self._addresses[url], said, now, now - began)
        else:
            self.scheduler.heard(url, None, now, now - began)
        self._news.set()


def told(troubles: Mapping[str, str]) -> str:
    """What went wrong with each server, for a person."""
    return ", ".join(f"{url}: {trouble}" for url, trouble in sorted(troubles.items())) or "no source answers"


async def _address(url: str) -> str:
    """The IP address behind a server's URL; its host name if it has none now."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError:
        return host
    return str(found[0][4][0])


def put_checked(store: BlockStore, block: BytesLike, cid: Cid) -> None:
    """Put a block that was just checked against `cid`."""
    if isinstance(store, FastStore):
        store.put_verified(block, cid)
    else:
        store.put(block, cid)
