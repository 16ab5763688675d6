"""Content-addressable archives, version 1: how blocks travel to another IPFS implementation in one piece.

A header that names the root, then each block after its address; every part after its length as a varint. The header
is the DAG-CBOR map {"roots": [root], "version": 1}.
Source: the CARv1 and DAG-CBOR specifications of IPLD.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cupel.protocol.spec.shardcast.cid import CID_BYTES, Cid

# A map of two entries, the shorter key first; the root is tag 42 over a byte string that a zero begins.
_BEFORE_ROOT: Final = b"\xa2\x65roots\x81\xd8\x2a\x58" + bytes((CID_BYTES + 1, 0))
_AFTER_ROOT: Final = b"\x67version\x01"


def car_bytes(root: Cid, blocks: Iterable[tuple[Cid, bytes]]) -> bytes:
    """An archive of `blocks`, in their order; `root` is what its header names, whether it is among them or not."""
    parts = [car_head(root)]
    for cid, block in blocks:
        parts += [car_block_head(cid, len(block)), block]
    return b"".join(parts)


def car_head(root: Cid) -> bytes:
    """How an archive begins that names `root`."""
    head = _BEFORE_ROOT + root.to_bytes() + _AFTER_ROOT
    return _varint(len(head)) + head


def car_block_head(cid: Cid, num_bytes: int) -> bytes:
    """What stands in an archive before a block of `num_bytes`."""
    return _varint(CID_BYTES + num_bytes) + cid.to_bytes()


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
