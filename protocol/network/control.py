"""The control plane as asyncio sees it: a gossip host in a daemon thread, behind calls that never wait for ever.

The thread may die or stall; then every call here raises ControlPlaneDown, at once or after its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cupel.protocol.network.announcement import MAX_ANNOUNCEMENT_BYTES, Announcement
from cupel.protocol.network.errors import ControlPlaneDown, LibraryMissing, NetworkError, PeerSilent
from cupel.protocol.network.listening import bind
from cupel.protocol.recent import Recent
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid

if TYPE_CHECKING:
    from cupel.protocol.network.gossip import GossipNode

# Loading libp2p takes 0.7 s on an idle machine and many times that on a crowded one.
START_SECONDS: Final = 60.0
PUBLISH_SECONDS: Final = 5.0
# A quiet host ends within 0.1 s; whoever does not is abandoned, and ends with the process.
CLOSE_SECONDS: Final = 2.0
MAX_QUEUED: Final = 256
MAX_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """What the gossip host is made from."""

    identity_seed: bytes
    """32-byte Ed25519 seed."""
    host: str | None
    """None listens nowhere: the host only connects to others."""
    port: int
    """0 takes a free one."""
    topic: str


class ControlPlane:
    """Publishes and receives announcements. Belongs to the event loop it was started on."""

    def __init__(self, settings: ControlSettings, find_block: Callable[[Cid], bytes | None]) -> None:
        """find_block: what peers get over streams; called in threads of its own."""
        assert len(settings.identity_seed) == 32, "an Ed25519 seed has 32 bytes"
        self._settings = settings
        self._find_block = find_block
        self._node: GossipNode | None = None
        self._is_closing = False
        self._peer_count = 0
        self._inbox: deque[Announcement] = deque(maxlen=MAX_QUEUED)
        self._arrival = asyncio.Event()
        self._seen = Recent(MAX_REMEMBERED)

    @property
    def num_peers(self) -> int:
        """libp2p peers connected now."""
        return self._peer_count

    async def start(self) -> tuple[str, int]:
        """Start the host; its peer id and listening port, 0 for none.

        LibraryMissing, PortTaken, or ControlPlaneDown if it does not start within a minute.
        """
        # libp2p hides why it cannot listen, so we try first.
        if self._settings.host is not None:
            bind("p2p_port", self._settings.host, self._settings.port).close()
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[BaseException | None] = self._loop.create_future()
        self._ready: asyncio.Future[tuple[str, int]] = self._loop.create_future()
        threading.Thread(target=self._run, name="cupel-gossip", daemon=True).start()
        peer_id, port = await self._answer(self._ready, START_SECONDS)
        return str(peer_id), int(port)

    async def close(self) -> None:
        """End the host; returns within two seconds, without raising, whatever state it is in."""
        self._is_closing = True
        self._arrival.set()
        if self._node is not None:
            with contextlib.suppress(RuntimeError):  # the run has ended by itself
                self._node.close()
            await asyncio.wait([self._ended], timeout=CLOSE_SECONDS)

    def set_peers(self, addresses: Mapping[str, tuple[str, ...]]) -> None:
        """Stay connected to exactly these peer ids. ControlPlaneDown if the thread has ended."""
        self._call(lambda node: node.set_peers(addresses))

    async def publish(self, announcement: Announcement) -> None:
        """Hand an announcement to the connected peers; returns when it is on its way, not when it arrived."""
        payload = announcement.to_bytes()
        assert _is_valid(payload), "we announce only what peers accept"
        published: asyncio.Future[None] = self._loop.create_future()

        def done(error: Exception | None) -> None:
            problem = None if error is None else ControlPlaneDown(f"cannot publish: {error!r}")
            self._in_loop(_settle, published, None, problem)

        self._call(lambda node: node.publish(payload, done))
        await self._answer(published, PUBLISH_SECONDS)

    async def ask_block(
        self, peer_id: str, cid: Cid, max_bytes: int, deadline_seconds: float, only_have: bool = False
    ) -> bytes | None:
        """A block, unchecked, over a stream of the connection with a peer; None if the peer has none.

        only_have: empty bytes tell that it has it. PeerSilent if the peer is not connected or does not answer in time.
        """
        answered: asyncio.Future[bytes | None] = self._loop.create_future()

        def done(block: bytes | None, error: Exception | None) -> None:
            problem = None if error is None else PeerSilent(peer_id, repr(error))
            self._in_loop(_settle, answered, block, problem)

        self._call(lambda node: node.ask_block(peer_id, cid, max_bytes, only_have, deadline_seconds, done))
        block: bytes | None = await self._answer(answered, deadline_seconds + PUBLISH_SECONDS)
        return block

    async def announcements(self) -> AsyncIterator[Announcement]:
        """Announcements of others as they come, each once; the oldest are dropped while nobody reads.

        Ends when this is closed, with ControlPlaneDown if the thread ends otherwise. For one reader.
        """
        while True:
            while self._inbox:
                yield self._inbox.popleft()
            if self._is_closing:
                return
            self._raise_if_ended()
            self._arrival.clear()
            await self._arrival.wait()

    # Called in the gossip thread.

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            try:
                # libp2p is loaded here and nowhere else: it costs 57 MB and needs a compiler to install.
                from cupel.protocol.network.gossip import GossipSettings, run_gossip
            except ImportError as problem:
                raise LibraryMissing(str(problem)) from problem
            settings = self._settings
            run_gossip(
                GossipSettings(
                    identity_seed=settings.identity_seed,
                    host=settings.host,
                    port=settings.port,
                    topic=settings.topic,
                    max_message_bytes=MAX_ANNOUNCEMENT_BYTES,
                    is_valid=_is_valid,
                    find_block=self._find_block,
                ),
                self,
            )
        except BaseException as problem:
            # Nothing above this thread would see it: it is handed to whoever calls next.
            error = problem
        self._in_loop(self._end, error)

    def started(self, node: GossipNode, peer_id: str, port: int) -> None:
        """The host listens (called in the gossip thread)."""
        self._node = node
        if self._is_closing:
            node.close()  # it took so long that the caller gave up
        self._in_loop(_settle, self._ready, (peer_id, port), None)

    def received(self, payload: bytes) -> None:
        """A valid payload arrived (called in the gossip thread)."""
        self._in_loop(self._accept, payload)

    def connected(self, num_peers: int) -> None:
        """The number of peers changed (called in the gossip thread)."""
        self._peer_count = num_peers

    def _in_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(function, *arguments)

    # Called in the event loop.

    def _accept(self, payload: bytes) -> None:
        digest = sha256(payload)
        if digest in self._seen:
            return
        self._seen.add(digest)
        self._inbox.append(Announcement.from_bytes(payload))
        self._arrival.set()

    def _end(self, error: BaseException | None) -> None:
        self._peer_count = 0
        self._ended.set_result(error)
        self._arrival.set()

    def _raise_if_ended(self) -> None:
        if not self._ended.done():
            return
        error = self._ended.result()
        if isinstance(error, NetworkError):
            raise error
        raise ControlPlaneDown("it was closed" if error is None else repr(error)) from error

    def _call(self, order: Callable[[GossipNode], None]) -> None:
        self._raise_if_ended()
        assert self._node is not None, "start first"
        try:
            order(self._node)
        except RuntimeError as error:  # trio's RunFinishedError, before its end was reported to this loop
            raise ControlPlaneDown("it has just ended") from error

    async def _answer(self, future: asyncio.Future[Any], deadline_seconds: float) -> Any:
        await asyncio.wait(
            [future, self._ended], timeout=deadline_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if future.done():
            return future.result()
        self._raise_if_ended()
        raise ControlPlaneDown(f"no answer within {deadline_seconds:g} s")


def _is_valid(payload: bytes) -> bool:
    try:
        Announcement.from_bytes(payload)
    except Rejected:
        return False
    return True


def _settle(future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if future.done():
        return  # its caller gave up
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
