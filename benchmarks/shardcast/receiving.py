"""Four ways to receive a file, hash it and have it on a disk; CPU seconds of the receiving process for each.

    python benchmarks/shardcast/receiving.py --place /dev/shm --place /tmp --megabytes 512

A forked process sends the file through loopback by `sendfile`, in blocks of 1 MiB. `buffer`: into one buffer, hashed
there, written; what `cupel shards` does, with the space reserved before. `mapped`: into the pages of the file, mapped.
`spliced`: from the socket into the file by the kernel, hashed in the mapped file.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import mmap
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import MEBIBYTE, make_file

from cupel.protocol.storage.fast import aligned_buffer, write_exactly

F_SETPIPE_SZ = 1031
Receive = Callable[[socket.socket, int, int], None]
"""From a socket into a file, so many bytes."""


def buffered(source: socket.socket, file: int, size: int) -> None:
    """One buffer for all blocks."""
    block = aligned_buffer(MEBIBYTE)
    for start in range(0, size, MEBIBYTE):
        source.recv_into(block, 0, socket.MSG_WAITALL)
        hashlib.sha256(block).digest()
        write_exactly(file, start, block)


def reserved(source: socket.socket, file: int, size: int) -> None:
    """The same into space that the file has already."""
    os.posix_fallocate(file, 0, size)
    buffered(source, file, size)


def mapped(source: socket.socket, file: int, size: int) -> None:
    """No buffer; the space is reserved, or a full disk would end the process."""
    os.posix_fallocate(file, 0, size)
    with mmap.mmap(file, size) as pages, memoryview(pages) as view:
        for start in range(0, size, MEBIBYTE):
            with view[start : start + MEBIBYTE] as block:
                source.recv_into(block, 0, socket.MSG_WAITALL)
                hashlib.sha256(block).digest()


def spliced(source: socket.socket, file: int, size: int) -> None:
    """No copy into this process but for the hash."""
    os.truncate(file, size)
    out, into = os.pipe()
    fcntl.fcntl(into, F_SETPIPE_SZ, MEBIBYTE)
    with mmap.mmap(file, size, prot=mmap.PROT_READ) as pages, memoryview(pages) as view:
        for start in range(0, size, MEBIBYTE):
            filled, end = start, start + MEBIBYTE
            while filled < end:
                piped = os.splice(source.fileno(), into, end - filled)
                while piped:
                    moved = os.splice(out, file, piped, offset_dst=filled)
                    filled, piped = filled + moved, piped - moved
            with view[start:end] as block:
                hashlib.sha256(block).digest()
    os.close(out)
    os.close(into)


WAYS: dict[str, Receive] = {
    "buffer": buffered,
    "buffer, reserved": reserved,
    "mapped": mapped,
    "spliced": spliced,
}


def measure(receive: Receive, sent: Path, size: int, place: Path) -> float:
    """CPU seconds of one receiver."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        tempfile.TemporaryDirectory(dir=place) as folder,
    ):
        child = os.fork()
        if child == 0:
            _send(listener, sent, size)
            os._exit(0)
        started = time.process_time()
        file = os.open(Path(folder) / "file", os.O_RDWR | os.O_CREAT, 0o600)
        with socket.create_connection(listener.getsockname()) as source:
            receive(source, file, size)
        used = time.process_time() - started
        os.close(file)
        os.waitpid(child, 0)
    return used


def _send(listener: socket.socket, sent: Path, size: int) -> None:
    connection, _ = listener.accept()
    with sent.open("rb") as file:
        start = 0
        while start < size:
            start += os.sendfile(connection.fileno(), file.fileno(), start, size - start)


def main() -> None:
    """Print a table: the least of some rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--place", action="append", type=Path, required=True)
    parser.add_argument("--megabytes", type=int, default=512, help="of 2^20 bytes")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size = options.megabytes * MEBIBYTE
    print(f"| CPU s | {' | '.join(map(str, options.place))} |\n|---|{'---|' * len(options.place)}")
    used: dict[tuple[str, Path], list[float]] = {}
    for place in options.place:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            sent = Path(folder) / "sent"
            make_file(sent, size, 1)
            for _ in range(options.rounds):
                for name, receive in WAYS.items():
                    used.setdefault((name, place), []).append(measure(receive, sent, size, place))
    for name in WAYS:
        print(f"| {name} | {' | '.join(f'{min(used[name, place]):.2f}' for place in options.place)} |")


if __name__ == "__main__":
    main()
