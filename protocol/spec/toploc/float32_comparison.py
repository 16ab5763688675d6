"""How far a float32 proof lies from recomputed activations, in units in the last place, and whether that is too far.

Patterns in the order of the numbers they stand for are consecutive integers, so the distance of two is their distance
in units in the last place, across powers of two as well: 1.9999999 and 2.0 are neighbours, where a comparison of
exponents would call them different. A claim *agrees* if it lies less than one binade (2^23) from the recomputed
pattern; then its error is the distance. By chance a claim agrees once in 256 times, as a bfloat16 one does.

`compare` is the definition, one chunk in plain integers; `compare_batch` gives the same for many completions.
Shapes: N completions, C chunks, k points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.toploc.float32 import (
    MAGNITUDE_MASK,
    Patterns32,
    are_finite,
    chunks_of,
    decode_proof,
    select,
    top_points,
)
from cupel.protocol.spec.toploc.float32_field import evaluate, evaluate_batch
from cupel.protocol.spec.toploc.proof import Proof

BINADE: Final = 1 << 23
"""Patterns between two powers of two: what a point without agreement counts for."""


@dataclass(frozen=True, slots=True)
class UlpThresholds:
    """Largest honest difference between a float32 proof and its recomputation, calibrated per engine and task."""

    max_mismatches: int
    max_mean_ulps: int
    max_median_ulps: int


@dataclass(frozen=True, slots=True)
class UlpComparison:
    """One chunk's float32 proof against recomputed activations.

    As `Comparison` of the bfloat16 kind: a wrong claim at the +0.0 elements behind a short chunk counts as a mismatch,
    a right one earns nothing; all else is over the chunk's own elements.
    """

    points: int
    mismatches: int
    """Claims a binade or more away, out of k; behind a short chunk all that are not +0.0."""
    agreeing: int
    error_sum: int
    median: int
    """The upper median of the errors: element n // 2 of n in order; BINADE if none agrees."""
    constant_penalty: int
    """Penalty of the best constant polynomial, chosen with full knowledge of the recomputed patterns."""

    @property
    def mean(self) -> float:
        """Mean error where claims agree, BINADE if none does."""
        return self.error_sum / self.agreeing if self.agreeing else float(BINADE)

    @property
    def penalty(self) -> int:
        """One number for the whole chunk: the errors, plus BINADE per point that does not agree."""
        return self.error_sum + BINADE * (self.points - self.agreeing)


def distance_ulps(one: int, other: int) -> int:
    """Units in the last place between two patterns; none between the two zeros."""
    return abs(_rank(one) - _rank(other))


