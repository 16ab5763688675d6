"""Many blocks in one answer: what fast peers ask of each other, so that a block costs no request of its own.

    POST /blocks    the CIDs, CID_BYTES each, at most MAX_BUNDLE of them

    answer: for each CID four bytes, the length of its block or ABSENT; then the blocks that are there, in that order

Every block is checked against its address, as one that came alone is. Numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import CID_BYTES, Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES

PATH: Final = "/blocks"
MAX_BUNDLE: Final = 32
ABSENT: Final = 2**32 - 1
LENGTH_BYTES: Final = 4


def to_request(cids: Sequence[Cid]) -> bytes:
    """The body that asks for these blocks."""
    return b"".join(cid.to_bytes() for cid in cids)


def from_request(body: bytes) -> list[Cid]:
    """Inverse of `to_request`. Rejected(SIZE) for none or too many, Rejected(CID) for what is no CID."""
    count, rest = divmod(len(body), CID_BYTES)
    if rest or not 0 < count <= MAX_BUNDLE:
        raise Rejected(Reason.SIZE, f"{len(body)} bytes are not 1 to {MAX_BUNDLE} CIDs")
    return [Cid.from_bytes(body[start : start + CID_BYTES]) for start in range(0, len(body), CID_BYTES)]


def to_lengths(lengths: Sequence[int | None]) -> bytes:
    """The answer's first bytes; None for a block that is not here."""
    return struct.pack(f">{len(lengths)}I", *(ABSENT if length is None else length for length in lengths))


def from_lengths(told: bytes, num_bytes: int) -> list[int | None]:
    """Inverse of `to_lengths`, for an answer of `num_bytes` in all.

    Rejected(SIZE) for a block larger than any, or lengths that are not those of the answer.
    """
    lengths = [None if length == ABSENT else length for length in struct.unpack(f">{len(told) // 4}I", told)]
    here = [length for length in lengths if length is not None]
    if max(here, default=0) > MAX_BLOCK_BYTES or len(told) + sum(here) != num_bytes:
        raise Rejected(Reason.SIZE, f"an answer of {num_bytes} bytes that holds blocks of {sum(here)}")
    return lengths
