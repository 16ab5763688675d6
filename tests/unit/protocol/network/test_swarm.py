"""Real swarms on loopback: libp2p below, HTTP beside it, peers that come, go, lie and die."""

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libp2p")

from cupel.protocol.network import (
    Announcement,
    AnnouncementKind,
    BlockUnavailable,
    ControlPlaneDown,
    Endpoint,
    PortTaken,
    Swarm,
    requests,
)
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES
from cupel.protocol.storage.files import file_leaves, put_file
from cupel.protocol.testing.block_servers import serving, silent, with_body
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.waiting import HANG_SECONDS, eventually

ACCOUNTS = [f"0x{number:040x}" for number in range(1, 10)]
ANNOUNCER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CONTENT = pattern_bytes("checkpoint", 3 * CHUNK_BYTES + 5)
# The peer id of nobody: what a dead peer leaves on the chain.
NOBODY = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


@contextlib.asynccontextmanager
async def swarms(count: int) -> AsyncIterator[list[tuple[Swarm, MemoryStore]]]:
    """Swarms that do not know each other yet."""
    async with contextlib.AsyncExitStack() as stack:
        stores = [MemoryStore() for _ in range(count)]
        made = [Swarm(store, bytes([7, number]) * 16, "cupel-test") for number, store in enumerate(stores)]
        await asyncio.gather(*(stack.enter_async_context(swarm) for swarm in made))
        yield list(zip(made, stores, strict=True))


@contextlib.asynccontextmanager
async def behind_nat(number: int) -> AsyncIterator[tuple[Swarm, MemoryStore]]:
    """A swarm that listens nowhere."""
    store = MemoryStore()
    async with Swarm(store, bytes([9, number]) * 16, "cupel-test", accepts=False) as swarm:
        yield swarm, store


