"""A BlockStore in memory: for tests only, as nothing bounds it."""

from __future__ import annotations

from collections.abc import Iterator

from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.storage.checking import checked_address


class MemoryStore:
    """See BlockStore."""

    def __init__(self) -> None:
        self._blocks: dict[Cid, bytes] = {}
        self._pins: set[Cid] = set()

    def has(self, cid: Cid) -> bool:
        """See BlockStore."""
        return cid in self._blocks

    def get(self, cid: Cid) -> bytes | None:
        """See BlockStore."""
        return self._blocks.get(cid)

    def put(self, block: BytesLike, cid: Cid | None = None) -> Cid:
        """See BlockStore."""
        address = checked_address(block, cid)
        self._blocks[address] = bytes(block)
        return address

    def delete(self, cid: Cid) -> bool:
        """See BlockStore."""
        if cid in self._pins:
            return False
        return self._blocks.pop(cid, None) is not None

    def cids(self) -> Iterator[Cid]:
        """See BlockStore."""
        return iter(list(self._blocks))

    def pin(self, cid: Cid) -> None:
        """See BlockStore."""
        self._pins.add(cid)

    def unpin(self, cid: Cid) -> None:
        """See BlockStore."""
        self._pins.discard(cid)

    def pinned(self) -> frozenset[Cid]:
        """See BlockStore."""
        return frozenset(self._pins)
