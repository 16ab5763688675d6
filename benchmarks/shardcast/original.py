"""The original: `shardcast` from the package index, installed apart, and its nodes as child processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import Bench
from children import Child

VERSION = "0.3.2"
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".differential" / f"shardcast-{VERSION}"
LAUNCHER = Path(__file__).with_name("original_node.py")
START_SECONDS = 30.0


class NotInstallable(Exception):
    """The original cannot run here; the message says why and what to do."""


def install() -> Path:
    """The interpreter of an environment with the original in it, made once. NotInstallable."""
    if shutil.which("wget") is None:
        raise NotInstallable("the original needs the program wget: install the system package wget")
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "installed"
    if not stamp.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
            pip: list[str | Path] = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
            subprocess.run([*pip, f"shardcast=={VERSION}"], check=True)
        except subprocess.CalledProcessError as error:
            raise NotInstallable(f"pip could not install shardcast {VERSION}: {error}") from None
        stamp.touch()
    return python


@dataclass(frozen=True)
class Original:
    """Starts nodes of the original in one measurement.

    `shard_bytes`: 50 MB by default there. `timeout_seconds`: of wget, 30 there; `slow_retry_seconds`: 15 there.
    """

    bench: Bench
    python: Path
    shard_bytes: int = 50_000_000
    timeout_seconds: int = 30
    slow_retry_seconds: int = 15

    def origin(self, file: Path, port: int, folder: str = "origin") -> Child:
        """A server that is up; `tell` it to broadcast."""
        child = self._start("origin", folder, str(port), str(file))
        child.event("serving", START_SECONDS)
        return child

    def middle(self, name: str, port: int, servers: Sequence[str]) -> Child:
        """A relay that is up."""
        child = self.middle_unready(name, port, servers)
        child.event("serving", START_SECONDS)
        return child

    def middle_unready(self, name: str, port: int, servers: Sequence[str]) -> Child:
        """The same without waiting."""
        return self._start("middle", name, str(port), ",".join(servers))

    def client(self, name: str, servers: Sequence[str]) -> Child:
        """A client that has measured its servers; `tell` it to download. EndedEarly if one of them is down."""
        child = self.client_unready(name, servers)
        child.event("ready", START_SECONDS)
        return child

    def client_unready(self, name: str, servers: Sequence[str]) -> Child:
        """The same without waiting."""
        return self._start("client", name, str(self.out(name)), ",".join(servers))

    def out(self, name: str) -> Path:
        """The file a client of this name writes."""
        return self.bench.folder / f"{name}.bin"

    def shards_of(self, name: str) -> int:
        """Shards a client has in its temporary folder now."""
        return len(list((self.bench.folder / name / "temp_v1").glob("shard_*.bin")))

    def _start(self, role: str, name: str, *arguments: str) -> Child:
        settings = {
            "SHARDCAST_SHARD_SIZE": str(self.shard_bytes),
            "SHARDCAST_HTTP_TIMEOUT": str(self.timeout_seconds),
            "SHARDCAST_SLOW_RETRY_INTERVAL": str(self.slow_retry_seconds),
            "SHARDCAST_LOG_LEVEL": "WARNING",
        }
        folder = self.bench.subfolder(name)
        return self.bench.start([self.python, LAUNCHER, role, folder, *arguments], name, settings)


def url(port: int) -> str:
    """Of a server on this machine."""
    return f"http://127.0.0.1:{port}"
