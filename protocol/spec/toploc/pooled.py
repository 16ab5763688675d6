"""The errors of many chunks of one node, added up: sees lies too small to show in any one chunk.

A limit for single chunks must leave room for the worst honest chunk. An honest node's *mean* error varies far less: a
weight rounded to 12 or 16 bits hides in one chunk of ten thousand, and not in the mean of 64.

Errors are counted in whole steps of a mantissa, one for a claim whose sign or exponent differs: two neighbours on
either side of a power of two are one step apart, and a claim that means nothing is left to the limits of its chunk.
Integers, so that any order gives the same sum.

An honest recomputation is as far from another honest one as honest work from either: at most one limit. Steps are a
distance, but for the rare ones at a power of two. So whoever finds a mean beyond SURE_FACTOR limits can rely on every
other honest verifier to find it beyond one; between the two they may come to different answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.task import MILLION, Pooling
from cupel.protocol.spec.toploc.comparison import Comparison

POOLED_CHUNKS: Final = 64
"""Fewest chunks whose mean says something; what limits are calibrated with. A mean over more varies less."""
SURE_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class Pool:
    """Sums over chunks."""

    chunks: int = 0
    points: int = 0
    errors: int = 0

    @classmethod
    def of(cls, comparisons: Iterable[Comparison]) -> Pool:
        """Of these chunks."""
        each = [(1, one.points, error_steps(one)) for one in comparisons]
        return cls(*map(sum, zip(*each, strict=True))) if each else cls()

    def __add__(self, other: Pool) -> Pool:
        """Of both."""
        return Pool(self.chunks + other.chunks, self.points + other.points, self.errors + other.errors)

    @property
    def mean_millionths(self) -> int:
        """Mean error of a point in millionths of a mantissa's step, rounded up: above a limit exactly if the fraction
        is."""
        return -(-MILLION * self.errors // max(self.points, 1))

    def exceeds(self, limit: Pooling, factor: int = 1) -> bool:
        """Whether the mean lies beyond so many limits; never with too few chunks."""
        return self.chunks >= POOLED_CHUNKS and self.mean_millionths > factor * limit.max_error_millionths


def error_steps(comparison: Comparison) -> int:
    """What one chunk adds."""
    return comparison.mantissa_error_sum + comparison.exponent_mismatches
