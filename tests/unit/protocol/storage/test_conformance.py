"""Every store passes the one conformance kit."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import leaf_link
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.one_file import OneFileStore
from cupel.protocol.storage.port import BlockStore
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.store_conformance import PLACE_CHECKS, STORE_CHECKS, StorePlace


def one_file(folder: Path) -> OneFileStore:
    """A store beside a file, none of whose leaves the checks use."""
    path = folder / "file"
    path.write_bytes(b"content")
    leaf = leaf_link(Cid.raw_of(b"content"), 7)
    descriptor = os.open(path, os.O_RDWR)
    store = OneFileStore(FilesystemStore(folder / "store"), path, descriptor, (leaf,), ())
    store.seal(path)
    return store


STORES: dict[str, Callable[[Path], BlockStore]] = {
    "memory": lambda folder: MemoryStore(),
    "filesystem": FilesystemStore,
    "filesystem-durable": lambda folder: FilesystemStore(folder, durable=True),
    "one-file": one_file,
}
# The kernel ends this process in the middle of a write: at half of the block.
PUT_AND_DIE = """
import resource, signal, sys
from pathlib import Path
from cupel.protocol.storage.filesystem import FilesystemStore

store = FilesystemStore(Path(sys.argv[1]), durable=sys.argv[2] == "True")
block = sys.stdin.buffer.read()
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (len(block) // 2, len(block) // 2))
store.put(block)
"""


@dataclass(frozen=True)
class Folder:
    """A StorePlace on this machine's disk."""

    path: Path
    durable: bool

    def open(self) -> BlockStore:
        return FilesystemStore(self.path, self.durable)

    def die_while_putting(self, block: bytes) -> None:
        arguments = [sys.executable, "-c", PUT_AND_DIE, str(self.path), str(self.durable)]
        child = subprocess.run(arguments, input=block, check=False)
        assert child.returncode == -signal.SIGXFSZ
        assert [path.stat().st_size for path in (self.path / "temporary").iterdir()] == [len(block) // 2]

    @contextmanager
    def full(self) -> Iterator[None]:
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 15, old[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)


PLACES: dict[str, Callable[[Path], StorePlace]] = {
    "filesystem": lambda folder: Folder(folder, durable=False),
    "filesystem-durable": lambda folder: Folder(folder, durable=True),
}


@pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", STORES.values(), ids=STORES.keys())
def test_store(
    make: Callable[[Path], BlockStore], check: Callable[[BlockStore], None], tmp_path: Path
) -> None:
    check(make(tmp_path))


@pytest.mark.parametrize("check", PLACE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES.keys())
def test_place(
    make: Callable[[Path], StorePlace], check: Callable[[StorePlace], None], tmp_path: Path
) -> None:
    check(make(tmp_path))
