"""Simulated links between the processes of a run, and the swarm's control plane over them.

Everything above is the swarm's own: which peer is asked, how long it is waited for, what is checked and kept. Every
peer is one behind NAT, asked over the streams of the control plane, of which this is the other implementation.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from cupel.devnet.chaos.clock import elapse
from cupel.devnet.chaos.scenario import Link, Partition
from cupel.protocol.network.announcement import Announcement
from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.network.errors import PeerSilent
from cupel.protocol.network.exchange.exchange import Exchange
from cupel.protocol.network.exchange.wire import Wire
from cupel.protocol.network.finding import BlockFinder
from cupel.protocol.network.swarm import Swarm
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.port import BlockStore

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PREFIX: Final = bytes.fromhex("2408011220")
RETRANSMISSION_SECONDS: Final = 1.0
"""What a lost packet costs a stream, as TCP's first timeout."""


@dataclass(slots=True)
class Links:
    """Who can reach whom now, and how well."""

    link: Link
    partitions: tuple[Partition, ...]
    draw: random.Random
    members: dict[str, SimulatedControl] = field(default_factory=dict)
    """Who runs, by peer id."""
    bytes_moved: int = 0
    lost: int = 0

    def joined(self, one: str, other: str, now: float) -> bool:
        """Whether no partition is between two processes."""
        return not any(cut.parts(one, other) for cut in self.partitions if cut.begins <= now < cut.ends)

    def crossing_seconds(self, num_bytes: int) -> float:
        """How long so many bytes take over a stream, with what is lost sent again."""
        again = 0
        while self.draw.random() < self.link.loss and again < 8:
            again += 1
        self.lost += again
        self.bytes_moved += num_bytes
        latency = self.link.latency_seconds * self.draw.uniform(0.5, 1.5)
        return latency + num_bytes / self.link.bytes_per_second + again * RETRANSMISSION_SECONDS


class SimulatedControl:
    """The methods of `ControlPlane`, over links."""

    def __init__(self, name: str, links: Links, find: BlockStore) -> None:
        self.name = name
        self.peer_id = peer_id_of(name)
        self._links = links
        self._store = find
        self._peers: frozenset[str] = frozenset()
        self._inbox: deque[Announcement] = deque(maxlen=256)
        self._arrival = asyncio.Event()
        self._seen: set[bytes] = set()

    @property
    def num_peers(self) -> int:
        """Peers that are reached now."""
        return sum(self._reaches(peer) is not None for peer in self._peers)

    async def start(self) -> tuple[str, int]:
        """Be there."""
        self._links.members[self.peer_id] = self
        return self.peer_id, 0

    async def close(self) -> None:
        """Be gone."""
        if self._links.members.get(self.peer_id) is self:
            del self._links.members[self.peer_id]

    def set_peers(self, addresses: Mapping[str, tuple[str, ...]]) -> None:
        """Know these peers."""
        self._peers = frozenset(addresses)

    async def publish(self, announcement: Announcement) -> None:
        """Send to every peer; what is lost is lost."""
        loop, payload = asyncio.get_running_loop(), announcement.to_bytes()
        for peer in sorted(self._peers):
            if self._reaches(peer) is None or self._links.draw.random() < self._links.link.loss:
                continue
            loop.call_at(
                loop.time() + self._links.crossing_seconds(len(payload)), self._deliver, peer, payload
            )

    def _deliver(self, peer: str, payload: bytes) -> None:
        control = self._reaches(peer)
        if control is not None:
            control.hear(payload)

    def hear(self, payload: bytes) -> None:
        """An announcement arrived."""
        digest = sha256(payload)
        if digest not in self._seen:
            self._seen.add(digest)
            self._inbox.append(Announcement.from_bytes(payload))
            self._arrival.set()

    async def announcements(self) -> AsyncIterator[Announcement]:
        """What was heard, for one reader."""
        while True:
            while self._inbox:
                yield self._inbox.popleft()
            self._arrival.clear()
            await self._arrival.wait()

    async def ask_block(
        self, peer_id: str, cid: Cid, max_bytes: int, deadline_seconds: float, only_have: bool = False
    ) -> bytes | None:
        """A block over a stream. PeerSilent if the peer is not there, cut off, or too slow."""
        try:
            async with asyncio.timeout(deadline_seconds):
                await elapse(self._links.crossing_seconds(64))
                control = self._reaches(peer_id)
                if control is None:
                    raise PeerSilent(peer_id, "not connected")
                block = control.give(cid)
                if block is None or (len(block) > max_bytes and not only_have):
                    await elapse(self._links.crossing_seconds(16))
                    return None
                await elapse(self._links.crossing_seconds(0 if only_have else len(block)))
                if self._reaches(peer_id) is None:
                    raise PeerSilent(peer_id, "the stream broke")
                return b"" if only_have else block
        except TimeoutError:
            raise PeerSilent(peer_id, "too slow") from None

    def give(self, cid: Cid) -> bytes | None:
        """A block of ours."""
        return self._store.get(cid)

    def _reaches(self, peer_id: str) -> SimulatedControl | None:
        control = self._links.members.get(peer_id)
        now = asyncio.get_running_loop().time()
        return control if control is not None and self._links.joined(self.name, control.name, now) else None


class SimulatedSwarm(Swarm):
    """The swarm with another control plane, and no server."""

    def __init__(self, name: str, links: Links, store: BlockStore, seed: int) -> None:
        super().__init__(store, bytes(32), "chaos", accepts=False)
        self._links_control = SimulatedControl(name, links, store)
        self._control = self._links_control  # type: ignore[assignment]  # the same methods
        self._client = BlockClient(random.Random(seed), self._links_control.ask_block)
        self._finder = BlockFinder(self._client, store)
        wire = Wire(self._client.request, self._client.request_many, self._client.post)
        self._exchange = Exchange(wire, random.Random(seed), self._find)

    async def __aenter__(self) -> Self:
        peer_id, _ = await self._links_control.start()
        self._endpoint = Endpoint.outbound(peer_id)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._links_control.close()


def peer_id_of(name: str) -> str:
    """A peer id in the form that the chain's endpoints have."""
    number = int.from_bytes(_ED25519_PREFIX + sha256(name.encode()), "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" + text
