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
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES
from cupel.protocol.storage.checking import checked_address
from cupel.protocol.storage.fast import (
    NO_MARK,
    BlockPlace,
    FileMark,
    aligned_buffer,
    read_exactly,
    write_exactly,
)
from cupel.protocol.storage.port import StorageError, StorageFull
from cupel.protocol.storage.trust import Trust

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
        self._trust = Trust()
        with storage_errors(folder):
            for part in (self._blocks, self._pins, self._quarantine, self._temporary):
                part.mkdir(parents=True, exist_ok=True)
            self._remove_stale_temporaries()

    def has(self, cid: Cid) -> bool:
        """See BlockStore."""
        path = self._path(cid)
        with storage_errors(path):
            return path.exists()

    def num_bytes(self, cid: Cid) -> int:
        """Bytes of the block, without reading it; 0 if it is absent."""
        path = self._path(cid)
        with storage_errors(path):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                return 0

    def get(self, cid: Cid) -> bytes | None:
        """See BlockStore; a block that decayed moves to `quarantine/`."""
        path = self._path(cid)
        with storage_errors(path):
            try:
                block = path.read_bytes()
            except FileNotFoundError:
                return None
            if cid.addresses(block):
                return block
            self._put_aside(cid)
            return None

    def known_block(self, cid: Cid) -> BlockPlace | None:
        """See FastStore."""
        place, mark = self._opened(cid)
        if place is None or self._trust.holds(cid, mark, time.monotonic()):
            return place
        place.close()
        return None

    def open_block(self, cid: Cid) -> BlockPlace | None:
        """See FastStore; a block that decayed moves to `quarantine/`."""
        place, mark = self._opened(cid)
        if place is None or self._trust.holds(cid, mark, time.monotonic()):
            return place
        with storage_errors(self._path(cid)):
            try:
                checked = self._check(cid, place, mark)
            except BaseException:
                place.close()
                raise
            if checked:
                return place
            place.close()
            self._put_aside(cid)
            return None

    def put(self, block: BytesLike, cid: Cid | None = None) -> Cid:
        """See BlockStore."""
        address = checked_address(block, cid)
        self.put_verified(block, address)
        return address

    def put_verified(self, block: BytesLike, cid: Cid) -> None:
        """See FastStore."""
        path = self._path(cid)
        with storage_errors(path):
            if not path.exists():
                self._trust.add(cid, self._write(path, block), time.monotonic())

    def delete(self, cid: Cid) -> bool:
        """See BlockStore."""
        path = self._path(cid)
        with storage_errors(path):
            if (self._pins / str(cid)).exists():
                return False
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            return True

    def cids(self) -> Iterator[Cid]:
        """See BlockStore."""
        with storage_errors(self._blocks):
            for shard in sorted(self._blocks.iterdir()):
                yield from _cids_in(shard)

    def pin(self, cid: Cid) -> None:
        """See BlockStore."""
        path = self._pins / str(cid)
        with storage_errors(path):
            path.touch()

    def unpin(self, cid: Cid) -> None:
        """See BlockStore."""
        path = self._pins / str(cid)
        with storage_errors(path):
            path.unlink(missing_ok=True)

    def pinned(self) -> frozenset[Cid]:
        """See BlockStore."""
        with storage_errors(self._pins):
            return frozenset(_cids_in(self._pins))

    def _path(self, cid: Cid) -> Path:
        # The first characters of a CID are constant and the last has two values, so neither spreads.
        text = str(cid)
        return self._blocks / text[-3:-1] / text

    def _write(self, path: Path, block: BytesLike) -> FileMark:
        temporary = self._temporary / f"{path.name}.{os.getpid()}.{next(self._sequence)}"
        try:
            with temporary.open("xb", buffering=0) as file:
                write_exactly(file.fileno(), 0, block)
                if self._durable:
                    os.fsync(file.fileno())
                path.parent.mkdir(exist_ok=True)
                temporary.replace(path)
                mark = FileMark.of(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if self._durable:
            _sync_folder(path.parent)
            _sync_folder(path.parent.parent)
        return mark

    def _opened(self, cid: Cid) -> tuple[BlockPlace | None, FileMark]:
        path = self._path(cid)
        with storage_errors(path):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None, NO_MARK
            mark = FileMark.of(descriptor)
            return BlockPlace(descriptor, 0, mark.num_bytes), mark

    def _check(self, cid: Cid, place: BlockPlace, mark: FileMark) -> bool:
        if place.num_bytes > MAX_BLOCK_BYTES:
            return False
        block = aligned_buffer(place.num_bytes)
        if read_exactly(place.descriptor, 0, block) != len(block) or not cid.addresses(block):
            return False
        self._trust.add(cid, mark, time.monotonic())
        return True

    def _put_aside(self, cid: Cid) -> None:
        # Another reader may have moved it first.
        with contextlib.suppress(FileNotFoundError):
            self._path(cid).replace(self._quarantine / str(cid))

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
def storage_errors(path: Path) -> Iterator[None]:
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
