"""One request to one server: every shape of answer, and every end of it."""

import asyncio

import pytest

from cupel.protocol.network import requests as requests_module
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.network.requests import Requests
from cupel.protocol.network.server import BlockServer
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.testing.block_servers import Answer, cut_off, not_http, serving, silent, with_body
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.waiting import HANG_SECONDS, eventually

BLOCK = pattern_bytes("block", 100_000)
CID = Cid.raw_of(BLOCK)


def with_bytes(answer: bytes) -> Answer:
    """Answers everything with these bytes."""

    async def write(request: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return write


def ask(answer: Answer, max_bytes: int = 200_000) -> object:
    async def main() -> object:
        requests = Requests()
        try:
            async with serving(answer) as url:
                return (await requests.block(url, CID, max_bytes)).result
        finally:
            requests.close()

    return asyncio.run(main())


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x;x=y\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        with_body(BLOCK),
        with_bytes(chunked(BLOCK[:7], BLOCK[7:90_000], BLOCK[90_000:])),
        with_bytes(b"HTTP/1.1 200 OK\r\n\r\n" + BLOCK),
        with_bytes(b"HTTP/1.0 200\r\n\r\n" + BLOCK),
    ],
    ids=["length", "chunks", "to the end", "old"],
)
def test_a_block_in_every_form_http_has(answer: Answer) -> None:
    assert ask(answer) == BLOCK


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (with_body(b"", "404 Not Found"), NotDelivered.ABSENT),
        (with_body(b"", "503 Service Unavailable"), NotDelivered.BUSY),
        (with_body(b"", "429 Too Many Requests"), NotDelivered.BUSY),
        (with_body(b"", "500 Internal Server Error"), NotDelivered.FAILED),
        (with_body(b"", "302 Found\r\nLocation: http://127.0.0.1:9"), NotDelivered.FAILED),
        (with_body(BLOCK[1:]), NotDelivered.LIED),
        (with_body(b""), NotDelivered.LIED),
        (cut_off(BLOCK), NotDelivered.FAILED),
        (not_http, NotDelivered.FAILED),
        (with_bytes(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000), NotDelivered.FAILED),
        (with_bytes(chunked(bytes(150_000), bytes(150_000))), NotDelivered.FAILED),
        (with_bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n"), NotDelivered.FAILED),
        (with_bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), NotDelivered.FAILED),
        (with_bytes(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(300_000)), NotDelivered.FAILED),
        (with_body(bytes(200_001)), NotDelivered.FAILED),
    ],
)
def test_every_other_answer_has_its_reason(answer: Answer, reason: NotDelivered) -> None:
    assert ask(answer) is reason


def test_a_silent_server_is_left_at_the_deadline_and_a_cancelled_request_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requests_module, "ATTEMPT_SECONDS", 10 * HANG_SECONDS)

    async def main() -> None:
        requests = Requests()
        try:
            async with serving(silent) as url:
                asking = asyncio.create_task(requests.block(url, CID))
                await asyncio.wait([asking], timeout=0.1)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                monkeypatch.setattr(requests_module, "ATTEMPT_SECONDS", 0.2)
                assert (await requests.block(url, CID)).result is NotDelivered.FAILED
                assert (await requests.block("http://127.0.0.1:9", CID)).result is NotDelivered.FAILED
        finally:
            requests.close()

    asyncio.run(main())


def test_a_connection_is_used_again_and_outlives_its_servers_restart() -> None:
    async def main() -> None:
        store = MemoryStore()
        store.put(BLOCK)
        requests, port = Requests(), 0
        try:
            for _ in range(2):
                server = BlockServer(store)
                port = await server.start("127.0.0.1", port)
                url = f"http://127.0.0.1:{port}"
                assert [(await requests.block(url, CID)).result for _ in range(3)] == [BLOCK] * 3
                assert len(server._server._conversations) == 1
                assert await requests.holds(url, CID)
                assert not await requests.holds(url, Cid.raw_of(b"absent"))
                await server.close()
        finally:
            requests.close()

    asyncio.run(main())


def test_a_server_that_is_asked_no_more_costs_no_open_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        store = MemoryStore()
        store.put(BLOCK)
        left, stays, requests = BlockServer(store), BlockServer(store), Requests()
        try:
            urls = [f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}" for server in (left, stays)]
            assert (await requests.block(urls[0], CID)).result == BLOCK
            assert (await requests.block(urls[1], CID)).result == BLOCK
            assert len(left._server._conversations) == 1
            monkeypatch.setattr(requests_module, "IDLE_SECONDS", -1.0)
            assert (await requests.block(urls[1], CID)).result == BLOCK
            await eventually(lambda: not left._server._conversations)
            assert not requests._idle
            assert not requests._slots
        finally:
            requests.close()
            await left.close()
            await stays.close()

    asyncio.run(main())
