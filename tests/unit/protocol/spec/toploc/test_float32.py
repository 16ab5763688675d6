"""The float32 kind: one byte string a polynomial, malformed ones refused, golden proofs, errors in ulps."""

import json
from pathlib import Path

import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.toploc import float32, float32_comparison
from cupel.protocol.spec.toploc.float32_comparison import (
    BINADE,
    UlpComparison,
    UlpThresholds,
    accept,
    compare,
    compare_batch,
    distance_ulps,
    score,
)
from cupel.protocol.spec.toploc.float32_field import PRIME, evaluate
from cupel.protocol.spec.toploc.proof import Proof
from cupel.protocol.testing.float32_vectors import K, float32_vectors, likely_float32

VECTORS = json.loads(
    (Path(__file__).parents[4] / "vectors" / "toploc_float32.json").read_text(encoding="utf-8")
)
LOOSE = UlpThresholds(K, BINADE, BINADE)


def words(text: str) -> float32.Patterns32:
    return np.frombuffer(bytes.fromhex(text[2:]), dtype=">u4").astype(np.uint32)


def states(tokens: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (tokens, width)).astype(np.float32)


def test_vectors_are_what_the_code_gives() -> None:
    assert float32_vectors() == VECTORS


@pytest.mark.parametrize("case", VECTORS["builds"], ids=lambda case: case["name"])
def test_builds(case: dict) -> None:
    patterns = words(case["patterns"]) if case["patterns"] else likely_float32(case["elements"])
    proof = float32.build_proof(patterns, case["topk"])
    assert len(proof) == float32.proof_bytes(case["topk"]) == 4 + 4 * case["topk"]
    assert "0x" + sha256(proof).hex() == case["sha256"]
    assert case["proof"] in ("", "0x" + proof.hex())
    coefficients = float32.decode_proof(proof, case["topk"]).coefficients
    points = float32.top_points(patterns, case["topk"])
    assert [evaluate(coefficients, index) for index, _ in points] == [pattern for _, pattern in points]


@pytest.mark.parametrize("case", VECTORS["proofs"], ids=lambda case: case["name"])
def test_decoding(case: dict) -> None:
    data = bytes.fromhex(case["proof"][2:])
    if not case["reason"]:
        assert float32.to_bytes(float32.decode_proof(data, case["topk"])) == data
        return
    with pytest.raises(Rejected) as caught:
        float32.decode_proof(data, case["topk"])
    assert caught.value.reason.value == case["reason"]


@pytest.mark.parametrize("case", VECTORS["comparisons"], ids=lambda case: case["name"])
def test_comparisons(case: dict) -> None:
    proof = float32.decode_proof(bytes.fromhex(case["proof"][2:]), K)
    result = compare(proof, words(case["patterns"]), K)
    names = ("points", "mismatches", "agreeing", "error_sum", "median", "constant_penalty")
    assert result == UlpComparison(**{name: case[name] for name in names})


def test_every_finite_pattern_is_a_residue_and_the_prime_is_one() -> None:
    assert 0xFF7FFFFF < PRIME < 2**32
    assert all(pow(base, PRIME - 1, PRIME) == 1 for base in (2, 3, 5, 7, 11, 13))
    assert all(PRIME % divisor for divisor in range(2, 65537))


@pytest.mark.parametrize(
    ("one", "other", "ulps"),
    [
        (0x3F800000, 0x3F800001, 1),
        (0x3FFFFFFF, 0x40000000, 1),
        (0x00000000, 0x80000000, 0),
        (0x00000001, 0x80000001, 2),
        (0xBF800000, 0xBF800003, 3),
        (0x3F800000, 0x40000000, BINADE),
    ],
)
def test_distances_count_the_numbers_between(one: int, other: int, ulps: int) -> None:
    assert distance_ulps(one, other) == distance_ulps(other, one) == ulps


