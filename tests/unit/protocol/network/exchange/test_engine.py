"""Downloads over loopback, from real servers: honest, lying, stopped, plain gateways, and one another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.errors import Superseded
from cupel.protocol.network.exchange import engine, scheduler
from cupel.protocol.network.exchange import peer as exchange_peer
from cupel.protocol.network.exchange.engine import NotFetched
from cupel.protocol.network.exchange.exchange import Exchange
from cupel.protocol.network.exchange.messages import Message
from cupel.protocol.network.exchange.wire import Wire
from cupel.protocol.network.server import BlockServer
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import Link, leaf_link
from cupel.protocol.storage.port import StorageFull
from cupel.protocol.testing.block_servers import Answer, cut_off, serving, silent, with_body
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.waiting import HANG_SECONDS

LEAF_BYTES = 20_000
CHUNKS = [pattern_bytes(f"leaf {number}", LEAF_BYTES - number) for number in range(24)]
LEAVES = tuple(leaf_link(Cid.raw_of(chunk), len(chunk)) for chunk in CHUNKS)
ROOT = Cid.raw_of(b"stands for the file's root")


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of a second peer because the machine stood still: each leaf comes once, and can be counted."""
    monkeypatch.setattr(scheduler, "END_GAME_LEAVES", 0)
    monkeypatch.setattr(exchange_peer, "MIN_DEADLINE_SECONDS", HANG_SECONDS)
    monkeypatch.setattr(exchange_peer, "MAX_DEADLINE_SECONDS", HANG_SECONDS)
    monkeypatch.setattr(engine, "GIVE_UP_SECONDS", HANG_SECONDS)


class CountingStore(MemoryStore):
    """A store that knows how often each block was put."""

    def __init__(self, chunks: Sequence[bytes] = ()) -> None:
        super().__init__()
        self.puts = 0
        for chunk in chunks:
            self.put(chunk)
        self.puts = 0

    def put(self, block: BytesLike, cid: Cid | None = None) -> Cid:
        self.puts += 1
        return super().put(block, cid)


@dataclass
class Peer:
    """One process's worth of exchange, server and store."""

    store: CountingStore
    exchange: Exchange
    client: BlockClient
    server: BlockServer
    url: str

    async def fetch(self, *sources: str, superseded: asyncio.Event | None = None) -> None:
        await self.exchange.fetch(ROOT, LEAVES, self.store, sources, superseded=superseded)


@asynccontextmanager
async def peer(
    chunks: Sequence[bytes] = (), serves: bool = True, publishes: bool = False
) -> AsyncIterator[Peer]:
    store = CountingStore(chunks)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(BlockClient(random.Random(1)))
        exchange = Exchange(Wire(client.request, client.request_many, client.post), random.Random(1))
        await stack.enter_async_context(exchange)
        server = BlockServer(store, [exchange.route])
        port = await server.start("127.0.0.1", 0)
        stack.push_async_callback(server.close)
        if serves:
            exchange.serve_at(port)
        if publishes:
            exchange.publish(ROOT, len(LEAVES))
        yield Peer(store, exchange, client, server, f"http://127.0.0.1:{port}")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


def is_complete(store: MemoryStore) -> bool:
    return all(store.get(leaf.cid) == chunk for leaf, chunk in zip(LEAVES, CHUNKS, strict=True))


def test_receivers_that_know_only_the_origin_find_each_other(unhurried: None) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            origin = await stack.enter_async_context(peer(CHUNKS, publishes=True))
            receivers = [await stack.enter_async_context(peer()) for _ in range(3)]
            await asyncio.gather(*(each.fetch(origin.url) for each in receivers))
            assert all(is_complete(each.store) for each in receivers)
            assert all(each.store.puts == len(LEAVES) for each in receivers)
            # A star would take three copies from the origin.
            assert origin.server.blocks_out < 2.5 * len(LEAVES)
            assert sum(each.server.blocks_out for each in receivers) > 0

    run(scenario)


def test_all_sources_but_one_lie() -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            honest = await stack.enter_async_context(peer(CHUNKS, publishes=True))
            # Answers messages and blocks alike with 404-free nonsense: no message of ours, no block either.
            liars = [await stack.enter_async_context(serving(with_body(b"x" * 100))) for _ in range(4)]
            # These do not speak of holdings, and deliver wrong blocks.
            wrong = [
                await stack.enter_async_context(serving(gateway(lambda path: b"y" * 100))) for _ in range(2)
            ]
            receiver = await stack.enter_async_context(peer())
            await receiver.fetch(*liars, *wrong, honest.url)
            assert is_complete(receiver.store)

    run(scenario)


def gateway(content: Callable[[str], bytes]) -> Callable[[str, asyncio.StreamWriter], Awaitable[None]]:
    """A plain gateway: blocks and nothing else."""

    async def answer(request: str, writer: asyncio.StreamWriter) -> None:
        path = request.split(" ")[1]
        if path.startswith("/ipfs/"):
            await with_body(content(path))(request, writer)
        else:
            await with_body(b"", "404 Not Found")(request, writer)

    return answer


