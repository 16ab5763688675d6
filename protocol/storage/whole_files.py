"""Whole files in a store's folder, each in one piece, beside the blocks.

    files/<root>            a complete file
    files/<root>.partial    a file that is being fetched, or was when its process died

Leaves are written to their final places, so a complete file is never put together from copies. A process that goes on
with a partial file hashes what is there, and asks for the rest.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import Link
from cupel.protocol.storage.fast import FileMark, aligned_buffer, read_exactly
from cupel.protocol.storage.files import write_file
from cupel.protocol.storage.filesystem import storage_errors
from cupel.protocol.storage.one_file import OneFileStore
from cupel.protocol.storage.port import BlockStore


class WholeFiles:
    """The files of one folder, which it creates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "files"
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)

    def path(self, root: Cid) -> Path:
        """Where the complete file is, or would be."""
        return self._folder / str(root)

    def roots(self) -> Iterator[tuple[Cid, bool]]:
        """The files here, and whether each is complete."""
        with storage_errors(self._folder):
            for path in sorted(self._folder.iterdir()):
                yield Cid.parse(path.name.removesuffix(".partial")), path.suffix != ".partial"

    def leaf_bytes(self, root: Cid) -> int:
        """Bytes of a complete file that is one leaf; 0 for any other."""
        path = self.path(root)
        with storage_errors(path):
            return path.stat().st_size if root.codec is Codec.RAW and path.exists() else 0

    def right_leaves(self, root: Cid, leaves: Sequence[Link]) -> frozenset[Cid]:
        """The leaves of the file that are in it now, by hashing all of it."""
        complete = self.path(root)
        with storage_errors(complete):
            path = complete if complete.exists() else complete.with_name(f"{root}.partial")
            with path.open("rb", buffering=0) as file:
                return frozenset(_right_leaves(file.fileno(), leaves))

    @contextmanager
    def open(self, base: BlockStore, root: Cid, leaves: Sequence[Link]) -> Iterator[WholeFile]:
        """The file below `root`, with as many of its leaves as are right by now; others can be put.

        ConfigError if another process is fetching it here, StorageFull if it does not fit.
        """
        complete, partial = self.path(root), self.path(root).with_name(f"{root}.partial")
        if complete.exists() and len(self.right_leaves(root, leaves)) < len({leaf.cid for leaf in leaves}):
            # It may have a second name, and whoever changed it there wants it so: it is not ours to mend.
            with storage_errors(complete):
                complete.unlink()
        path = complete if complete.exists() else partial
        with storage_errors(path):
            existed = path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(self._folder.parent, descriptor)
            with storage_errors(path):
                num_bytes = sum(leaf.file_bytes for leaf in leaves)
                if FileMark.of(descriptor).num_bytes != num_bytes:
                    # All at once: no disk that is full halfway, and writes that only write.
                    os.posix_fallocate(descriptor, 0, max(num_bytes, 1))
                    os.ftruncate(descriptor, num_bytes)
                held = _right_leaves(descriptor, leaves) if existed else ()
            store = OneFileStore(base, path, descriptor, leaves, held)
        except BaseException:
            os.close(descriptor)
            raise
        try:
            yield WholeFile(store, root, path, complete)
        finally:
            store.close()


class WholeFile:
    """A file in one piece while a process fetches or serves it."""

    def __init__(self, store: OneFileStore, root: Cid, path: Path, complete: Path) -> None:
        self._root = root
        self.store = store
        self._path = path
        self._complete = complete

    def finish(self, out: Path | None) -> None:
        """Keep the file as a complete one, and have it at `out` too; all of its leaves are there.

        At `out` it is the same file under a second name where the disk can do that, else a copy; it appears whole. It
        is not forced to the disk: what a power cut took is found out by hashing, as with blocks.
        """
        assert not self.store.missing(), "only a complete file is finished"
        if self._path != self._complete:
            with storage_errors(self._path):
                self._path.replace(self._complete)
        if out is not None and not _second_name(self._complete, out):
            write_file(self.store, self._root, out)
        self.store.seal(self._complete)


def _lock(folder: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        problem = f"another process is fetching this file into {folder}"
        raise ConfigError("--store", problem, "Wait for it, or name another folder") from None


def _right_leaves(descriptor: int, leaves: Sequence[Link]) -> tuple[Cid, ...]:
    """The leaves that are at all of their places in the file."""
    offsets, offset = [], 0
    for leaf in leaves:
        offsets.append(offset)
        offset += leaf.file_bytes

    def wrong(offset: int, leaf: Link) -> Cid | None:
        block = aligned_buffer(leaf.file_bytes)
        complete = read_exactly(descriptor, offset, block) == len(block)
        return None if complete and leaf.cid.addresses(block) else leaf.cid

    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hash") as threads:
        bad = set(threads.map(wrong, offsets, leaves))
    return tuple(leaf.cid for leaf in leaves if leaf.cid not in bad)


def _second_name(source: Path, name: Path) -> bool:
    """Give the file a second name, in place of what was there; False on another disk, or one without second names."""
    temporary = name.with_name(f".{name.name}.{os.getpid()}.partial")
    with storage_errors(name):
        try:
            os.link(source, temporary)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
                raise
            return False
        try:
            temporary.replace(name)
        finally:
            # Renaming a name onto another one of the same file leaves both.
            temporary.unlink(missing_ok=True)
    return True
