"""How far a proof lies from activations recomputed by somebody else, and whether that is too far.

The verifier takes its own support of the chunk and asks the prover's polynomial at those indices. An index outside
the prover's support gets a pseudo-random claim, which almost never agrees. `compare` is the definition, one chunk in
plain integers; `compare_batch` gives the same for the completions of a round.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc.activations import (
    Patterns,
    States,
    are_finite,
    is_states,
    top_points,
)
from cupel.protocol.spec.toploc.comparison import DISAGREEMENT, Comparison, score, score_batch
from cupel.protocol.spec.toploc.polynomial import evaluate, evaluate_batch
from cupel.protocol.spec.toploc.proof import Proof, decode_proof
from cupel.protocol.spec.toploc.selection import Selection, select


def compare(proof: Proof, patterns: Patterns, k: int) -> Comparison:
    """Compare a proof of k points with one chunk's recomputed activations. patterns: uint16 [E].

    Rejected(TOPLOC_NON_FINITE) if they are not finite: the peer's weights or tokens lead there.
    """
    assert len(proof.coefficients) == k, f"proof of {len(proof.coefficients)} points, not {k}"
    if not are_finite(patterns):
        raise _non_finite()
    support = top_points(patterns, k)
    return score([evaluate(proof.coefficients, index) for index, _ in support], support, patterns.size)


def compare_batch(
    proofs: Sequence[Sequence[bytes]],
    hidden: States,
    lengths: npt.NDArray[np.integer],
    chunk_tokens: int,
    k: int,
) -> list[list[Comparison] | Rejected]:
    """Compare the proofs of N completions with their recomputed states, one Comparison per chunk.

    proofs: for each completion the peer's proofs as received; hidden: [N, T, H]; lengths: [N], each in [1, T].
    As `compare_selection`, and Rejected(TOPLOC_DTYPE) for all if the peer's weights give states of another type, such
    as float16: their patterns would mean other numbers.
    """
    if not proofs:
        return []
    if not is_states(hidden):
        return [Rejected(Reason.TOPLOC_DTYPE, f"states of type {hidden.dtype}") for _ in proofs]
    return compare_selection(proofs, select(hidden, lengths, chunk_tokens, k))


def compare_selection(
    proofs: Sequence[Sequence[bytes]], selection: Selection
) -> list[list[Comparison] | Rejected]:
    """Compare the proofs of N completions with the supports of their recomputed states, one Comparison per chunk.

    proofs: for each completion the peer's proofs as received. A completion stands or falls alone: in place of its
    comparisons comes Rejected(TOPLOC_COUNT, those of `decode_proof`, TOPLOC_NON_FINITE).
    """
    counts, k = selection.counts, selection.patterns.shape[1]
    decoded = [_decode(given, count, k) for given, count in zip(proofs, counts.tolist(), strict=True)]
    if not decoded:
        return []
    claims = evaluate_batch(_coefficients(decoded, counts, k), selection.indices)
    scores = iter(score_batch(claims, selection.indices, selection.patterns, selection.elements))
    rows = iter(selection.patterns)
    results: list[list[Comparison] | Rejected] = []
    for result, count in zip(decoded, counts.tolist(), strict=True):
        comparisons, supports = list(islice(scores, count)), list(islice(rows, count))
        if isinstance(result, Rejected):
            results.append(result)
        else:
            results.append(comparisons if are_finite(np.concatenate(supports)) else _non_finite())
    return results


def accept(comparison: Comparison, thresholds: Thresholds) -> Rejected | None:
    """None if the proof passes for an honest one, else why not.

    Rejected(TOPLOC_EXPONENT, TOPLOC_MANTISSA_MEAN, TOPLOC_MANTISSA_MEDIAN) beyond a threshold, and
    Rejected(TOPLOC_CONSTANT) if one guessed pattern would have done as well: such a proof shows no computation,
    whatever the thresholds.
    """
    mismatches, median = comparison.exponent_mismatches, comparison.mantissa_median
    total, count = comparison.mantissa_error_sum, comparison.agreeing
    if not count:
        total, count = DISAGREEMENT, 1
    if mismatches > thresholds.max_exponent_mismatches:
        return Rejected(Reason.TOPLOC_EXPONENT, f"{mismatches} > {thresholds.max_exponent_mismatches}")
    if 1000 * total > thresholds.max_mantissa_mean_thousandths * count:
        limit = thresholds.max_mantissa_mean_thousandths
        return Rejected(Reason.TOPLOC_MANTISSA_MEAN, f"{total}/{count} > {limit}/1000")
    if 1000 * median > thresholds.max_mantissa_median_thousandths:
        limit = thresholds.max_mantissa_median_thousandths
        return Rejected(Reason.TOPLOC_MANTISSA_MEDIAN, f"{median} > {limit}/1000")
    # A chunk of one repeated pattern leaves nothing to beat.
    if comparison.penalty >= comparison.constant_penalty > 0:
        detail = f"penalty {comparison.penalty}, the best constant has {comparison.constant_penalty}"
        return Rejected(Reason.TOPLOC_CONSTANT, detail)
    return None


def _decode(proofs: Sequence[bytes], count: int, k: int) -> list[Proof] | Rejected:
    if len(proofs) != count:
        return Rejected(Reason.TOPLOC_COUNT, f"{len(proofs)} proofs of {count} chunks")
    try:
        return [decode_proof(proof, k) for proof in proofs]
    except Rejected as rejected:
        return rejected


def _coefficients(
    decoded: Sequence[list[Proof] | Rejected], counts: npt.NDArray[np.int64], k: int
) -> npt.NDArray[np.uint32]:
    """The coefficients of all chunks, [C, k]; zero where the completion is rejected already."""
    rows = np.zeros((int(counts.sum()), k), dtype=np.uint32)
    ends = np.cumsum(counts)
    for result, start, end in zip(decoded, (ends - counts).tolist(), ends.tolist(), strict=True):
        if not isinstance(result, Rejected):
            rows[start:end] = [proof.coefficients for proof in result]
    return rows


def _non_finite() -> Rejected:
    return Rejected(Reason.TOPLOC_NON_FINITE, "a recomputed activation is infinite or not a number")
