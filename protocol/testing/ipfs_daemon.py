"""A real IPFS daemon (js-ipfs) on a free loopback port, without peers: what the Kubo store is tested against."""

from __future__ import annotations

import json
import resource
import selectors
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 60


@dataclass(frozen=True)
class Daemon:
    """A running daemon: its RPC as its own users call it, and its disk."""

    url: str
    pid: int

    def call(self, command: str, *arguments: tuple[str, str], upload: bytes | None = None) -> bytes:
        """One command; RuntimeError with the daemon's words if it is refused."""
        url = f"{self.url}/api/v0/{command}?{urllib.parse.urlencode(arguments)}"
        body, headers = b"", {}
        if upload is not None:
            head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
            head += "Content-Type: application/octet-stream\r\n\r\n"
            body, headers = (
                head.encode() + upload + b"\r\n--edge--\r\n",
                {"Content-Type": "multipart/form-data; boundary=edge"},
            )
        try:
            request = urllib.request.Request(url, body, headers, method="POST")
            with urllib.request.urlopen(request, timeout=30) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from None

    def add(self, content: bytes) -> str:
        """Root of a file that the daemon chunks and builds by itself, in the profile `unixfs-v1-2025`."""
        profile = {"cid-version": "1", "raw-leaves": "true", "chunker": "size-1048576", "cid-base": "base32"}
        root: str = json.loads(self.call("add", *profile.items(), upload=content).splitlines()[0])["Hash"]
        return root

    def pins(self, kind: str) -> set[str]:
        """What is pinned in this way."""
        keys: Any = json.loads(self.call("pin/ls", ("type", kind), ("cid-base", "base32")))["Keys"]
        return set(keys)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """The system refuses the daemon files above 32 KiB."""
        old = resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (1 << 15, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, old)


@contextmanager
def running_daemon(program: list[Path], folder: Path) -> Iterator[Daemon]:
    """A daemon over a repository of its own in `folder`; `program` prints its address. It ends with the block."""
    with (
        (folder / "daemon.log").open("wb") as log,
        subprocess.Popen(
            [*program, folder / "repository"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        try:
            yield Daemon(_first_line(process, Path(log.name)), process.pid)
        finally:
            process.kill()


def _first_line(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(START_SECONDS), "the IPFS daemon did not start"
    line = process.stdout.readline().decode().strip()
    assert line.startswith("http"), log.read_text()
    return line
