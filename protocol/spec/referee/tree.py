"""The trace's commitment: rows in blocks under 16-ary trees, grown leaf by leaf in memory that the depth bounds.

A leaf is keccak-256 of a 0 byte and its data, a node of a 1 byte and its 16 children; missing children are 32 zero
bytes. The depth is the least that fits the count, so a root and a count fix every place. A row is a tree over blocks
of 64 entries, 5 bytes each, two's complement, big-endian; the trace is a tree over rows, whose leaf binds the row's
kind and length to the row's root.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.merkle import EMPTY_LEAF, NODE_PREFIX, leaf_hash
from cupel.protocol.spec.referee.fixed import ACTIVATION_BITS, Integers

ARITY: Final = 16
ENTRY_BYTES: Final = 5
BLOCK_ENTRIES: Final = 64
STATISTIC_BYTES: Final = 16


def depth(count: int) -> int:
    """Levels above the leaves of a tree over `count` leaves."""
    levels = 0
    while ARITY**levels < count:
        levels += 1
    return levels


def node_hash(children: Sequence[bytes]) -> bytes:
    """Hash of up to 16 children, completed with empty leaves."""
    assert 1 <= len(children) <= ARITY, f"{len(children)} children"
    return keccak256(NODE_PREFIX + b"".join(children) + EMPTY_LEAF * (ARITY - len(children)))


class Grower:
    """A tree that takes leaves in order and keeps at most 16 hashes a level."""

    def __init__(self) -> None:
        self.count = 0
        self._levels: list[list[bytes]] = [[]]

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash on the right."""
        self.count += 1
        height = 0
        # A full level is folded only when another leaf needs its place: the root level may stay full.
        while len(self._levels[height]) == ARITY:
            folded = node_hash(self._levels[height])
            self._levels[height] = [leaf]
            leaf = folded
            height += 1
            if height == len(self._levels):
                self._levels.append([])
        self._levels[height].append(leaf)

    def root(self) -> bytes:
        """Root over the leaves so far. Rejected(MERKLE_EMPTY) for none."""
        if self.count == 0:
            raise Rejected(Reason.MERKLE_EMPTY, "a trace needs at least one row")
        carried: list[bytes] = []
        for height in range(depth(self.count)):
            level = self._levels[height] if height < len(self._levels) else []
            # A full level beside what comes from below makes two nodes.
            both = level + carried
            carried = [node_hash(both[start : start + ARITY]) for start in range(0, len(both), ARITY)]
        top = self._levels[depth(self.count)] if depth(self.count) < len(self._levels) else []
        assert len(top) + len(carried) == 1, "a tree has one root"
        return (top + carried)[0]


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes. Rejected(MERKLE_EMPTY) for none."""
    if not leaves:
        raise Rejected(Reason.MERKLE_EMPTY, "a trace needs at least one row")
    level = leaves
    while len(level) > 1:
        level = [node_hash(level[start : start + ARITY]) for start in range(0, len(level), ARITY)]
    return level[0]


def proof(leaves: Sequence[bytes], index: int) -> tuple[tuple[bytes, ...], ...]:
    """The 16 children of every node above leaf `index`, bottom up: what the moves of a descent open."""
    assert 0 <= index < len(leaves), f"leaf {index} of {len(leaves)}"
    opened, level = [], list(leaves)
    for _ in range(depth(len(leaves))):
        level += [EMPTY_LEAF] * (-len(level) % ARITY)
        groups = [tuple(level[start : start + ARITY]) for start in range(0, len(level), ARITY)]
        index //= ARITY
        opened.append(groups[index])
        level = [node_hash(group) for group in groups]
    return tuple(opened)


def verify(
    expected_root: bytes, leaf: bytes, index: int, count: int, opened: Sequence[Sequence[bytes]]
) -> bool:
    """Whether `leaf` is leaf `index` of `count` under `expected_root`."""
    if not 0 <= index < count or len(opened) != depth(count):
        return False
    hash_ = leaf
    for children in opened:
        if len(children) != ARITY or children[index % ARITY] != hash_:
            return False
        hash_ = node_hash(children)
        index //= ARITY
    return hash_ == expected_root


def block_bytes(entries: Integers) -> bytes:
    """Entries as 5 bytes each."""
    words = (entries & ((1 << ACTIVATION_BITS) - 1)).astype(">u8")
    return words.view(np.uint8).reshape(-1, 8)[:, 8 - ENTRY_BYTES :].tobytes()


def row_blocks(row: Integers) -> list[bytes]:
    """Data of a row's blocks, in order; at least one entry."""
    return [block_bytes(row[start : start + BLOCK_ENTRIES]) for start in range(0, len(row), BLOCK_ENTRIES)]


def row_leaf(kind: int, row: Integers) -> bytes:
    """The trace's leaf for a row [K] of an operator of this kind."""
    row_root = root([leaf_hash(block) for block in row_blocks(row)])
    return leaf_hash(bytes([kind]) + len(row).to_bytes(4, "big") + row_root)


def statistics_leaf(kind: int, row: Sequence[int]) -> bytes:
    """The trace's leaf for a row of sums, 16 bytes each: one block under the same form."""
    data = b"".join(entry.to_bytes(STATISTIC_BYTES, "big", signed=True) for entry in row)
    return leaf_hash(bytes([kind]) + len(row).to_bytes(4, "big") + leaf_hash(data))
