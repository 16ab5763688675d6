"""A node of the original, run by the interpreter of its own environment; the package is imported as it is.

    python original_node.py origin FOLDER PORT FILE           broadcasts FILE at each line on standard input
    python original_node.py middle FOLDER PORT SERVER,...     polls every second (30 by default)
    python original_node.py client FOLDER OUT SERVER,...      downloads v1 at each line on standard input

What this adds: servers listen on 127.0.0.1 instead of everywhere; the file `data1.bin` that every server must have;
a folder of its own on the path, because clients that share an installation overwrite each other's
`temp_distribution.txt`; and a lock around `/tmp/dummy.bin`, which they overwrite as well. Events are JSON lines.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Small enough that no proxy of ours alters it.
DUMMY_BYTES = 10_000
POLL_SECONDS = 1
VERSION = "v1"


def tell(event: str, **values: object) -> None:
    """Print an event."""
    print(json.dumps({"event": event, **values}), flush=True)


def import_apart(folder: Path) -> None:
    """Put a link to the installed package into a folder that is this process's only, and import it from there."""
    found = find_spec("shardcast")
    assert found is not None
    assert found.origin is not None
    (folder / "shardcast").symlink_to(Path(found.origin).parent)
    sys.path.insert(0, str(folder))


def listen_on_loopback() -> None:
    """Whatever address a server asks for, it gets 127.0.0.1."""
    from shardcast import server

    class LoopbackServer(server.ShardcastServer):  # type: ignore[misc]
        """The original's server."""

        def __init__(self, address: tuple[str, int], *arguments: Any) -> None:
            super().__init__(("127.0.0.1", address[1]), *arguments)

    server.ShardcastServer = LoopbackServer


@contextmanager
def alone() -> Iterator[None]:
    """No other node measures its servers meanwhile."""
    with open(os.path.join(tempfile.gettempdir(), "shardcast-benchmark.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def origin(folder: Path, port: int, file: Path) -> None:
    """Broadcast the file whenever told."""
    import shardcast

    (folder / "data1.bin").write_bytes(bytes(DUMMY_BYTES))
    shardcast.initialize(str(folder), port)
    tell("serving")
    for _ in sys.stdin:
        started = time.monotonic()
        version = shardcast.broadcast(str(file))
        tell("published", version=version, seconds=time.monotonic() - started)
    threading.Event().wait()


def middle(folder: Path, port: int, servers: list[str]) -> None:
    """Relay; tells when a version is complete."""
    from shardcast import MiddleNode

    (folder / "data1.bin").write_bytes(bytes(DUMMY_BYTES))
    with alone():
        node = MiddleNode(servers, str(folder), port, check_interval=POLL_SECONDS)
    tell("serving")
    known = 0
    while True:
        if len(node.processed_versions) > known:
            known = len(node.processed_versions)
            tell("complete")
        time.sleep(0.01)


def client(folder: Path, out: Path, servers: list[str]) -> None:
    """Download the first version whenever told; ends after a failure."""
    from shardcast import ClientNode

    with alone():
        node = ClientNode(servers, str(folder))
    tell("ready")
    for _ in sys.stdin:
        started = time.monotonic()
        path = node.download_version(VERSION, str(out))
        if path is None:
            sys.exit("the original gave up")
        tell("done", seconds=time.monotonic() - started)


def main() -> None:
    """Run one node."""
    role, folder, *rest = sys.argv[1:]
    place = Path(folder)
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as apart:
        import_apart(Path(apart))
        listen_on_loopback()
        if role == "origin":
            origin(place, int(rest[0]), Path(rest[1]))
        elif role == "middle":
            middle(place, int(rest[0]), rest[1].split(","))
        elif role == "client":
            client(place, Path(rest[0]), rest[1].split(","))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
