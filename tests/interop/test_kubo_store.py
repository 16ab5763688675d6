"""The Kubo store before a real IPFS daemon, in both directions and through the conformance kit."""

import asyncio
import itertools
import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cupel.protocol.network import BlockUnavailable, Swarm, finding
from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.fetching import SHARED_LEAVES, fetch_file
from cupel.protocol.network.server import BlockServer
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.car import car_bytes
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, Link, file_dag
from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.kubo import KuboStore
from cupel.protocol.storage.port import BlockStore, StorageError
from cupel.protocol.testing.ipfs_daemon import Daemon
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.store_conformance import PLACE_CHECKS, STORE_CHECKS, StorePlace

SIZES = (5, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5)


@dataclass
class Place:
    """A StorePlace: the daemon, and a folder of marks."""

    daemon: Daemon
    folder: Path
    opened: list[KuboStore] = field(default_factory=list)

    def open(self) -> KuboStore:
        self.opened.append(KuboStore(self.daemon.url, self.folder))
        return self.opened[-1]

    def die_while_putting(self, block: bytes) -> None:
        KuboStore(self.daemon.url, self.folder).close()
        address = urlsplit(self.daemon.url)
        archive = car_bytes(Cid.raw_of(block), [(Cid.raw_of(block), block)])
        part = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n\r\n'
        head = (
            f"POST /api/v0/dag/import?pin-roots=false HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: {len(archive) * 2}\r\n\r\n"
        )
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            connection.sendall(head.encode() + part + archive[: len(archive) // 2])

    def full(self) -> AbstractContextManager[None]:
        return self.daemon.full_disk()


@pytest.fixture
def place(daemon: Daemon, tmp_path: Path) -> Iterator[Place]:
    place = Place(daemon, tmp_path)
    yield place
    for store in place.opened:
        store.close()


@pytest.fixture
def store(place: Place) -> KuboStore:
    return place.open()


@pytest.fixture(scope="session")
def fresh() -> Callable[[int], bytes]:
    """Bytes that no other test gave to the daemon."""
    numbers = itertools.count()
    return lambda size: pattern_bytes(f"interop {next(numbers)}", size)


@pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
def test_store(store: KuboStore, check: Callable[[BlockStore], None]) -> None:
    check(store)


@pytest.mark.parametrize("check", PLACE_CHECKS, ids=lambda check: check.__name__)
def test_place(place: Place, check: Callable[[StorePlace], None]) -> None:
    check(place)


async def no_large_file(root: Cid, leaves: Sequence[Link]) -> None:
    raise AssertionError("files here have few leaves")


@pytest.mark.parametrize("size", SIZES)
def test_the_daemon_reads_a_file_of_ours(
    daemon: Daemon, store: KuboStore, fresh: Callable[[int], bytes], size: int
) -> None:
    content = fresh(size)
    root = put_file(store, content)
    assert daemon.call("cat", ("arg", str(root))) == content


@pytest.mark.parametrize("size", SIZES)
def test_the_daemon_gives_equal_bytes_the_same_address(
    daemon: Daemon, fresh: Callable[[int], bytes], size: int
) -> None:
    content = fresh(size)
    assert daemon.add(content) == str(file_dag(content)[0])


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_the_daemon_is_fetched_and_kept(
    daemon: Daemon, store: KuboStore, fresh: Callable[[int], bytes], size: int
) -> None:
    content = fresh(size)
    root = Cid.parse(daemon.add(content))
    assert not store.has(root)

    async def fetch(cid: Cid, max_bytes: int) -> bytes:
        return await asyncio.to_thread(store.fetch, cid, 10.0, max_bytes)

    assert asyncio.run(fetch_file(store, fetch, no_large_file, root, size)) == content
    assert read_file(store, root, size) == content


def test_a_peer_is_served_from_the_daemon(
    store: KuboStore, fresh: Callable[[int], bytes], tmp_path: Path
) -> None:
    content = fresh(2 * CHUNK_BYTES + 5)
    root = put_file(store, content)
    own = FilesystemStore(tmp_path / "own")

    async def fetch_from_peer() -> bytes:
        server = BlockServer(store)
        try:
            port = await server.start("127.0.0.1", 0)
            async with BlockClient(random.Random(0)) as client:
                client.set_sources(frozenset({f"http://127.0.0.1:{port}"}))

                async def fetch(cid: Cid, max_bytes: int) -> bytes:
                    return await client.fetch(cid, 10.0, max_bytes)

                return await fetch_file(own, fetch, no_large_file, root, len(content))
        finally:
            await server.close()

    assert asyncio.run(fetch_from_peer()) == content
    assert read_file(own, root, len(content)) == content


@pytest.mark.parametrize("size", [CHUNK_BYTES + 5, SHARED_LEAVES * CHUNK_BYTES + 5])
def test_a_node_without_peers_finds_a_file_in_ipfs(
    daemon: Daemon,
    store: KuboStore,
    fresh: Callable[[int], bytes],
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    """Through the swarm as every process uses it, with a peer that has nothing; what came is ours then."""
    monkeypatch.setattr(finding, "PEERS_ALONE_SECONDS", 0.3)
    content = fresh(size)
    root = Cid.parse(daemon.add(content))
    assert not store.has(root)

    async def scenario() -> None:
        async with (
            Swarm(MemoryStore(), sha256(b"peer"), "cupel-interop") as peer,
            Swarm(store, sha256(b"node"), "cupel-interop") as swarm,
        ):
            swarm.set_peers({"0x" + "01" * 20: peer.endpoint})
            assert await swarm.fetch_file(root, size, 30) == content
            with pytest.raises(BlockUnavailable):
                await swarm.fetch_block(Cid.raw_of(b"neither here nor there"), 1.0)

    asyncio.run(scenario())
    assert read_file(store, root, size) == content
    assert store.has(root)


def test_a_search_ends_when_its_store_is_closed(place: Place) -> None:
    """A process that ends must not wait for what the network may still answer."""
    store = place.open()
    place.opened.remove(store)
    with ThreadPoolExecutor(1) as threads:
        search = threads.submit(store.fetch, Cid.raw_of(b"nobody ever had this"), 60.0)
        while not search.running():
            time.sleep(0.01)
        began = time.monotonic()
        store.close()
        with pytest.raises(StorageError):
            search.result(10)
        assert time.monotonic() - began < 10


def test_what_nobody_has_is_missing(store: KuboStore) -> None:
    cid = Cid.raw_of(b"nobody has this")
    with pytest.raises(BlockMissing) as missing:
        store.fetch(cid, 0.5)
    assert missing.value.cid == cid


def test_a_block_is_pinned_until_it_is_deleted(
    daemon: Daemon, store: KuboStore, fresh: Callable[[int], bytes]
) -> None:
    content = fresh(2 * CHUNK_BYTES)
    root = put_file(store, content)
    ours = {str(cid) for cid in store.cids()}
    assert len(ours) == 3
    assert ours <= daemon.pins("direct")
    daemon.call("repo/gc")
    assert read_file(store, root, len(content)) == content
    for cid in list(store.cids()):
        assert store.delete(cid)
    assert not ours & daemon.pins("direct")
    daemon.call("repo/gc")
    with pytest.raises(BlockMissing):
        store.fetch(root, 0.5)


def test_what_the_operator_pins_is_left_alone(
    daemon: Daemon, store: KuboStore, fresh: Callable[[int], bytes]
) -> None:
    content = fresh(2 * CHUNK_BYTES)
    root = Cid.parse(daemon.add(content))
    assert str(root) in daemon.pins("recursive")
    assert list(store.cids()) == []
    assert put_file(store, content) == root
    for cid in list(store.cids()):
        assert store.delete(cid)
    assert str(root) in daemon.pins("recursive")
    daemon.call("repo/gc")
    assert daemon.call("cat", ("arg", str(root))) == content
