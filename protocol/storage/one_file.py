"""A file that is its own block store: leaves stay where the file has them, so nothing is kept twice.

For a publisher, the file as it lies there; for a receiver, the file as it grows, each leaf written to its final place.
What somebody else changes in the file is found out by the file's dates and hashed again before it is served.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import Link
from cupel.protocol.storage.checking import checked_address
from cupel.protocol.storage.fast import (
    BlockPlace,
    FastStore,
    FileMark,
    aligned_buffer,
    read_exactly,
    write_exactly,
)
from cupel.protocol.storage.filesystem import storage_errors
from cupel.protocol.storage.port import BlockStore
from cupel.protocol.storage.trust import Trust


class OneFileStore:
    """A BlockStore over another one: the leaves of one file are in that file, all other blocks in the other store.

    leaves: the file's leaves in order; held: those of them that are in the file now and were just checked.
    `descriptor` becomes this store's own. `wrote` hears of every leaf that was written, after it was.
    """

    def __init__(
        self,
        base: BlockStore,
        path: Path,
        descriptor: int,
        leaves: Sequence[Link],
        held: Iterable[Cid],
        wrote: Callable[[Cid], None] | None = None,
    ) -> None:
        self._base = base
        self._path = path
        self._descriptor = descriptor
        self._wrote = wrote
        self._sizes: dict[Cid, int] = {}
        self._offsets: dict[Cid, list[int]] = {}
        offset = 0
        for leaf in leaves:
            self._sizes[leaf.cid] = leaf.file_bytes
            # A checkpoint may repeat a leaf of zeros a thousand times.
            self._offsets.setdefault(leaf.cid, []).append(offset)
            offset += leaf.file_bytes
        self._trust = Trust()
        # While we write, the dates move by our own doing: the leaves written are known by this first mark.
        self._own = FileMark.of(descriptor)
        self._sealed: FileMark | None = None
        self._lock = threading.Lock()
        self._held = set(held)
        now = time.monotonic()
        for cid in self._held:
            self._trust.add(cid, self._own, now)

    def close(self) -> None:
        """Let the file go; no call may follow."""
        os.close(self._descriptor)

    def seal(self, path: Path) -> None:
        """Nobody writes the file, which is at `path` now, from here on: a change of its dates is somebody else's."""
        self._path = path
        with storage_errors(path):
            self._sealed = FileMark.of(self._descriptor)

    def missing(self) -> list[Cid]:
        """The leaves that are not in the file, in its order, each once."""
        return [cid for cid in self._offsets if cid not in self._held]

    def has(self, cid: Cid) -> bool:
        """See BlockStore."""
        return cid in self._held or self._base.has(cid)

    def get(self, cid: Cid) -> bytes | None:
        """See BlockStore."""
        block = self._read(cid) if cid in self._held else None
        return self._base.get(cid) if block is None else bytes(block)

    def known_block(self, cid: Cid) -> BlockPlace | None:
        """See FastStore."""
        if cid in self._held:
            with storage_errors(self._path):
                if self._trust.holds(cid, self._mark(), time.monotonic()):
                    return BlockPlace(os.dup(self._descriptor), self._offsets[cid][0], self._sizes[cid])
            return None
        return self._base.known_block(cid) if isinstance(self._base, FastStore) else None

    def open_block(self, cid: Cid) -> BlockPlace | None:
        """See FastStore."""
        if cid in self._held:
            known = self.known_block(cid)
            if known is not None or self._read(cid) is not None:
                return known or self.known_block(cid)
        return self._base.open_block(cid) if isinstance(self._base, FastStore) else None

    def put(self, block: BytesLike, cid: Cid | None = None) -> Cid:
        """See BlockStore."""
        address = checked_address(block, cid)
        self.put_verified(block, address)
        return address

    def put_verified(self, block: BytesLike, cid: Cid) -> None:
        """See FastStore."""
        if cid in self._held:
            return
        if cid not in self._offsets or self._sealed is not None or len(block) != self._sizes[cid]:
            self._base.put(block, cid)
            return
        with storage_errors(self._path):
            for offset in self._offsets[cid]:
                write_exactly(self._descriptor, offset, block)
        self._trust.add(cid, self._own, time.monotonic())
        with self._lock:
            self._held.add(cid)
        if self._wrote is not None:
            self._wrote(cid)

    def delete(self, cid: Cid) -> bool:
        """See BlockStore; of a leaf only the knowledge is deleted, the file is not touched."""
        if cid not in self._held or self._base.has(cid):
            return self._base.delete(cid)
        if cid in self._base.pinned():
            return False
        with self._lock:
            self._held.discard(cid)
        return True

    def cids(self) -> Iterator[Cid]:
        """See BlockStore."""
        with self._lock:
            held = list(self._held)
        yield from held
        yield from (cid for cid in self._base.cids() if cid not in self._held)

    def pin(self, cid: Cid) -> None:
        """See BlockStore."""
        self._base.pin(cid)

    def unpin(self, cid: Cid) -> None:
        """See BlockStore."""
        self._base.unpin(cid)

    def pinned(self) -> frozenset[Cid]:
        """See BlockStore."""
        return self._base.pinned()

    def _mark(self) -> FileMark:
        if self._sealed is None:
            return self._own
        mark = FileMark.of(self._descriptor)
        return self._own if mark == self._sealed else mark

    def _read(self, cid: Cid) -> memoryview | None:
        """The leaf from the file if it is still what it was; otherwise it is here no more."""
        block = aligned_buffer(self._sizes[cid])
        with storage_errors(self._path):
            mark = self._mark()
            complete = read_exactly(self._descriptor, self._offsets[cid][0], block) == len(block)
        if complete and cid.addresses(block):
            self._trust.add(cid, mark, time.monotonic())
            return block
        with self._lock:
            self._held.discard(cid)
        return None
