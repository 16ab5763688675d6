"""Blocks as files in sharded folders; a crash at any moment leaves every block whole or absent.

    blocks/ab/<cid>     one file a block; `ab` are the two characters before the last of its text
    pins/<cid>          one empty file a pin
    quarantine/<cid>    what was read back different from what was written: kept for the operator to look at
    temporary/          blocks being written

A block appears by renaming a finished file, which is atomic, so several processes may share a folder.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.checking import checked_address
from cupel.protocol.storage.port import StorageError, StorageFull

# A block takes milliseconds to write, so what is older belongs to a process that died.
STALE_TEMPORARY_SECONDS: Final = 3600.0


class FilesystemStore:
    """A BlockStore in one folder, which it creates.

    `durable` makes every block survive a power cut too (fsync of file and folder, some ms each). Without it only a
    crash of the process is survived, and a block that a power cut emptied is found out when it is read.
    """

    def __init__(self, folder: Path, durable: bool = False) -> None:
        self._blocks = folder / "blocks"
        self._pins = folder / "pins"
        self._quarantine = folder / "quarantine"
        self._temporary = folder / "temporary"
        self._durable = durable
        self._sequence = itertools.count()
        with _storage_errors(folder):
            for part in (self._blocks, self._pins, self._quarantine, self._temporary):
                part.mkdir(parents=True, exist_ok=True)
            self._remove_stale_temporaries()

    def has(self, cid: Cid) -> bool:
        """See BlockStore."""
        path = self._path(cid)
        with _storage_errors(path):
            return path.exists()

    def get(self, cid: Cid) -> bytes | None:
        """See BlockStore; a block that decayed moves to `quarantine/`."""
        path = self._path(cid)
        with _storage_errors(path):
            try:
                block = path.read_bytes()
            except FileNotFoundError:
                return None
            if cid.addresses(block):
                return block
            # Another reader may have moved it first.
            with contextlib.suppress(FileNotFoundError):
                path.replace(self._quarantine / str(cid))
            return None

    def put(self, block: bytes, cid: Cid | None = None) -> Cid:
        """See BlockStore."""
        address = checked_address(block, cid)
        path = self._path(address)
        with _storage_errors(path):
            if not path.exists():
                self._write(path, block)
        return address

    def delete(self, cid: Cid) -> bool:
        """See BlockStore."""
        path = self._path(cid)
        with _storage_errors(path):
            if (self._pins / str(cid)).exists():
                return False
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            return True

    def cids(self) -> Iterator[Cid]:
        """See BlockStore."""
        with _storage_errors(self._blocks):
            for shard in sorted(self._blocks.iterdir()):
                yield from _cids_in(shard)

    def pin(self, cid: Cid) -> None:
        """See BlockStore."""
        path = self._pins / str(cid)
        with _storage_errors(path):
            path.touch()

    def unpin(self, cid: Cid) -> None:
        """See BlockStore."""
        path = self._pins / str(cid)
        with _storage_errors(path):
            path.unlink(missing_ok=True)

    def pinned(self) -> frozenset[Cid]:
        """See BlockStore."""
        with _storage_errors(self._pins):
            return frozenset(_cids_in(self._pins))

    def _path(self, cid: Cid) -> Path:
        # The first characters of a CID are constant and the last has two values, so neither spreads.
        text = str(cid)
        return self._blocks / text[-3:-1] / text

    def _write(self, path: Path, block: bytes) -> None:
        temporary = self._temporary / f"{path.name}.{os.getpid()}.{next(self._sequence)}"
        try:
            with temporary.open("xb") as file:
                file.write(block)
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            path.parent.mkdir(exist_ok=True)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if self._durable:
            _sync_folder(path.parent)
            _sync_folder(path.parent.parent)

    def _remove_stale_temporaries(self) -> None:
        oldest = time.time() - STALE_TEMPORARY_SECONDS
        for path in self._temporary.iterdir():
            # A process that shares the folder may finish or clean up at the same time.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def _cids_in(folder: Path) -> Iterator[Cid]:
    for path in folder.iterdir():
        # Files that are not ours (an editor's, an operator's) are nobody's block.
        with contextlib.suppress(Rejected):
            yield Cid.parse(path.name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    """Give the operating system's errors the name of the place and the remedy."""
    try:
        yield
    except OSError as error:
        # A limit on the size of files (`ulimit -f`) is a quota as well.
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"no space left for {path}", "free some space or move the data folder"
            ) from error
        raise StorageError(
            f"{path}: {error.strerror or error}", "check the folder's owner, mode and disk"
        ) from error
