"""Clients that do a server harm: they connect and say nothing, or say what no server expects, without end.

python pests.py PORT        floods a server until killed
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import Bench

START_SECONDS = 30.0
CONNECTIONS = 64
PIECE_BYTES = 64 * 1024


@contextmanager
def idle_connections(port: int, count: int) -> Iterator[None]:
    """So many open connections to a port of this machine, on which nothing is sent."""
    with ExitStack() as connections:
        for _ in range(count):
            connections.enter_context(socket.create_connection(("127.0.0.1", port)))
        yield


def start_flood(bench: Bench, port: int) -> None:
    """Flood a port of this machine until the measurement ends."""
    child = bench.start([sys.executable, Path(__file__), str(port)], f"flood{port}")
    child.event("flooding", START_SECONDS)


def openings(draw: random.Random) -> list[bytes]:
    """How a connection begins; each is followed by garbage for as long as it is taken."""
    endless = b"Content-Length: 1000000000000\r\n\r\n"
    return [
        draw.randbytes(1000),
        b"GET /" + b"a" * 100,
        b"GET / HTTP/1.1\r\nHost: here\r\nX-Long: ",
        b"POST /swarm/x HTTP/1.1\r\nHost: here\r\n" + endless,
        b"GET /ipfs/x?format=raw HTTP/1.1\r\nHost: here\r\n" + endless,
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    ]


async def annoy(port: int, draw: random.Random) -> None:
    """One connection after the other."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(draw.choice(openings(draw)))
                while not writer.is_closing():
                    writer.write(draw.randbytes(PIECE_BYTES))
                    await writer.drain()
            finally:
                writer.close()
        await asyncio.sleep(0.1)


async def flood(port: int) -> None:
    """Many of them, until killed."""
    print(json.dumps({"event": "flooding"}), flush=True)
    await asyncio.gather(*(annoy(port, random.Random(index)) for index in range(CONNECTIONS)))


if __name__ == "__main__":
    asyncio.run(flood(int(sys.argv[1])))
