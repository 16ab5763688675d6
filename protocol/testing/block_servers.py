"""Block servers that misbehave, on loopback: what peers of every kind look like to a fetching process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Given the request's first line, writes an answer."""


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """The URL of a server that answers each connection's first request with `answer`."""

    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            await answer(request.split(b"\r\n")[0].decode(), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away first
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def with_body(body: bytes, status: str = "200 OK") -> Answer:
    """Answers everything with this body."""

    async def answer(request: str, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


def cut_off(body: bytes) -> Answer:
    """Promises twice the body and closes after it."""

    async def answer(request: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


async def silent(request: str, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers, like a process that was stopped."""
    await asyncio.Event().wait()


async def not_http(request: str, writer: asyncio.StreamWriter) -> None:
    """Answers something else."""
    writer.write(b"\x00\xff" * 100)
    await writer.drain()
