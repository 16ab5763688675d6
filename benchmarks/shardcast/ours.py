"""Ours: `cupel shards publish` and `cupel shards fetch` as child processes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import Bench
from children import Child

CUPEL = Path(sys.executable).with_name("cupel")
START_SECONDS = 60.0


@dataclass(frozen=True)
class Published:
    """A file on offer: who serves it, under which address, where."""

    child: Child
    cid: str
    url: str


@dataclass(frozen=True)
class Ours:
    """Starts nodes of ours in one measurement. `upload_limit`: of each node, bytes per second."""

    bench: Bench
    upload_limit: int | None = None

    def publish(self, name: str, file: Path, port: int = 0) -> Published:
        """An origin that has cut its file and serves it."""
        child = self.publish_unready(name, file, port)
        values = child.event("serving", START_SECONDS).values
        return Published(child, values["cid"], values["url"])

    def publish_unready(self, name: str, file: Path, port: int = 0) -> Child:
        """The same without waiting."""
        return self._start(name, ["publish", str(file)], port)

    def fetch(self, name: str, cid: str, sources: Sequence[str]) -> Child:
        """A receiver that serves nobody, and ends when it is done."""
        return self._start(name, ["fetch", cid, "--out", str(self.out(name)), *_from(sources)])

    def serving(self, name: str, cid: str, sources: Sequence[str], port: int = 0, out: bool = True) -> Child:
        """A receiver that serves what it has; a relay if it writes no file."""
        file = ["--out", str(self.out(name))] if out else []
        return self._start(name, ["fetch", cid, "--serve", *file, *_from(sources)], port)

    def out(self, name: str) -> Path:
        """The file a receiver of this name writes."""
        return self.bench.folder / f"{name}.bin"

    def _start(self, name: str, words: Sequence[str], port: int | None = None) -> Child:
        limit = ["--upload-limit", str(self.upload_limit)] if self.upload_limit else []
        listen = ["--port", str(port)] if port else []
        store = ["--store", str(self.bench.subfolder(name))]
        return self.bench.start([CUPEL, "shards", *words, *store, *limit, *listen, "--json"], name)


def start_cpu_seconds(bench: Bench) -> float:
    """What one process takes until it begins to work: here, until it finds that its CID is none.

    The least of three; the first one compiles what was changed since the last run.
    """
    command: list[str | Path] = [
        CUPEL,
        "shards",
        "fetch",
        "-",
        "--from",
        "http://127.0.0.1:1",
        "--store",
        bench.folder,
    ]
    children = [bench.start(command, "start") for _ in range(3)]
    return min(child.wait(START_SECONDS).cpu_seconds for child in children)


def _from(sources: Sequence[str]) -> list[str]:
    return [word for source in sources for word in ("--from", source)]


def url_of(child: Child) -> str:
    """Where a receiver serves, as soon as it says so."""
    url: str = child.event("serving", START_SECONDS).values["url"]
    return url