def listening() -> set[str]:
    """Sockets of this process that accept connections."""
    own = {os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return own & {f"socket:[{fields[9]}]" for fields in lines if fields[3] == "0A"}


def introduce(*members: Swarm) -> None:
    """Let each know all, itself included, as the chain does."""
    for member in members:
        member.set_peers({account: other.endpoint for account, other in zip(ACCOUNTS, members, strict=False)})


async def connected(members: Sequence[Swarm], count: int) -> None:
    await eventually(lambda: all(member.statistics().connected_peers == count for member in members))


async def held_by(member: Swarm, cid: Cid, count: int) -> None:
    """So many peers say that they hold it, once all of them had the time to answer."""
    while (found := await member.holders(cid)) != count:
        assert found < count


def elsewhere(url: str) -> str:
    """An endpoint whose block server is at `url` and whose libp2p host is dead."""
    _, host, port = url.replace("//", "").split(":")
    return str(Endpoint("127.0.0.1", 9, NOBODY, host, int(port)))


def announcement(number: int) -> Announcement:
    return Announcement(AnnouncementKind.SUBMISSION, sha256(b"task"), ANNOUNCER, number, Cid.raw_of(CONTENT))


def test_an_announcement_reaches_everybody_else_once() -> None:
    async def scenario() -> None:
        async with swarms(3) as members:
            everybody = [swarm for swarm, _ in members]
            introduce(*everybody)
            await connected(everybody, 2)
            for number, swarm in enumerate(everybody):
                await swarm.announce(announcement(number))
            for number, swarm in enumerate(everybody):
                heard = swarm.announcements()
                received = [await asyncio.wait_for(anext(heard), HANG_SECONDS) for _ in range(2)]
                assert sorted(item.round for item in received) == [
                    other for other in range(3) if other != number
                ]
                assert all(item == announcement(item.round) for item in received)

    run(scenario())


def test_a_large_file_spreads_from_one_holder_to_all_others_at_once() -> None:
    content = pattern_bytes("large file", 9 * CHUNK_BYTES + 5)

    async def scenario() -> None:
        async with swarms(3) as members:
            introduce(*(swarm for swarm, _ in members))
            root = put_file(members[0][1], content)
            fetched = await asyncio.gather(
                *(swarm.fetch_file(root, len(content), HANG_SECONDS) for swarm, _ in members[1:])
            )
            assert fetched == [content, content]
            assert all(store.has(root) for _, store in members)

    run(scenario())


def test_what_nobody_delivers_of_a_file_is_told() -> None:
    async def scenario() -> None:
        async with swarms(2) as ((source, source_store), (reader, _)):
            reader.set_peers({ACCOUNTS[0]: source.endpoint})
            root = put_file(source_store, CONTENT)
            leaves = file_leaves(source_store, root)
            source_store.delete(leaves[1].cid)
            missing, told = range(CHUNK_BYTES, 2 * CHUNK_BYTES), None
            while told != (
                missing,
            ):  # a crowded machine takes more than one look for the leaves that are there
                with pytest.raises(BlockUnavailable):
                    await reader.fetch_file(root, len(CONTENT), 2.0)
                told = await reader.missing_spans(root, len(CONTENT), HANG_SECONDS)
                assert told is not None
                assert missing in told
            assert await reader.missing_spans(root, len(CONTENT) - 1, HANG_SECONDS) is None
            assert await reader.missing_spans(leaves[1].cid, len(CONTENT), 0.5) is None
            # Who asks has not the root, so nobody takes it for a holder of the file.
            assert await source.holders(root) == 0

    run(scenario())


def test_a_file_is_fetched_from_a_peer_that_got_it_second_hand() -> None:
    async def scenario() -> None:
        async with swarms(3) as ((source, source_store), (middle, middle_store), (last, last_store)):
            middle.set_peers({ACCOUNTS[0]: source.endpoint})
            last.set_peers({ACCOUNTS[1]: middle.endpoint})
            root = put_file(source_store, CONTENT)
            assert await last.holders(root) == 0
            assert await middle.fetch_file(root, len(CONTENT), HANG_SECONDS) == CONTENT
            await held_by(last, root, 1)
            assert await last.fetch_file(root, len(CONTENT), HANG_SECONDS) == CONTENT
            assert set(last_store.cids()) == set(middle_store.cids()) == set(source_store.cids())

            statistics = middle.statistics()
            assert (statistics.blocks_in, statistics.blocks_out) == (5, 5)
            assert statistics.bytes_in == statistics.bytes_out > len(CONTENT)
            assert (statistics.downloads, statistics.uploads) == (0, 0)
            assert [peer.account for peer in statistics.peers] == [ACCOUNTS[0]]

    run(scenario())


def test_who_accepts_no_connections_fetches_publishes_and_is_fetched_from() -> None:
    # Small enough to be fetched block by block, and so large that peers talk about it.
    small, large = pattern_bytes("small file", CHUNK_BYTES + 3), pattern_bytes("large file", 8 * CHUNK_BYTES)

    async def scenario() -> None:
        before = listening()
        async with behind_nat(0) as (hidden, hidden_store), behind_nat(1) as (other, _):
            assert listening() <= before
            async with swarms(1) as ((reachable, reachable_store),):
                members = [reachable, hidden, other]
                introduce(*members)
                await connected([hidden, other], 1)
                await connected([reachable], 2)

                theirs = put_file(reachable_store, CONTENT)
                assert await hidden.fetch_file(theirs, len(CONTENT), HANG_SECONDS) == CONTENT

                for content in (small, large):
                    ours = put_file(hidden_store, content)
                    await held_by(reachable, ours, 1)
                    assert await reachable.fetch_file(ours, len(content), HANG_SECONDS) == content
                # The two hidden ones cannot meet: what one has, the other gets second hand.
                assert await other.fetch_file(ours, len(large), HANG_SECONDS) == large
                assert hidden.statistics().bytes_out > len(small) + len(large)
                assert hidden.statistics().blocks_out >= 12

                await hidden.announce(announcement(3))
                heard = await asyncio.wait_for(anext(other.announcements()), HANG_SECONDS)
                assert heard == announcement(3)

    run(scenario())


def test_a_hidden_peer_that_is_gone_or_lacks_a_block_costs_no_more_than_its_time() -> None:
    async def scenario() -> None:
        async with swarms(1) as ((reachable, _),):
            async with behind_nat(0) as (hidden, hidden_store):
                introduce(reachable, hidden)
                await connected([reachable, hidden], 1)
                assert await reachable.holders(Cid.raw_of(b"unknown")) == 0
                with pytest.raises(BlockUnavailable):
                    await reachable.fetch_block(Cid.raw_of(b"unknown"), 0.5)
                # It has other bytes under this address: a lie, like anybody's.
                hidden_store._blocks[Cid.raw_of(b"true")] = b"false"  # type: ignore[attr-defined]
                (peer,) = reachable.statistics().peers
                while not peer.bad_blocks:
                    with pytest.raises(BlockUnavailable):
                        await reachable.fetch_block(Cid.raw_of(b"true"), 0.5)
                    (peer,) = reachable.statistics().peers
                assert (peer.url, peer.bad_blocks) == (Endpoint.parse(hidden.endpoint).data_url, 1)
            assert await reachable.holders(Cid.raw_of(b"true")) == 0

    run(scenario())


def test_a_lying_peer_is_bypassed_and_blamed() -> None:
    async def scenario() -> None:
        async with (
            swarms(2) as ((source, source_store), (reader, reader_store)),
            serving(with_body(b"lie")) as liar,
        ):
            reader.set_peers({ACCOUNTS[0]: source.endpoint, ACCOUNTS[1]: elsewhere(liar)})

            def blame() -> dict[str, int]:
                return {peer.account: peer.bad_blocks for peer in reader.statistics().peers}

            # The liar is asked first every second time until it has been found out.
            for number in itertools.count():
                if blame()[ACCOUNTS[1]]:
                    break
                cid = source_store.put(b"block %d" % number)
                assert await reader.fetch_block(cid, HANG_SECONDS) == b"block %d" % number
                assert reader_store.has(cid)
            assert blame() == {ACCOUNTS[0]: 0, ACCOUNTS[1]: 1}
            root = put_file(source_store, CONTENT)
            assert await reader.fetch_file(root, len(CONTENT), HANG_SECONDS) == CONTENT
            assert blame() == {ACCOUNTS[0]: 0, ACCOUNTS[1]: 1}

    run(scenario())


def test_dead_and_stopped_peers_do_not_stall_a_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever waited for the stopped one to answer would never be done.
    monkeypatch.setattr(requests, "ATTEMPT_SECONDS", 10 * HANG_SECONDS)
    monkeypatch.setattr(requests, "HEAD_SECONDS", 2.0)

    async def scenario() -> None:
        async with swarms(2) as ((source, source_store), (reader, _)), serving(silent) as stopped:
            reader.set_peers(
                {
                    ACCOUNTS[0]: elsewhere(stopped),
                    ACCOUNTS[1]: elsewhere("http://127.0.0.1:9"),
                    ACCOUNTS[2]: source.endpoint,
                    ACCOUNTS[3]: "not an endpoint",
                }
            )
            root = put_file(source_store, CONTENT)
            assert await reader.fetch_file(root, len(CONTENT), HANG_SECONDS) == CONTENT
            await held_by(reader, root, 1)
            assert len(reader.statistics().peers) == 3

    run(scenario())


def test_what_nobody_has_is_unavailable_at_the_deadline() -> None:
    async def scenario() -> None:
        async with swarms(2) as ((first, _), (second, _)):
            introduce(first, second)
            for fetching in (
                first.fetch_block(Cid.raw_of(b"nobody"), 0.5),
                first.fetch_file(Cid.raw_of(b"nobody"), 1 << 20, 0.5),
            ):
                with pytest.raises(BlockUnavailable, match=r"none of 1 peers .* within 0\.5 s"):
                    await asyncio.wait_for(fetching, HANG_SECONDS)

    run(scenario())


def test_a_file_larger_than_allowed_is_rejected() -> None:
    async def scenario() -> None:
        async with swarms(2) as ((source, source_store), (reader, reader_store)):
            reader.set_peers({ACCOUNTS[0]: source.endpoint})
            root = put_file(source_store, CONTENT)
            with pytest.raises(Rejected) as caught:
                await reader.fetch_file(root, len(CONTENT) - 1, HANG_SECONDS)
            assert caught.value.reason is Reason.SIZE
            assert list(reader_store.cids()) == []

    run(scenario())


def test_peers_that_leave_the_list_are_dropped_and_may_come_back() -> None:
    async def scenario() -> None:
        async with swarms(2) as ((first, _), (second, _)):
            introduce(first, second)
            await connected([first, second], 1)
            first.set_peers({})
            second.set_peers({})
            await connected([first, second], 0)
            introduce(first, second)
            await connected([first, second], 1)

    run(scenario())


def test_a_peer_that_starts_late_is_connected_and_told_what_it_missed() -> None:
    async def scenario() -> None:
        async with swarms(1) as ((early, _),):
            await early.announce(announcement(1))
            async with swarms(2) as (_, (late, _)):
                introduce(early, late)
                heard = late.announcements()
                assert await asyncio.wait_for(anext(heard), HANG_SECONDS) == announcement(1)

    run(scenario())


def test_leaving_waits_for_no_traffic_and_no_stopped_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "ATTEMPT_SECONDS", 10 * HANG_SECONDS)

    async def scenario() -> None:
        async with swarms(3) as members, serving(silent) as stopped:
            everybody = [swarm for swarm, _ in members]
            introduce(*everybody)
            await connected(everybody, 2)
            leaving = everybody[0]
            leaving.set_peers({ACCOUNTS[0]: everybody[1].endpoint, ACCOUNTS[1]: elsewhere(stopped)})
            fetching = asyncio.create_task(leaving.fetch_block(Cid.raw_of(b"nobody"), 10 * HANG_SECONDS))
            for number in range(20):
                await everybody[1].announce(announcement(number))
            await asyncio.wait_for(leaving.__aexit__(None, None, None), HANG_SECONDS)
            with pytest.raises(ControlPlaneDown):
                await leaving.announce(announcement(99))
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)

    run(scenario())


def test_a_taken_port_leaves_nothing_running() -> None:
    async def scenario() -> None:
        async with swarms(1) as ((first, _),):
            endpoint = Endpoint.parse(first.endpoint)
            for ports, setting in [
                ((0, endpoint.data_port), "http_port"),
                ((endpoint.control_port, 0), "p2p_port"),
            ]:
                second = Swarm(MemoryStore(), bytes(32), "cupel-test", p2p_port=ports[0], http_port=ports[1])
                with pytest.raises(PortTaken) as caught:
                    await second.__aenter__()
                assert caught.value.setting == setting

    run(scenario())


def test_importing_the_network_loads_no_libp2p() -> None:
    program = "import sys, cupel.protocol.network; assert not {'libp2p', 'trio', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=HANG_SECONDS)