def score(claims: Sequence[int], support: Sequence[tuple[int, int]], elements: int) -> UlpComparison:
    """Compare claims with the (index, pattern) points of a chunk of `elements` elements."""
    own = [
        (claim, pattern) for claim, (index, pattern) in zip(claims, support, strict=True) if index < elements
    ]
    behind = [claim for claim, (index, _) in zip(claims, support, strict=True) if index >= elements]
    distances = [distance_ulps(claim, pattern) for claim, pattern in own]
    errors = sorted(distance for distance in distances if distance < BINADE)
    return UlpComparison(
        points=len(own),
        mismatches=len(own) - len(errors) + sum(claim != 0 for claim in behind),
        agreeing=len(errors),
        error_sum=sum(errors),
        median=errors[len(errors) // 2] if errors else BINADE,
        constant_penalty=_constant_penalty([pattern for _, pattern in own]),
    )


def compare(proof: Proof, patterns: Patterns32, k: int) -> UlpComparison:
    """Compare a proof of k points with one chunk's recomputed activations. patterns: uint32 [E].

    Rejected(TOPLOC_NON_FINITE) if they are not finite: the peer's weights or tokens lead there.
    """
    assert len(proof.coefficients) == k, f"proof of {len(proof.coefficients)} points, not {k}"
    if not are_finite(patterns):
        raise Rejected(Reason.TOPLOC_NON_FINITE, "a recomputed activation is infinite or not a number")
    support = top_points(patterns, k)
    return score([evaluate(proof.coefficients, index) for index, _ in support], support, patterns.size)


def compare_batch(
    proofs: Sequence[Sequence[bytes]],
    hidden: npt.NDArray[np.floating],
    lengths: npt.NDArray[np.integer],
    chunk_tokens: int,
    k: int,
) -> list[list[UlpComparison] | Rejected]:
    """Compare the proofs of N completions with their recomputed states [N, T, H], one comparison per chunk.

    proofs: for each completion the peer's proofs as received. A completion stands or falls alone: in place of its
    comparisons comes Rejected(TOPLOC_DTYPE, TOPLOC_COUNT, those of `decode_proof`, TOPLOC_NON_FINITE).
    """
    if hidden.dtype != np.float32:
        return [Rejected(Reason.TOPLOC_DTYPE, f"states of type {hidden.dtype}") for _ in proofs]
    read = [
        _read(given, chunks_of(states[:length], chunk_tokens), k)
        for given, states, length in zip(proofs, hidden, lengths.tolist(), strict=True)
    ]
    accepted = [pair for one in read if not isinstance(one, Rejected) for pair in one]
    scores = iter(_score_chunks(accepted, k))
    return [one if isinstance(one, Rejected) else list(islice(scores, len(one))) for one in read]


def accept(comparison: UlpComparison, thresholds: UlpThresholds) -> Rejected | None:
    """None if the proof passes for an honest one, else why not, in this order.

    Rejected(TOPLOC_EXPONENT) for too many mismatches, TOPLOC_MANTISSA_MEAN, TOPLOC_MANTISSA_MEDIAN, and
    Rejected(TOPLOC_CONSTANT) if one guessed pattern would have done as well.
    """
    if comparison.mismatches > thresholds.max_mismatches:
        detail = f"{comparison.mismatches} > {thresholds.max_mismatches}"
        return Rejected(Reason.TOPLOC_EXPONENT, detail)
    if comparison.mean > thresholds.max_mean_ulps:
        return Rejected(
            Reason.TOPLOC_MANTISSA_MEAN, f"{comparison.mean:.3f} > {thresholds.max_mean_ulps} ulps"
        )
    if comparison.median > thresholds.max_median_ulps:
        return Rejected(
            Reason.TOPLOC_MANTISSA_MEDIAN, f"{comparison.median} > {thresholds.max_median_ulps} ulps"
        )
    # A chunk of one repeated pattern leaves nothing to beat.
    if comparison.penalty >= comparison.constant_penalty > 0:
        detail = f"penalty {comparison.penalty}, the best constant has {comparison.constant_penalty}"
        return Rejected(Reason.TOPLOC_CONSTANT, detail)
    return None


def _rank(pattern: int) -> int:
    magnitude = pattern & MAGNITUDE_MASK
    return magnitude if pattern == magnitude else -magnitude


def _constant_penalty(patterns: Sequence[int]) -> int:
    """Least penalty one pattern, guessed at every point, would have.

    The penalty is linear between patterns and between the ends of their binades, where it only ever bends down: so
    it is least at one of the patterns.
    """
    ranks = np.array([_rank(pattern) for pattern in patterns], dtype=np.int64)
    if not ranks.size:
        return 0
    return int(np.minimum(np.abs(ranks[:, None] - ranks), BINADE).sum(axis=1).min())


def _read(
    proofs: Sequence[bytes], chunks: list[Patterns32], k: int
) -> list[tuple[Proof, Patterns32]] | Rejected:
    if len(proofs) != len(chunks):
        return Rejected(Reason.TOPLOC_COUNT, f"{len(proofs)} proofs of {len(chunks)} chunks")
    try:
        decoded = [decode_proof(proof, k) for proof in proofs]
    except Rejected as rejected:
        return rejected
    if not all(are_finite(chunk) for chunk in chunks):
        return Rejected(Reason.TOPLOC_NON_FINITE, "a recomputed activation is infinite or not a number")
    return list(zip(decoded, chunks, strict=True))


def _score_chunks(pairs: Sequence[tuple[Proof, Patterns32]], k: int) -> list[UlpComparison]:
    if not pairs:
        return []
    supports = [select(chunk, k) for _, chunk in pairs]
    coefficients = np.array([proof.coefficients for proof, _ in pairs], dtype=np.uint64)
    claims = evaluate_batch(coefficients, np.stack([indices for indices, _ in supports]))
    return [
        score(row, list(zip(indices.tolist(), patterns.tolist(), strict=True)), chunk.size)
        for row, (indices, patterns), (_, chunk) in zip(claims.tolist(), supports, pairs, strict=True)
    ]
