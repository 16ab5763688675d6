"""Simulated links carry announcements and blocks between swarms, and a partition stops both."""

import asyncio
import random

import pytest

from cupel.devnet.chaos.clock import SimulatedLoop, simulated_time
from cupel.devnet.chaos.links import Links, SimulatedSwarm, peer_id_of
from cupel.devnet.chaos.scenario import Link, Partition
from cupel.protocol.network import Announcement, AnnouncementKind, BlockUnavailable
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.testing.memory_store import MemoryStore

ACCOUNT = "0x3000000000000000000000000000000000000003"
CUT = Partition(100, 200, frozenset({"one"}))


GOOD = Link(0.1, 0.0, 1e6)


def meet(scene: object, link: Link = GOOD) -> None:
    loop = SimulatedLoop()

    async def both() -> None:
        links = Links(link, (CUT,), random.Random(1))
        one, other = (SimulatedSwarm(name, links, MemoryStore(), 1) for name in ("one", "other"))
        async with one, other:
            one.set_peers({ACCOUNT: other.endpoint})
            other.set_peers({ACCOUNT: one.endpoint})
            await scene(one, other)  # type: ignore[operator]

    with asyncio.Runner(loop_factory=lambda: loop) as runner, simulated_time(loop):
        runner.run(both())


def test_a_name_has_an_address_that_the_chain_s_readers_take() -> None:
    assert Endpoint.parse(f"/p2p/{peer_id_of('node-1')}").peer_id == peer_id_of("node-1")


def test_a_block_crosses_at_the_link_s_pace() -> None:
    async def scene(one: SimulatedSwarm, other: SimulatedSwarm) -> None:
        cid = other._store.put(bytes(100_000))
        assert await one.fetch_block(cid, deadline_seconds=20) == bytes(100_000)
        took = asyncio.get_running_loop().time()
        assert 0.2 < took < 0.5
        assert one._store.has(cid)

    meet(scene)


def test_an_announcement_is_heard_once() -> None:
    async def scene(one: SimulatedSwarm, other: SimulatedSwarm) -> None:
        told = Announcement(AnnouncementKind.SUBMISSION, bytes(32), ACCOUNT, 3, Cid.from_digest(bytes(32)))
        await one.announce(told)
        await one.announce(told)
        heard = other.announcements()
        assert await anext(heard) == told
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(50):
                await anext(heard)

    meet(scene)


def test_a_partition_stops_blocks_until_it_ends() -> None:
    async def scene(one: SimulatedSwarm, other: SimulatedSwarm) -> None:
        cid = other._store.put(b"block")
        await asyncio.sleep(101)
        with pytest.raises(BlockUnavailable):
            await one.fetch_block(cid, deadline_seconds=20)
        assert await one.holders(cid) == 0
        assert await one.fetch_block(cid, deadline_seconds=100) == b"block"
        assert asyncio.get_running_loop().time() >= CUT.ends

    meet(scene)


def test_a_lossy_link_is_slower_and_not_wrong() -> None:
    async def scene(one: SimulatedSwarm, other: SimulatedSwarm) -> None:
        cids = [other._store.put(bytes([number]) * 1000) for number in range(30)]
        for number, cid in enumerate(cids):
            assert await one.fetch_block(cid, deadline_seconds=30) == bytes([number]) * 1000

    meet(scene, Link(0.1, 0.3, 1e5))
