"""Serving blocks in the trustless-gateway form."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
import pytest

from cupel.protocol.network.errors import NetworkError, PortTaken
from cupel.protocol.network.exchange import turns
from cupel.protocol.network.gateway import RAW_BLOCK
from cupel.protocol.network.http_server import Limits, Request, Response
from cupel.protocol.network.rate_limit import RateLimit
from cupel.protocol.network.server import BlockServer, Route
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.port import StorageError
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.waiting import HANG_SECONDS, eventually

BLOCK = pattern_bytes("block", 1_000_000)
CID = Cid.raw_of(BLOCK)


class BrokenStore(MemoryStore):
    """A store whose disk fails."""

    def get(self, cid: Cid) -> bytes | None:
        raise StorageError("the disk is gone", "buy another")


def run(
    store: MemoryStore,
    scenario: Callable[[BlockServer, aiohttp.ClientSession, str], Awaitable[None]],
    routes: Sequence[Route] = (),
    rate_limit: RateLimit | None = None,
    limits: Limits | None = None,
) -> None:
    async def main() -> None:
        server = BlockServer(store, routes, rate_limit=rate_limit, limits=limits)
        port = await server.start("127.0.0.1", 0)
        try:
            async with aiohttp.ClientSession() as session:
                await scenario(server, session, f"http://127.0.0.1:{port}/ipfs/")
        finally:
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
    monkeypatch.setattr(turns, "MAX_WAITING", 0)

    async def scenario(_: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        async with session.get(f"{root}{CID}") as response:
            assert response.status == 503
            assert response.headers["Retry-After"] == "1"

    run(holding_block(), scenario)


def test_a_reader_that_stops_reading_is_cut_off() -> None:
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

    run(store, scenario, limits=Limits(write_seconds=0.2))


def port_of(root: str) -> int:
    """The port in a URL."""
    return int(root.split(":")[2].split("/")[0])


def idling(root: str) -> list[socket.socket]:
    """Connections that ask for nothing, and one that stops in the middle."""
    idle = [socket.create_connection(("127.0.0.1", port_of(root)), HANG_SECONDS) for _ in range(20)]
    idle[0].sendall(b"GET /ipfs/")
    return idle


def test_idle_connections_hold_up_nobody() -> None:
    async def scenario(_: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        idle = idling(root)
        async with session.get(f"{root}{CID}?format=raw") as response:
            assert await response.read() == BLOCK
        for connection in idle:
            connection.close()

    run(holding_block(), scenario)


def test_idle_connections_end() -> None:
    async def scenario(_: BlockServer, __: aiohttp.ClientSession, root: str) -> None:
        for connection in idling(root):
            with contextlib.suppress(ConnectionError):
                assert await asyncio.to_thread(connection.recv, 1) == b""
            connection.close()

    run(MemoryStore(), scenario, limits=Limits(idle_seconds=0.2))


def test_connections_beyond_an_addresss_share_are_hung_up() -> None:
    async def scenario(_: BlockServer, __: aiohttp.ClientSession, root: str) -> None:
        address = ("127.0.0.1", port_of(root))
        connections = [socket.create_connection(address, HANG_SECONDS) for _ in range(3)]
        # One of the three is one too many; which one is the kernel's choice, and it ends without an answer.
        connections[2].sendall(b"GET /x HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.to_thread(connections[2].recv, 100) == b""
        connections[0].sendall(b"GET /x HTTP/1.1\r\n\r\n")
        assert (await asyncio.to_thread(connections[0].recv, 100)).startswith(b"HTTP/1.1 404")
        for connection in connections:
            connection.close()

    run(MemoryStore(), scenario, limits=Limits(connections_per_address=2))


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno field\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000,
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET //[ HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_hung_up(request_bytes: bytes) -> None:
    async def scenario(_: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(root))
        writer.write(request_bytes)
        with contextlib.suppress(ConnectionError):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        async with session.get(f"{root}{CID}?format=raw") as response:
            assert response.status == 200

    run(holding_block(), scenario)


def test_requests_beyond_the_rate_are_told_when_to_come_back() -> None:
    async def scenario(_: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        statuses = []
        for _ in range(3):
            async with session.get(f"{root}{CID}?format=raw") as response:
                statuses.append((response.status, "Retry-After" in response.headers))
        assert statuses == [(200, False), (200, False), (429, True)]
        # A hundred seconds at first, and then what is left of them.
        assert 0 < int(response.headers["Retry-After"]) <= 100

    run(holding_block(), scenario, rate_limit=RateLimit(per_second=0.01, burst=2))


def test_routes_answer_what_is_theirs() -> None:
    async def echo(request: Request) -> Response:
        return Response(200, {"Content-Type": "text/plain"}, request.method.encode() + request.body)

    async def scenario(_: BlockServer, session: aiohttp.ClientSession, root: str) -> None:
        async with session.post(root.replace("/ipfs/", "/swarm/x"), data=b"hello") as response:
            assert (response.status, await response.read()) == (200, b"POSThello")
        async with session.get(f"{root}{CID}?format=raw") as response:
            assert response.status == 200

    run(holding_block(), scenario, [Route("/swarm/", echo)])


def test_two_requests_sent_at_once_have_two_answers_in_order() -> None:
    async def scenario(_: BlockServer, __: aiohttp.ClientSession, root: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(root))
        ask = f"GET /ipfs/{CID}?format=raw HTTP/1.1\r\n\r\n"
        writer.write((ask + ask.replace("1.1", "1.0")).encode())
        answers = await reader.read()
        assert answers.count(BLOCK) == 2
        assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()

    run(holding_block(), scenario)


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
