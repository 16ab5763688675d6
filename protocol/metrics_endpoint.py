"""The Prometheus endpoint: `GET /metrics`, nothing else; on this machine alone, if nobody asks for more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from cupel.protocol.config import ConfigError

HOST: Final = "127.0.0.1"
_READ_SECONDS: Final = 5.0
_MAX_LINE_BYTES: Final = 4096
_MAX_CLIENTS: Final = 16


@asynccontextmanager
async def metrics_endpoint(text: Callable[[], str], port: int, host: str = HOST) -> AsyncIterator[int]:
    """Serve `text()` as long as the block runs; yields the port. ConfigError if it is taken. port: 0 for a free one."""
    slots = asyncio.Semaphore(_MAX_CLIENTS)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with slots:
            with contextlib.suppress(ConnectionError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                async with asyncio.timeout(_READ_SECONDS):
                    request = await reader.readuntil(b"\r\n\r\n")
                    writer.write(_answer(request, text))
                    await writer.drain()
            writer.close()

    try:
        server = await asyncio.start_server(serve, host, port, limit=_MAX_LINE_BYTES)
    except OSError as error:
        remedy = "Use 0 for a free port, or leave it out"
        raise ConfigError("metrics-port", f"port {port}: {error.strerror}", remedy) from None
    async with server:
        yield server.sockets[0].getsockname()[1]


def address_of(text: str) -> tuple[str, int]:
    """Host and port of the setting `metrics`. ConfigError."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not int(port) < 65536:
        raise ConfigError("metrics", f"{text!r} is no address", f"Write it as {HOST}:9464")
    return host or HOST, int(port)


def _answer(request: bytes, text: Callable[[], str]) -> bytes:
    if request.split(b" ", 2)[:2] != [b"GET", b"/metrics"]:
        return _response("404 Not Found", "only GET /metrics\n")
    return _response("200 OK", text())


def _response(status: str, body: str) -> bytes:
    data = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + data
