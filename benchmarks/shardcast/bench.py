"""The place of one measurement: its folder, processes and ports, all gone afterwards; and what it moved.

Bytes on the wire are the kernel's counter of the loopback device: all traffic of both directions, headers included.
In a network namespace of its own (`namespace.py`) it counts this benchmark alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType

import numpy as np
from children import Child

MEGABYTE = 1_000_000
MEBIBYTE = 1 << 20
HASH_PIECE = 4 * MEBIBYTE
DEVICES = Path("/proc/net/dev")


@dataclass
class Bench:
    """A context manager: a fresh folder below `place`; at the end its children are killed and the folder removed."""

    place: Path
    children: list[Child] = field(default_factory=list)
    _ports: set[int] = field(default_factory=set)

    def __enter__(self) -> Bench:
        # What an earlier measurement left to be written must not be written in this one's time.
        os.sync()
        self.folder = Path(mkdtemp(prefix="shardcast-", dir=self.place))
        self._wire = loopback_bytes()
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for child in self.children:
            child.kill()
        shutil.rmtree(self.folder)

    def start(
        self, command: Sequence[str | Path], name: str, environment: Mapping[str, str] | None = None
    ) -> Child:
        """Start a process that ends with this measurement."""
        child = Child(command, self.folder / f"{name}.log", environment)
        self.children.append(child)
        return child

    def subfolder(self, name: str) -> Path:
        """A folder of a process; it may exist already."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def port(self) -> int:
        """A free loopback port that was not given out before."""
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            if port not in self._ports:
                self._ports.add(port)
                return port

    def mark(self) -> None:
        """Count the wire and the seconds from here."""
        self._wire = loopback_bytes()
        self._started = time.monotonic()

    @property
    def wire_bytes(self) -> int:
        """Over the loopback device since the mark."""
        return loopback_bytes() - self._wire

    @property
    def seconds(self) -> float:
        """Since the mark."""
        return time.monotonic() - self._started

    def end_all(self) -> float:
        """End every process as an operator would; their CPU seconds."""
        return sum(child.end().cpu_seconds for child in self.children)


def loopback_bytes() -> int:
    """Bytes received by the loopback device since it is there; 0 where the system does not tell."""
    if not DEVICES.exists():
        return 0
    lines = (line.split() for line in DEVICES.read_text(encoding="utf-8").splitlines())
    return next(int(words[1]) for words in lines if words[0] == "lo:")


def make_file(path: Path, size: int, seed: int) -> str:
    """A file of seeded random bytes; its SHA-256."""
    generator = np.random.default_rng(seed)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, HASH_PIECE):
            piece = generator.bytes(min(HASH_PIECE, size - start))
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flip_byte(path: Path, offset: int) -> None:
    """Change one byte of a file in place."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
