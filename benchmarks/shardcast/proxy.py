"""A server in front of another one: it forwards connections, and does to the answers what it was told to.

python proxy.py PORT UPSTREAM_PORT [--limit BYTES_PER_SECOND] [--lie | --endless]

--limit     answers leave no faster, all connections together: a node's upload limit for a program without one
--lie       a byte of every 16 KiB that come in one piece is changed, so in bodies and never in headers
--endless   an answer says that it is a terabyte long, and after a full piece of it zeros follow for ever
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path

from bench import Bench
from children import Child

PIECE_BYTES = 16 * 1024
START_SECONDS = 30.0


class Pace:
    """Bytes leave one after another at a fixed rate; nothing is saved up while there is nothing to send."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0

    def delay(self, now: float, size: int) -> float:
        """Seconds until `size` bytes that come now have left."""
        self._free_at = max(now, self._free_at) + size / self._rate
        return self._free_at - now


class Trick(Enum):
    """What happens to answers."""

    NONE = auto()
    LIE = auto()
    ENDLESS = auto()


def falsified(piece: bytes) -> bytes:
    """A full piece with its last byte changed; a shorter one as it is."""
    return piece[:-1] + bytes([piece[-1] ^ 1]) if len(piece) == PIECE_BYTES else piece


def lengthened(piece: bytes) -> bytes:
    """A piece whose header, if there is one in it, promises a terabyte."""
    return re.sub(rb"(?i)(\r\ncontent-length:) *\d+", rb"\1 1000000000000", piece, count=1)


async def forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pace: Pace | None, trick: Trick
) -> None:
    """One direction, until it ends."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            if pace:
                await asyncio.sleep(pace.delay(loop.time(), len(piece)))
            is_full = len(piece) == PIECE_BYTES
            if trick is Trick.LIE:
                piece = falsified(piece)
            elif trick is Trick.ENDLESS and is_full:
                piece = lengthened(piece)
            writer.write(piece)
            await writer.drain()
            while trick is Trick.ENDLESS and is_full:
                writer.write(bytes(PIECE_BYTES))
                await writer.drain()
    writer.close()


async def serve(port: int, upstream: int, limit: int | None, trick: Trick) -> None:
    """Until killed."""
    pace = Pace(limit) if limit else None

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", upstream)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(forward(reader, up_writer, None, Trick.NONE))
            tasks.create_task(forward(up_reader, writer, pace, trick))

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    print(json.dumps({"event": "serving"}), flush=True)
    await server.serve_forever()


def start(bench: Bench, upstream: int, options: Sequence[str], port: int = 0) -> tuple[int, Child]:
    """A proxy in front of a port of this machine; its own port, and its process."""
    port = port or bench.port()
    child = bench.start([sys.executable, Path(__file__), str(port), str(upstream), *options], f"proxy{port}")
    child.event("serving", START_SECONDS)
    return port, child


def main() -> None:
    """Run one proxy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("port", type=int)
    parser.add_argument("upstream", type=int)
    parser.add_argument("--limit", type=int)
    tricks = parser.add_mutually_exclusive_group()
    tricks.add_argument("--lie", dest="trick", action="store_const", const=Trick.LIE, default=Trick.NONE)
    tricks.add_argument("--endless", dest="trick", action="store_const", const=Trick.ENDLESS)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.port, options.upstream, options.limit, options.trick))


if __name__ == "__main__":
    main()
