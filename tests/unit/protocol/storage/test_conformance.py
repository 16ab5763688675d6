"""Every store passes the one conformance kit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.port import BlockStore
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.store_conformance import STORE_CHECKS

STORES: dict[str, Callable[[Path], BlockStore]] = {
    "memory": lambda folder: MemoryStore(),
    "filesystem": FilesystemStore,
    "filesystem-durable": lambda folder: FilesystemStore(folder, durable=True),
}


@pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", STORES.values(), ids=STORES.keys())
def test_store(
    make: Callable[[Path], BlockStore], check: Callable[[BlockStore], None], tmp_path: Path
) -> None:
    check(make(tmp_path))
