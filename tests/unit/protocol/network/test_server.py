"""Serving blocks in the trustless-gateway form."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from cupel.protocol.network import server as server_module
from cupel.protocol.network.errors import NetworkError, PortTaken
from cupel.protocol.network.gateway import RAW_BLOCK
from cupel.protocol.network.server import BlockServer
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.port import StorageError
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.waiting import eventually

BLOCK = pattern_bytes("block", 1_000_000)
CID = Cid.raw_of(BLOCK)


class BrokenStore(MemoryStore):
    """A store whose disk fails."""

    def get(self, cid: Cid) -> bytes | None:
        raise StorageError("the disk is gone", "buy another")


def run(
    store: MemoryStore, scenario: Callable[[BlockServer, aiohttp.ClientSession, str], Awaitable[None]]
) -> None:
    async def main() -> None:
        server = BlockServer(store)
        port = await server.start("127.0.0.1", 0)
        async with aiohttp.ClientSession() as session:
            await scenario(server, session, f"http://127.0.0.1:{port}/ipfs/")
        await server.close()

    asyncio.run(main())


def holding_block() -> MemoryStore:
    store = MemoryStore()
    store.put(BLOCK)
    return store


def test_get_and_head() -> None:
    async def scenario(server: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        for url, accept in ((f"{root}{CID}?format=raw", "*/*"), (f"{root}{CID}", RAW_BLOCK)):
            async with session.get(url, headers={"Accept": accept}) as response:
                assert response.status == 200
                assert response.headers["Content-Type"] == "application/vnd.ipld.raw"
                assert response.headers["Etag"] == f'"{CID}.raw"'
                assert "immutable" in response.headers["Cache-Control"]
                assert await response.read() == BLOCK
        async with session.head(f"{root}{CID}?format=raw") as response:
            assert response.status == 200
            assert response.headers["Content-Length"] == str(len(BLOCK))
        await eventually(lambda: server.uploads == 0)
        assert (server.blocks_out, server.bytes_out) == (2, 2 * len(BLOCK))

    run(holding_block(), scenario)


def test_everything_else_is_refused() -> None:
    async def scenario(server: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        absent = Cid.raw_of(b"absent")
        for path, status in [
            (f"{absent}?format=raw", 404),
            (f"{CID}?format=zip", 406),
            ("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", 400),
            (f"{CID}/file", 404),
            ("..%2f..%2fetc%2fpasswd", 400),
            ("", 404),
        ]:
            async with session.get(root + path) as response:
                assert response.status == status, path
        async with session.head(f"{root}{absent}") as response:
            assert response.status == 404
        async with session.post(f"{root}{CID}", data=b"x") as response:
            assert response.status == 405
        assert server.blocks_out == 0

    run(holding_block(), scenario)


def test_a_failing_disk_is_not_an_absent_block() -> None:
    async def scenario(_: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        async with session.get(f"{root}{CID}") as response:
            assert response.status == 500

    run(BrokenStore(), scenario)


def test_uploads_beyond_the_limit_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_UPLOADS", 0)

    async def scenario(_: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        async with session.get(f"{root}{CID}") as response:
            assert response.status == 503
            assert response.headers["Retry-After"] == "1"

    run(holding_block(), scenario)


def test_a_reader_that_stops_reading_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "UPLOAD_SECONDS", 0.2)
    store = MemoryStore()
    # More than the two sockets between us can buffer, for a server without a deadline to fail here.
    blocks = [store.put(bytes([number]) * (2 << 20)) for number in range(8)]

    async def scenario(server: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        port = int(root.split(":")[2].split("/")[0])
        stuck = socket.create_connection(("127.0.0.1", port))
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b"".join(f"GET /ipfs/{cid} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for cid in blocks))
        await eventually(lambda: server.uploads > 0)
        await eventually(lambda: server.uploads == 0)
        assert server.blocks_out < len(blocks)
        stuck.close()

    run(store, scenario)


def test_a_taken_port_is_named_with_its_setting() -> None:
    async def scenario(_: BlockServer, __: aiohttp.ClientSession, root: str) -> None:
        port = int(root.split(":")[2].split("/")[0])
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken.*http_port") as caught:
            await BlockServer(MemoryStore()).start("127.0.0.1", port)
        assert (caught.value.setting, caught.value.port) == ("http_port", port)

    run(MemoryStore(), scenario)


def test_a_host_of_another_machine_is_an_error() -> None:
    with pytest.raises(NetworkError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        asyncio.run(BlockServer(MemoryStore()).start("192.0.2.1", 0))
