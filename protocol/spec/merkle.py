"""Merkle trees of commitments; twin of contracts/libraries/Merkle.sol.

Leaves and nodes hash under different prefixes, so no node can pose as a leaf. The tree over n leaves has the
fixed depth ceil(log2 n); missing leaves on the right are 32 zero bytes, which no known leaf hashes to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from cupel.protocol.spec.batch_hashing import HASH_BYTES, keccak256_each
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256

LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"
EMPTY_LEAF: Final = bytes(32)


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf's data."""
    return keccak256(LEAF_PREFIX + data)


def depth(count: int) -> int:
    """Levels above the leaves of a tree over `count` leaves."""
    return (count - 1).bit_length()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes. Rejected(MERKLE_EMPTY) for none: an empty tree commits to nothing."""
    return levels(leaves)[-1][0]


def proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Siblings of leaf `index`, bottom up, exactly `depth(len(leaves))` of them."""
    assert 0 <= index < len(leaves), f"leaf {index} of {len(leaves)}"
    made = levels(leaves)
    return tuple(level[(index >> height) ^ 1] for height, level in enumerate(made[:-1]))


def verify(expected_root: bytes, leaf: bytes, index: int, count: int, siblings: Sequence[bytes]) -> bool:
    """Whether `leaf` is leaf `index` of `count` under `expected_root`."""
    if not 0 <= index < count or len(siblings) != depth(count):
        return False
    node = leaf
    for height, sibling in enumerate(siblings):
        left, right = (sibling, node) if index >> height & 1 else (node, sibling)
        node = _parent(left, right)
    return node == expected_root


def _parent(left: bytes, right: bytes) -> bytes:
    return keccak256(NODE_PREFIX + left + right)


def _parents(level: list[bytes]) -> list[bytes]:
    """`_parent` of every pair of an even number of hashes."""
    pairs = np.frombuffer(b"".join(level), np.uint8).reshape(-1, 2 * HASH_BYTES)
    hashed = keccak256_each(NODE_PREFIX, pairs).tobytes()
    return [hashed[start : start + HASH_BYTES] for start in range(0, len(hashed), HASH_BYTES)]


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Every level from the padded leaves up to the root. Rejected(MERKLE_EMPTY) for no leaves."""
    if not leaves:
        raise Rejected(Reason.MERKLE_EMPTY, "a Merkle tree needs at least one leaf")
    level, width, empty = list(leaves), 1 << depth(len(leaves)), EMPTY_LEAF
    made = [level + [empty] * (width - len(level))]
    while width > 1:
        level += [empty] * (len(level) % 2)
        level = _parents(level)
        # What is above missing leaves alone is the same everywhere: hashed once a level.
        width, empty = width // 2, _parent(empty, empty)
        made.append(level + [empty] * (width - len(level)))
    return made
