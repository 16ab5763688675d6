"""Bytes and parts of files to a socket that does not wait: at once as far as the kernel takes them, then by and by."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket


def send_now(connection: socket.socket, content: memoryview, more: bool) -> int:
    """How many bytes the kernel takes at once, to be sent with what follows if there is more."""
    try:
        return connection.send(content, socket.MSG_MORE if more else 0)
    except (BlockingIOError, InterruptedError):
        return 0


async def send_file(connection: socket.socket, descriptor: int, offset: int, count: int) -> None:
    """Let the kernel send part of a file; ConnectionError if the file ends before."""
    loop = asyncio.get_running_loop()
    end = offset + count
    while offset < end:
        await _writable(loop, connection)
        offset += send_file_now(connection, descriptor, offset, end - offset)


def send_file_now(connection: socket.socket, descriptor: int, offset: int, count: int) -> int:
    """How many bytes the kernel takes at once; ConnectionError if the file ends before."""
    try:
        sent = os.sendfile(connection.fileno(), descriptor, offset, count)
    except (BlockingIOError, InterruptedError):
        return 0
    if sent == 0 and count:
        raise ConnectionError("the file ends before its block does")
    return sent


async def _writable(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(connection.fileno(), lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        with contextlib.suppress(OSError, ValueError):
            loop.remove_writer(connection.fileno())
