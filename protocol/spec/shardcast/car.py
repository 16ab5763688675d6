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
    parts = [_after_length(_BEFORE_ROOT + root.to_bytes() + _AFTER_ROOT)]
    parts += [_after_length(cid.to_bytes() + block) for cid, block in blocks]
    return b"".join(parts)


def _after_length(part: bytes) -> bytes:
    length, encoded = len(part), bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded) + part
