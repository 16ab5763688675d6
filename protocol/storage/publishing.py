"""A file on this machine as blocks: hashed once, in place, with as many threads as there are processors."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, MAX_FILE_BYTES, Link, leaf_link, nodes_above
from cupel.protocol.storage.fast import FileMark, aligned_buffer, read_exactly
from cupel.protocol.storage.filesystem import storage_errors
from cupel.protocol.storage.one_file import OneFileStore
from cupel.protocol.storage.port import BlockStore, StorageError

# Clocks of file systems tick: what is written in the tick of our look at the file leaves no trace in its dates.
TICK_SECONDS: Final = 0.05
# FAT keeps even seconds, and some network file systems whole ones.
COARSE_TICK_SECONDS: Final = 2.0
_LEAVES_AHEAD: Final = 4


@contextmanager
def published_file(
    base: BlockStore, path: Path, progress: Callable[[int], None] = lambda num_bytes: None
) -> Iterator[tuple[Link, OneFileStore]]:
    """The link to the root of the file at `path`, and a store that serves it from there; its nodes are put in `base`.

    `progress` hears how many bytes were hashed, now and then. ConfigError for what is no readable file, StorageError
    if it changes while it is hashed.
    """
    descriptor = _opened(path)
    try:
        mark = _settled_mark(path, descriptor)
        leaves = tuple(_leaves(descriptor, mark.num_bytes, progress))
        if FileMark.of(descriptor) != mark:
            raise StorageError(f"{path} changed while it was read", "publish it again once it is complete")
        root, nodes = nodes_above(leaves)
        store = OneFileStore(base, path, descriptor, leaves, (leaf.cid for leaf in leaves))
        store.seal(path)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        for cid, node in nodes:
            base.put(node, cid)
        yield root, store
    finally:
        store.close()


def _opened(path: Path) -> int:
    try:
        # A pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(
            "FILE", f"{path}: {error.strerror}", "Name a file that this user may read"
        ) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
        os.close(descriptor)
        raise ConfigError("FILE", f"{path} is no regular file", "Name one file, such as model.safetensors")
    return descriptor


def _settled_mark(path: Path, descriptor: int) -> FileMark:
    """The file's state, once its last change is so old that the next one will show."""
    with storage_errors(path):
        changed_ns = FileMark.of(descriptor).changed_ns
        tick_seconds = TICK_SECONDS if changed_ns % 10**9 else COARSE_TICK_SECONDS
        age_seconds = time.time() - changed_ns / 1e9
        if age_seconds < tick_seconds:
            time.sleep(min(tick_seconds - age_seconds, COARSE_TICK_SECONDS))
        return FileMark.of(descriptor)


def _leaves(descriptor: int, num_bytes: int, progress: Callable[[int], None]) -> Iterator[Link]:
    own = threading.local()

    def prepare() -> None:
        own.buffer = aligned_buffer(CHUNK_BYTES)

    def leaf_at(offset: int) -> Link:
        chunk = own.buffer[: min(CHUNK_BYTES, num_bytes - offset)]
        return leaf_link(Cid.raw_of(chunk[: read_exactly(descriptor, offset, chunk)]), len(chunk))

    offsets = iter(range(0, max(num_bytes, 1), CHUNK_BYTES))
    num_threads = os.cpu_count() or 1
    with ThreadPoolExecutor(num_threads, initializer=prepare) as threads:
        while batch := list(islice(offsets, _LEAVES_AHEAD * num_threads)):
            yield from threads.map(leaf_at, batch)
            progress(min(batch[-1] + CHUNK_BYTES, num_bytes))
