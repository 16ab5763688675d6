"""Scoring a proof's claims against recomputed patterns, point by point.

A claim *agrees* if its sign and exponent equal the recomputed ones; then its error is the distance of the two
mantissas, 0 to 127. The toploc package ignores the sign, so that negated activations pass; here it counts.

`score` is the definition, in plain integers; `score_batch` gives the same for many chunks. Everything is an integer,
so that a contract can come to the same verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc.activations import Patterns
from cupel.protocol.spec.toploc.polynomial import Residues

DISAGREEMENT: Final = 128
"""What a point without agreement counts for, and the mantissa numbers if none agrees: one more than any error."""
_MANTISSA_BITS: Final = 7
_MANTISSA_MASK: Final = 0x7F
_MAX_PENALTY: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Comparison:
    """One chunk's proof against recomputed activations.

    The +0.0 elements behind a short chunk are known to all: a wrong claim there counts as a mismatch, a right one
    earns nothing. `points`, `agreeing`, the mantissa numbers and the penalties are over the chunk's own elements.
    """

    points: int
    """Points on the chunk's own elements: k, or fewer in a chunk of fewer elements."""
    exponent_mismatches: int
    """Claims whose sign or exponent differs, out of k."""
    agreeing: int
    mantissa_error_sum: int
    mantissa_median: int
    """The upper median of the errors: element n // 2 of n in order."""
    constant_penalty: int
    """Penalty of the best constant polynomial, chosen with full knowledge of the recomputed patterns."""

    @property
    def mantissa_mean(self) -> float:
        """Mean error where claims agree, DISAGREEMENT if none does."""
        return self.mantissa_error_sum / self.agreeing if self.agreeing else float(DISAGREEMENT)

    @property
    def penalty(self) -> int:
        """One number for the whole chunk: the errors, plus DISAGREEMENT per point that does not agree."""
        return self.mantissa_error_sum + DISAGREEMENT * (self.points - self.agreeing)


def score(claims: Sequence[int], support: Sequence[tuple[int, int]], elements: int) -> Comparison:
    """Compare claims with the (index, pattern) points of a chunk of `elements` elements."""
    triples = [
        (claim, pattern, index < elements) for claim, (index, pattern) in zip(claims, support, strict=True)
    ]
    agreeing = [
        (claim, pattern) for claim, pattern, is_own in triples if is_own and _key(claim) == _key(pattern)
    ]
    errors = sorted(abs(_mantissa(claim) - _mantissa(pattern)) for claim, pattern in agreeing)
    own = [pattern for _, pattern, is_own in triples if is_own]
    return Comparison(
        points=len(own),
        exponent_mismatches=sum(_key(claim) != _key(pattern) for claim, pattern, _ in triples),
        agreeing=len(errors),
        mantissa_error_sum=sum(errors),
        mantissa_median=errors[len(errors) // 2] if errors else DISAGREEMENT,
        constant_penalty=_constant_penalty(own),
    )


def _constant_penalty(patterns: Sequence[int]) -> int:
    """Least penalty one pattern, guessed at every point, would have."""
    mantissas = defaultdict(list)
    for pattern in sorted(patterns):
        mantissas[_key(pattern)].append(_mantissa(pattern))
    return min(
        DISAGREEMENT * (len(patterns) - len(group)) + sum(abs(one - group[len(group) // 2]) for one in group)
        for group in mantissas.values()
    )


def _key(pattern: int) -> int:
    """Sign and exponent."""
    return pattern >> _MANTISSA_BITS


def _mantissa(pattern: int) -> int:
    return pattern & _MANTISSA_MASK


def score_batch(
    claims: Residues, indices: npt.NDArray[np.int64], patterns: Patterns, elements: npt.NDArray[np.int64]
) -> list[Comparison]:
    """`score` of many chunks. claims, indices, patterns: [C, k], points in any order; elements: [C]."""
    claimed, recomputed = claims.astype(np.int32), patterns.astype(np.int32)
    own = indices < elements[:, None]
    matching = claimed >> _MANTISSA_BITS == recomputed >> _MANTISSA_BITS
    agreeing = matching & own
    counts = agreeing.sum(axis=1)
    errors = np.abs((claimed & _MANTISSA_MASK) - (recomputed & _MANTISSA_MASK))
    errors[~agreeing] = DISAGREEMENT
    errors.sort(axis=1)
    # With none agreeing the middle element is DISAGREEMENT already.
    medians = np.take_along_axis(errors, counts[:, None] // 2, axis=1)[:, 0]
    points = own.sum(axis=1)
    sums = errors.sum(axis=1) - DISAGREEMENT * (claims.shape[1] - counts)
    columns = (points, (~matching).sum(axis=1), counts, sums, medians, _constant_penalties(recomputed, own))
    return [Comparison(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _constant_penalties(patterns: npt.NDArray[np.int32], own: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """`_constant_penalty` of each row, over its own elements. patterns, own: [C, k]."""
    chunks, k = patterns.shape
    # Elements that do not count sort behind all patterns, into a run of their own.
    ordered = np.sort(np.where(own, patterns, 1 << 16), axis=1)
    keys = ordered >> _MANTISSA_BITS
    is_start = np.ones((chunks, k), dtype=bool)
    is_start[:, 1:] = keys[:, 1:] != keys[:, :-1]
    starts = np.flatnonzero(is_start)
    ends = np.append(starts[1:], chunks * k)
    # Around the median of an ordered run, the distances sum to its upper half minus its lower half.
    prefix = np.concatenate([[0], np.cumsum(ordered & _MANTISSA_MASK)])
    half = (ends - starts) // 2
    spread = prefix[ends] - prefix[ends - half] - prefix[starts + half] + prefix[starts]
    rows = starts // k
    penalties = DISAGREEMENT * (own.sum(axis=1)[rows] - (ends - starts)) + spread
    penalties[keys.ravel()[starts] == 1 << 16 >> _MANTISSA_BITS] = _MAX_PENALTY
    least: npt.NDArray[np.int64] = np.minimum.reduceat(penalties, np.flatnonzero(starts % k == 0))
    return least
