"""A peer is asked to dial us: it says yes only for who sends the nonce, and dials nobody but who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from cupel.protocol.doctor.finding import Level
from cupel.protocol.doctor.network import reached
from cupel.protocol.network import dial_back
from cupel.protocol.network.dial_back import DialBack, DialledBack, ask
from cupel.protocol.network.errors import PortTaken
from cupel.protocol.network.http_server import Request
from cupel.protocol.network.rate_limit import RateLimit
from cupel.protocol.network.server import BlockServer
from cupel.protocol.settings import Settings
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.testing.memory_store import MemoryStore

HOST = "127.0.0.1"
NOBODY = "http://127.0.0.1:1"


def with_peer(scene: Callable[[str], Awaitable[None]], rate_limit: RateLimit | None = None) -> None:
    async def run() -> None:
        server = BlockServer(MemoryStore(), [DialBack(rate_limit).route])
        port = await server.start(HOST, 0)
        try:
            await scene(f"http://{HOST}:{port}")
        finally:
            await server.close()

    asyncio.run(run())


def test_a_port_that_is_reached_and_a_peer_that_is_not_there() -> None:
    async def scene(url: str) -> None:
        assert await ask(url, "http_port", HOST, 0) == DialledBack(HOST, True)
        assert await ask(NOBODY, "http_port", HOST, 0) is None

    with_peer(scene)


def test_what_does_not_send_the_nonce_is_not_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_back, "DIAL_SECONDS", 0.2)

    async def scene(url: str) -> None:
        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 another program\r\n")
            writer.close()

        digest = sha256(b"a nonce of 16 by").hex()
        async with await asyncio.start_server(other, HOST, 0) as server, aiohttp.ClientSession() as session:
            open_port = server.sockets[0].getsockname()[1]
            told = []
            for port in (open_port, 1):  # a program of ours that is another, and a closed port: told alike
                async with session.get(f"{url}{dial_back.PREFIX}{port}/{digest}") as answer:
                    told.append(await answer.json())
        assert told == [{"address": HOST, "reached": False}] * 2

    with_peer(scene)


@pytest.mark.parametrize(
    "path", ["0/" + "0" * 64, "65536/" + "0" * 64, "80/ab", "80", "80/" + "0" * 64 + "/x"]
)
def test_other_paths_are_none(path: str) -> None:
    async def asked() -> int:
        handle = DialBack().route.handle
        return (await handle(Request("GET", dial_back.PREFIX + path, {}, {}, b"", HOST))).status

    assert asyncio.run(asked()) == 404


def test_nobody_may_ask_often() -> None:
    async def scene(url: str) -> None:
        assert await ask(url, "http_port", HOST, 0) is not None
        assert await ask(url, "http_port", HOST, 0) is None

    with_peer(scene, RateLimit(per_second=0.001, burst=1.0))


def test_a_port_in_use_cannot_be_tried() -> None:
    async def scene(url: str) -> None:
        with pytest.raises(PortTaken):
            await ask(url, "http_port", HOST, int(url.rpartition(":")[2]))

    with_peer(scene)


def test_the_doctor_says_reachable_outbound_only_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(urls: list[str], settings: Settings = Settings()) -> list[tuple[Level, str, str]]:  # noqa: B008
        findings = asyncio.run(reached(settings, urls))
        return [(one.level, one.text.partition(":")[0], one.remedy) for one in findings]

    async def told_of_another(url: str, setting: str, host: str, port: int) -> DialledBack:
        return DialledBack("203.0.113.7", False)

    async def scene(url: str) -> None:
        findings = await reached(Settings(), [NOBODY, url])
        assert [(one.level, one.text[:9]) for one in findings] == [(Level.GOOD, "reachable")] * 2

    with_peer(scene)
    assert [one[:2] for one in found([])] == [(Level.MIND, "unknown")] * 2
    assert found([], Settings(inbound="no")) == []
    monkeypatch.setattr("cupel.protocol.doctor.network.ask", told_of_another)
    level, text, remedy = found([NOBODY])[0]
    assert (level, text) == (Level.MIND, "outbound-only")
    assert 'inbound = "no"' in remedy
    assert "forward" in remedy


@pytest.mark.parametrize("body", [b'{"address": "here", "reached": 1}', b"[" * 1024])
def test_a_lying_answer_is_none(body: bytes) -> None:
    async def scene() -> None:
        async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(lie, HOST, 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert await ask(f"http://{HOST}:{port}", "http_port", HOST, 0) is None

    asyncio.run(scene())
