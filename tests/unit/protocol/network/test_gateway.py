"""Files and archives as browsers, tools and other IPFS programs ask for them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from cupel.protocol.network.server import BlockServer
from cupel.protocol.spec.shardcast import unixfs
from cupel.protocol.spec.shardcast.car import car_bytes
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, file_dag
from cupel.protocol.storage.files import put_file
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.port import BlockStore
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes

CONTENT = pattern_bytes("file", 3 * CHUNK_BYTES + 5)
ROOT = file_dag(CONTENT)[0]

STORES: dict[str, Callable[[Path], BlockStore]] = {
    "memory": lambda _: MemoryStore(),
    "files": FilesystemStore,
}


def run(store: BlockStore, scenario: Callable[[aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    async def main() -> None:
        server = BlockServer(store)
        port = await server.start("127.0.0.1", 0)
        try:
            async with aiohttp.ClientSession() as session:
                await scenario(session, f"http://127.0.0.1:{port}/ipfs/")
        finally:
            await server.close()

    asyncio.run(main())


@pytest.fixture(params=STORES.values(), ids=STORES.keys())
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlockStore:
    """A store with the file in it."""
    made: BlockStore = request.param(tmp_path)
    put_file(made, CONTENT)
    return made


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, len(CONTENT)),
        ("bytes=-7", len(CONTENT) - 7, len(CONTENT)),
        (f"bytes={CHUNK_BYTES - 1}-{2 * CHUNK_BYTES}", CHUNK_BYTES - 1, 2 * CHUNK_BYTES + 1),
        (f"bytes={3 * CHUNK_BYTES}-999999999", 3 * CHUNK_BYTES, len(CONTENT)),
    ],
)
def test_ranges_of_a_file(store: BlockStore, asked: str, start: int, end: int) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}{ROOT}", headers={"Range": asked}) as response:
            assert response.status == 206
            assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
            assert response.headers["Content-Length"] == str(end - start)
            assert await response.read() == CONTENT[start:end]

    run(store, scenario)


def test_a_whole_file_its_head_and_what_the_client_has(store: BlockStore) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}{ROOT}") as response:
            assert response.status == 200
            assert response.headers["Accept-Ranges"] == "bytes"
            assert response.headers["X-Ipfs-Path"] == f"/ipfs/{ROOT}"
            tag = response.headers["Etag"]
            assert await response.read() == CONTENT
        async with session.head(f"{url}{ROOT}") as response:
            assert (response.status, response.headers["Content-Length"]) == (200, str(len(CONTENT)))
        async with session.get(f"{url}{ROOT}", headers={"If-None-Match": f'"x", W/{tag}'}) as response:
            assert (response.status, await response.read()) == (304, b"")
        headers = {"Range": "bytes=0-0", "If-Range": '"another"'}
        async with session.get(f"{url}{ROOT}", headers=headers) as response:
            assert (response.status, len(await response.read())) == (200, len(CONTENT))
        async with session.get(f"{url}{ROOT}", headers={"Range": f"bytes={len(CONTENT)}-"}) as response:
            assert response.status == 416
            assert response.headers["Content-Range"] == f"bytes */{len(CONTENT)}"

    run(store, scenario)


@pytest.mark.parametrize("size", [0, 5, CHUNK_BYTES])
def test_a_file_of_one_block_is_itself(size: int) -> None:
    store = MemoryStore()
    cid = put_file(store, CONTENT[:size])

    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}{cid}") as response:
            assert (response.status, await response.read()) == (200, CONTENT[:size])

    run(store, scenario)


def test_an_archive_is_the_file_in_its_order(store: BlockStore, monkeypatch: pytest.MonkeyPatch) -> None:
    root, blocks = file_dag(CONTENT)
    expected = car_bytes(root, (blocks[-1], *blocks[:-1]))

    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}{ROOT}?format=car") as response:
            assert response.status == 200
            assert response.headers["Content-Type"].startswith("application/vnd.ipld.car; version=1")
            assert await response.read() == expected
        async with session.get(f"{url}{ROOT}", headers={"Accept": "application/vnd.ipld.car"}) as response:
            assert await response.read() == expected

    run(store, scenario)


def test_a_file_in_two_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 10)
    monkeypatch.setattr(unixfs, "MAX_LINKS", 3)
    content = CONTENT[:77]
    root, blocks = file_dag(content, 10, 3)
    store = MemoryStore()
    for cid, block in blocks:
        store.put(block, cid)

    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}{root}", headers={"Range": "bytes=29-61"}) as response:
            assert await response.read() == content[29:62]

    run(store, scenario)


def test_a_file_that_lacks_a_leaf_breaks_off_and_is_never_passed_for_whole(store: BlockStore) -> None:
    store.delete(Cid.raw_of(CONTENT[CHUNK_BYTES : 2 * CHUNK_BYTES]))

    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        for path in (f"{ROOT}", f"{ROOT}?format=car"):
            async with session.get(url + path) as response:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await response.read()

    run(store, scenario)


def test_what_is_no_file_has_its_block_only() -> None:
    store = MemoryStore()
    cid = Cid.of(unixfs.Codec.DAG_PB, b"\x0a\x00")
    store.put(b"\x0a\x00", cid)

    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        for path, status in ((f"{cid}", 415), (f"{cid}?format=car", 415), (f"{cid}?format=raw", 200)):
            async with session.get(url + path) as response:
                assert response.status == status

    run(store, scenario)
