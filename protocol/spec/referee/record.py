"""A trace that keeps everything: what either side of a dispute opens its moves from."""

from __future__ import annotations

from collections.abc import Sequence

from cupel.protocol.spec.merkle import leaf_hash
from cupel.protocol.spec.referee.fixed import Integers
from cupel.protocol.spec.referee.trace import Kind
from cupel.protocol.spec.referee.tree import STATISTIC_BYTES, root, row_blocks


def leaf_of(kind: int, length: int, blocks: Sequence[bytes]) -> bytes:
    """The leaf of a row whose blocks hold this data: as `tree.row_leaf` and `tree.statistics_leaf`."""
    row_root = root([leaf_hash(block) for block in blocks])
    return leaf_hash(bytes([kind]) + length.to_bytes(4, "big") + row_root)


class Record:
    """Keeps every row: kind, entries, blocks' data and leaf."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self.entries: list[tuple[int, ...]] = []
        self.blocks: list[tuple[bytes, ...]] = []
        self.leaves: list[bytes] = []

    def rows(self, kind: Kind, values: Integers) -> None:
        """As `Listener.rows`."""
        for row in values:
            self._keep(kind, tuple(row.tolist()), tuple(row_blocks(row)))

    def statistics(self, kind: Kind, rows: Sequence[Sequence[int]]) -> None:
        """As `Listener.statistics`."""
        for row in rows:
            data = b"".join(entry.to_bytes(STATISTIC_BYTES, "big", signed=True) for entry in row)
            self._keep(kind, tuple(row), (data,))

    def root(self) -> bytes:
        """Root over the rows so far."""
        return root(self.leaves)

    def _keep(self, kind: Kind, entries: tuple[int, ...], blocks: tuple[bytes, ...]) -> None:
        self.kinds.append(kind)
        self.entries.append(entries)
        self.blocks.append(blocks)
        self.leaves.append(leaf_of(kind, len(entries), blocks))
