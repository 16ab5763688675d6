"""Blocks from the IPFS network: only where peers do not deliver, bounded, and never an error of its own."""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable

import pytest

from cupel.protocol.network import finding
from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.errors import BlockUnavailable
from cupel.protocol.network.finding import BlockFinder
from cupel.protocol.network.server import BlockServer
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.files import BlockMissing
from cupel.protocol.storage.port import StorageError
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.waiting import HANG_SECONDS, eventually

BLOCK = b"somewhere in the network"
CID = Cid.raw_of(BLOCK)


class SearchingMemory(MemoryStore):
    """A store whose daemon finds what is in `network`."""

    def __init__(self, *network: bytes, answers: bool = True, works: bool = True) -> None:
        super().__init__()
        self.network = {Cid.raw_of(block): block for block in network}
        self.asked: list[Cid] = []
        self.deadlines: list[float] = []
        self.answers, self.works = answers, works
        self.released = threading.Event()

    def fetch(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        self.asked.append(cid)
        self.deadlines.append(deadline_seconds)
        if not self.works:
            raise StorageError("no daemon", "start one")
        if not self.answers:
            self.released.wait(deadline_seconds)
        if cid not in self.network or not self.answers:
            raise BlockMissing(cid)
        return self.network[cid]


def run(store: MemoryStore, scenario: Callable[[BlockFinder], Awaitable[None]], *peers: MemoryStore) -> None:
    async def main() -> None:
        servers = [BlockServer(peer) for peer in peers]
        ports = [await server.start("127.0.0.1", 0) for server in servers]
        try:
            async with BlockClient(random.Random(0)) as client:
                client.set_sources(frozenset(f"http://127.0.0.1:{port}" for port in ports))
                finder = BlockFinder(client, store)
                try:
                    await scenario(finder)
                finally:
                    finder.close()
        finally:
            for server in servers:
                await server.close()

    asyncio.run(main())


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "PEERS_ALONE_SECONDS", 0.3)


def test_what_no_peer_has_is_searched_for() -> None:
    store = SearchingMemory(BLOCK)

    async def scenario(finder: BlockFinder) -> None:
        assert await finder.fetch(CID, HANG_SECONDS) == BLOCK
        assert store.asked == [CID]

    run(store, scenario, MemoryStore())


def test_what_a_peer_has_is_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "PEERS_ALONE_SECONDS", HANG_SECONDS)
    store, peer = SearchingMemory(BLOCK), MemoryStore()
    peer.put(BLOCK)

    async def scenario(finder: BlockFinder) -> None:
        assert await finder.fetch(CID, HANG_SECONDS) == BLOCK
        assert store.asked == []

    run(store, scenario, peer)


@pytest.mark.parametrize("works", [True, False], ids=["finds nothing", "fails"])
def test_peers_go_on_being_asked_when_the_network_does_not_help(works: bool) -> None:
    store, peer = SearchingMemory(works=works), MemoryStore()

    async def scenario(finder: BlockFinder) -> None:
        fetching = asyncio.create_task(finder.fetch(CID, HANG_SECONDS))
        await eventually(lambda: bool(store.asked))
        peer.put(BLOCK)
        assert await fetching == BLOCK

    run(store, scenario, peer)


def test_a_peer_that_comes_first_ends_the_search() -> None:
    store, peer = SearchingMemory(answers=False), MemoryStore()

    async def scenario(finder: BlockFinder) -> None:
        fetching = asyncio.create_task(finder.fetch(CID, HANG_SECONDS))
        await eventually(lambda: bool(store.asked))
        peer.put(BLOCK)
        assert await fetching == BLOCK
        store.released.set()

    run(store, scenario, peer)


def test_the_deadline_bounds_a_search_that_hangs() -> None:
    store = SearchingMemory(answers=False)

    async def scenario(finder: BlockFinder) -> None:
        with pytest.raises(BlockUnavailable):
            await finder.fetch(CID, 1)
        # None, if the second was over before a thread could begin.
        assert all(seconds < 1 for seconds in store.deadlines)
        store.released.set()

    run(store, scenario)


def test_a_store_that_cannot_search_asks_peers_alone() -> None:
    async def scenario(finder: BlockFinder) -> None:
        assert finder.peers_alone_seconds(10) is None
        with pytest.raises(BlockUnavailable):
            await finder.fetch(CID, 0.2)

    run(MemoryStore(), scenario, MemoryStore())
