"""The check at every store's door."""

from __future__ import annotations

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES


def checked_address(block: BytesLike, cid: Cid | None) -> Cid:
    """Address of `block`. Rejected(SIZE) above 2 MiB, Rejected(BLOCK_HASH) if `cid` addresses other bytes."""
    if len(block) > MAX_BLOCK_BYTES:
        raise Rejected(Reason.SIZE, f"block of {len(block)} bytes, at most {MAX_BLOCK_BYTES} allowed")
    if cid is None:
        return Cid.raw_of(block)
    if not cid.addresses(block):
        raise Rejected(Reason.BLOCK_HASH, f"{len(block)} bytes that are not {cid}")
    return cid