def test_batches_have_short_tails_and_ignore_rows_behind_the_end() -> None:
    hidden = np.stack([states(9, 8, seed) for seed in range(3)])
    hidden[1, 5:] = np.nan
    lengths = np.array([9, 5, 4])
    proofs = float32.build_proofs_batch(hidden, lengths, 4, 16)
    assert [len(one) for one in proofs] == [3, 2, 1]
    flat = float32.to_patterns(hidden[0, 8:9]).ravel()
    assert proofs[0][2] == float32.build_proof(flat, 16)
    results = compare_batch(proofs, hidden, lengths, 4, 16)
    assert [len(one) for one in results] == [3, 2, 1]
    assert all(one.penalty == one.mismatches == 0 for result in results for one in result)
    assert results[0][2].points == 8


def test_a_lie_spoils_its_own_completion_only() -> None:
    hidden, lengths = np.stack([states(4, 8, seed) for seed in range(5)]), np.full(5, 4)
    proofs = float32.build_proofs_batch(hidden, lengths, 4, 16)
    proofs[0] = []
    proofs[1] = [proofs[1][0][:-1]]
    hidden[2, 0, 0] = np.inf
    results = compare_batch(proofs, hidden, lengths, 4, 16)
    reasons = [result.reason if isinstance(result, Rejected) else None for result in results]
    expected = [Reason.TOPLOC_COUNT, Reason.TOPLOC_LENGTH, Reason.TOPLOC_NON_FINITE, None, None]
    assert reasons == expected
    (wide,) = compare_batch(proofs[3:4], hidden[3:4].astype(np.float64), lengths[3:4], 4, 16)
    assert isinstance(wide, Rejected)
    assert wide.reason is Reason.TOPLOC_DTYPE


def test_bfloat16_states_are_found_where_float32_is_owed() -> None:
    honest = likely_float32(256)
    proof = float32.decode_proof(float32.build_proof(honest & np.uint32(0xFFFF0000), 32), 32)
    result = compare(proof, honest, 32)
    assert result.median > 1000


def test_thresholds_are_checked_in_order() -> None:
    result = UlpComparison(points=8, mismatches=2, agreeing=6, error_sum=60, median=9, constant_penalty=10**9)
    cases = [
        (UlpThresholds(1, 10, 9), Reason.TOPLOC_EXPONENT),
        (UlpThresholds(2, 9, 9), Reason.TOPLOC_MANTISSA_MEAN),
        (UlpThresholds(2, 10, 8), Reason.TOPLOC_MANTISSA_MEDIAN),
        (UlpThresholds(2, 10, 9), None),
    ]
    for thresholds, reason in cases:
        rejected = accept(result, thresholds)
        assert (rejected and rejected.reason) is reason


def test_the_best_constant_is_refused_whatever_the_thresholds() -> None:
    support = float32.top_points(likely_float32(64), K)
    patterns = [pattern for _, pattern in support]
    guesses = [score([guess] * K, support, 64) for guess in patterns]
    best = min(guesses, key=lambda result: result.penalty)
    assert best.penalty == best.constant_penalty
    rejected = accept(best, LOOSE)
    assert rejected is not None
    assert rejected.reason is Reason.TOPLOC_CONSTANT
    # Nor does any other constant beat what the patterns themselves reach.
    grid = range(0x3F000000, 0x40800000, 0x20000)
    assert min(score([guess] * K, support, 64).penalty for guess in grid) >= best.penalty


def test_claims_behind_a_short_chunk_are_zeros() -> None:
    support = float32.top_points(likely_float32(3), K)
    claims = [pattern for _, pattern in support]
    assert score(claims, support, 3).mismatches == 0
    assert score([*claims[:-1], 1], support, 3).mismatches == 1


def test_what_no_honest_node_commits_to_is_an_assertion() -> None:
    with pytest.raises(AssertionError, match="infinite"):
        float32.build_proof(np.array([0x7F800000] * 9, np.uint32), K)
    with pytest.raises(AssertionError, match="degenerate"):
        float32.build_proofs_batch(np.zeros((1, 2, 8), np.float32), np.array([2]), 2, K)
    with pytest.raises(AssertionError, match="type"):
        float32.to_patterns(np.zeros(3))  # type: ignore[arg-type]


def test_a_degenerate_proof_is_refused_before_its_values_are_read() -> None:
    with pytest.raises(Rejected) as caught:
        float32.decode_proof(float32.to_bytes(Proof((5,) + (0,) * (K - 1))), K)
    assert caught.value.reason is Reason.TOPLOC_DEGENERATE
    assert float32_comparison.BINADE == 2**23
