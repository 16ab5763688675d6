"""Where blocks are kept: the port every backend implements, and its errors.

    StorageError        the store cannot do its work: names what failed and what to do about it
      StorageFull       no space left

Stores are synchronous and safe to call from several threads; asyncio code calls them through `asyncio.to_thread`.
`cupel.protocol.testing.store_conformance` is the meaning of this port in code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from cupel.protocol.config import EnvironmentProblem
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid


class StorageError(EnvironmentProblem):
    """A store that cannot read or write."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class StorageFull(StorageError):
    """No space is left on the store's device or in its quota."""


class BlockStore(Protocol):
    """Content-addressed blocks; every method may raise StorageError."""

    def has(self, cid: Cid) -> bool:
        """Whether the block is here, without reading it."""
        ...

    def get(self, cid: Cid) -> bytes | None:
        """The block's bytes, checked against its address; None when it is absent or no longer what it was."""
        ...

    def put(self, block: BytesLike, cid: Cid | None = None) -> Cid:
        """Keep `block` and return its address: `cid`, or that of a raw block.

        Rejected(BLOCK_HASH) if the bytes are not those that `cid` addresses, Rejected(SIZE) above 2 MiB; then
        nothing was stored. Putting what is already here is free. Once it returns, the block survives a crash of
        the process.
        """
        ...

    def delete(self, cid: Cid) -> bool:
        """Forget a block; False if it was absent or is pinned, and then nothing changed."""
        ...

    def cids(self) -> Iterator[Cid]:
        """Every block here, in no order, as of some moment during the iteration."""
        ...

    def pin(self, cid: Cid) -> None:
        """Keep this block from being deleted, whether it is here yet or not; pinning twice is pinning once."""
        ...

    def unpin(self, cid: Cid) -> None:
        """Undo `pin`; no effect on what is not pinned."""
        ...

    def pinned(self) -> frozenset[Cid]:
        """Every pin."""
        ...


@runtime_checkable
class BulkStore(Protocol):
    """What a BlockStore has beside the port where many blocks at once cost less than one after the other."""

    def put_blocks(self, blocks: Iterable[tuple[Cid, bytes]]) -> None:
        """Put many blocks, the last one last; `put` says when it is Rejected. A failure may leave some of them."""
        ...


@runtime_checkable
class SearchingStore(Protocol):
    """What a BlockStore has beside the port where it can ask a network for blocks that it does not hold."""

    def fetch(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        """The block, checked; it is not put here. BlockMissing if nobody has it by then."""
        ...