def test_a_plain_gateway_is_enough() -> None:
    by_path = {f"/ipfs/{leaf.cid}?format=raw": chunk for leaf, chunk in zip(LEAVES, CHUNKS, strict=True)}

    async def scenario() -> None:
        async with serving(gateway(by_path.__getitem__)) as url, peer(serves=False) as receiver:
            await receiver.fetch(url)
            assert is_complete(receiver.store)

    run(scenario)


async def stuck(request: str, writer: asyncio.StreamWriter) -> None:
    """Sends the beginning of an answer and nothing more."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    await silent(request, writer)


def fetch_beside(broken_answer: Answer) -> int:
    """From an honest peer and one that says it has everything and sends half an answer, every time; leaves stored."""
    speaks = Message(bytes(8), 0, 0, (1 << len(LEAVES)) - 1).to_bytes(len(LEAVES))

    async def answer(request: str, writer: asyncio.StreamWriter) -> None:
        if request.startswith("POST /swarm/"):
            await with_body(speaks)(request, writer)
        else:
            await broken_answer(request, writer)

    async def scenario() -> int:
        async with serving(answer) as broken, peer(CHUNKS, publishes=True) as honest, peer() as receiver:
            await receiver.fetch(broken, honest.url)
            assert is_complete(receiver.store)
            return receiver.store.puts

    return asyncio.run(scenario())


def test_a_peer_that_breaks_off_among_many_leaves_costs_a_pause_and_no_leaf(unhurried: None) -> None:
    assert fetch_beside(cut_off(CHUNKS[0])) == len(LEAVES)


def test_a_peer_that_is_stuck_among_many_leaves_costs_a_pause() -> None:
    # Who is late is not waited for, and may deliver all the same: a leaf can come twice.
    assert fetch_beside(stuck) >= len(LEAVES)


def test_a_stopped_source_delays_and_does_not_end_it() -> None:
    async def scenario() -> None:
        async with (
            serving(silent) as stopped,
            peer(CHUNKS, publishes=True) as honest,
            peer() as receiver,
        ):
            await receiver.fetch(stopped, honest.url)
            assert is_complete(receiver.store)

    run(scenario)


def test_what_is_here_is_not_fetched_again(unhurried: None) -> None:
    async def scenario() -> None:
        async with peer(CHUNKS, publishes=True) as origin, peer(CHUNKS[:20]) as receiver:
            await receiver.fetch(origin.url)
            assert is_complete(receiver.store)
            assert receiver.store.puts == origin.server.blocks_out == len(CHUNKS) - 20

    run(scenario)


def test_who_only_fetches_is_asked_for_nothing() -> None:
    async def scenario() -> None:
        async with (
            peer(CHUNKS, publishes=True) as origin,
            peer(serves=False) as hidden,
            peer() as receiver,
        ):
            await asyncio.gather(hidden.fetch(origin.url), receiver.fetch(origin.url))
            assert is_complete(hidden.store)
            assert is_complete(receiver.store)
            assert hidden.server.blocks_out == 0

    run(scenario)


def test_a_superseded_file_is_dropped_unless_most_of_it_is_here() -> None:
    async def scenario() -> None:
        superseded = asyncio.Event()
        superseded.set()
        async with (
            peer(CHUNKS, publishes=True) as origin,
            peer(CHUNKS[:10]) as early,
            peer(CHUNKS[:21]) as late,
        ):
            with pytest.raises(Superseded):
                await early.fetch(origin.url, superseded=superseded)
            await late.fetch(origin.url, superseded=superseded)
            assert is_complete(late.store)

    run(scenario)


def test_nobody_delivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "GIVE_UP_SECONDS", 0.5)

    async def scenario() -> None:
        async with serving(with_body(b"", "500 Broken")) as broken, peer() as receiver:
            with pytest.raises(NotFetched, match=f"24 blocks of {ROOT} are missing"):
                await receiver.fetch(broken, "http://127.0.0.1:1")

    run(scenario)


def test_a_full_disk_is_the_callers_to_hear_of() -> None:
    class FullStore(CountingStore):
        def put(self, block: BytesLike, cid: Cid | None = None) -> Cid:
            raise StorageFull("no space left", "free some")

    async def scenario() -> None:
        async with peer(CHUNKS, publishes=True) as origin, peer() as receiver:
            with pytest.raises(StorageFull):
                await receiver.exchange.fetch(ROOT, LEAVES, FullStore(), [origin.url])

    run(scenario)


def test_a_file_that_lies_about_a_leaf_is_refused() -> None:
    lying = (Link(LEAVES[0].cid, 0, LEAF_BYTES + 1, LEAF_BYTES + 1), *LEAVES[1:])

    async def scenario() -> None:
        async with peer(CHUNKS, publishes=True) as origin, peer() as receiver:
            with pytest.raises(Rejected) as caught:
                await receiver.exchange.fetch(ROOT, lying, receiver.store, [origin.url])
            assert caught.value.reason is Reason.DAG

    run(scenario)
