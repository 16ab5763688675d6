"""The order of a trace: every operator's output, row by row, as the forward pass computes it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

from cupel.protocol.spec.referee.fixed import Integers
from cupel.protocol.spec.referee.tree import Grower, row_leaf, statistics_leaf


class Kind(IntEnum):
    """What a row was made by; the number is hashed."""

    EMBED = 1
    LINEAR = 2
    NORM = 3
    ROTATE = 4
    SCORE = 5
    SOFTMAX = 6
    MIX = 7
    ADD = 8
    RELU = 9
    SILU = 10
    PRODUCT = 11
    EXP = 12
    MOMENTS = 13
    """Of a norm: sum, sum of squares, mean, inverse root as `factor * 2^8 + shift`."""
    EXP_SUM = 14
    """Of a softmax: greatest score, sum of exponentials."""


class Listener(Protocol):
    """Told of every operator's output in order."""

    def rows(self, kind: Kind, values: Integers) -> None:
        """Rows [R, C] of one operator."""

    def statistics(self, kind: Kind, rows: Sequence[Sequence[int]]) -> None:
        """Sums behind an operator's rows, one row for each, below 2^127 in magnitude."""


class Silent:
    """Keeps nothing."""

    def rows(self, kind: Kind, values: Integers) -> None:
        """As `Listener.rows`."""

    def statistics(self, kind: Kind, rows: Sequence[Sequence[int]]) -> None:
        """As `Listener.statistics`."""


class Commitment:
    """Hashes rows as they come and forgets them."""

    def __init__(self) -> None:
        self._tree = Grower()

    @property
    def count(self) -> int:
        """Rows so far."""
        return self._tree.count

    def rows(self, kind: Kind, values: Integers) -> None:
        """As `Listener.rows`."""
        for row in values:
            self._tree.append(row_leaf(kind, row))

    def statistics(self, kind: Kind, rows: Sequence[Sequence[int]]) -> None:
        """As `Listener.statistics`."""
        for row in rows:
            self._tree.append(statistics_leaf(kind, row))

    def root(self) -> bytes:
        """Root over the rows so far. Rejected(MERKLE_EMPTY) for none."""
        return self._tree.root()
