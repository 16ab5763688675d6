"""What stores have beside the port when their blocks lie in files: sending and keeping them without a second look.

A block that was checked once, in a file that nobody has changed since, is the same block: hashing it again for every
peer that asks would cost more than sending it. `FileMark` says what "not changed" means.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from cupel.protocol.spec.shardcast.cid import BytesLike, Cid

# Copies between pages run four times slower when the target begins 16 bytes after a page, which is where allocators
# put large buffers (measured: 0.7 against 0.17 CPU seconds a GiB).
_PAGE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file's state as the system tells it: equal marks mean equal bytes.

    Any write moves the times, and the time of change cannot be set by hand. Two gaps remain, and each receiver's own
    check covers them: a program that writes through a memory map, whose writes are dated late, and a disk that decays.
    """

    device: int
    inode: int
    num_bytes: int
    written_ns: int
    changed_ns: int

    @classmethod
    def of(cls, descriptor: int) -> FileMark:
        """The state of an open file."""
        status = os.fstat(descriptor)
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


NO_MARK: Final = FileMark(-1, -1, -1, -1, -1)
"""No file has this state."""


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """A checked block as a part of an open file, for the kernel to send; whoever gets it closes it."""

    descriptor: int
    offset: int
    num_bytes: int

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


@runtime_checkable
class FastStore(Protocol):
    """What a BlockStore has beside the port where blocks lie in files."""

    def open_block(self, cid: Cid) -> BlockPlace | None:
        """Where the block's bytes are; None when it is absent or no longer what it was.

        Its bytes were checked against its address by this process, and their file has not changed since. The check
        is made now if it was not made before, and is made again from time to time.
        """
        ...

    def known_block(self, cid: Cid) -> BlockPlace | None:
        """The same if no byte has to be read for it, so at once; else None, which says nothing of the block."""
        ...

    def put_verified(self, block: BytesLike, cid: Cid) -> None:
        """`put` for bytes that the caller has just checked against `cid`."""
        ...


def aligned_buffer(num_bytes: int) -> memoryview:
    """Room for `num_bytes`, beginning where copies into it are fast."""
    memory = bytearray(num_bytes + _PAGE_BYTES)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % _PAGE_BYTES
    return memoryview(memory)[start : start + num_bytes]


def read_exactly(descriptor: int, offset: int, buffer: memoryview) -> int:
    """Fill `buffer` from the file at `offset`; fewer bytes than its length if the file ends before."""
    filled = 0
    while filled < len(buffer) and (read := os.preadv(descriptor, [buffer[filled:]], offset + filled)):
        filled += read
    return filled


def write_exactly(descriptor: int, offset: int, block: BytesLike) -> None:
    """Write all of `block` into the file at `offset`; OSError if it does not fit."""
    view = memoryview(block)
    written = 0
    while written < len(view):
        written += os.pwrite(descriptor, view[written:], offset + written)
