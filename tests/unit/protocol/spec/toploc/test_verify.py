import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc.activations import to_bfloat16
from cupel.protocol.spec.toploc.build import build_proof, build_proofs_batch
from cupel.protocol.spec.toploc.comparison import Comparison
from cupel.protocol.spec.toploc.proof import Proof, decode_proof, proof_bytes
from cupel.protocol.spec.toploc.verify import accept, compare, compare_batch
from cupel.protocol.testing.toploc_vectors import likely_patterns

LIMITS = Thresholds(8, 2_000, 2_000)
PAPER = Thresholds(38, 10_000, 8_000)
DEPLOYED = Thresholds(60, 40_000, 40_000)
LENGTHS = np.array([9, 1, 6])


def hidden_states(seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((3, 9, 64), dtype=np.float32)


def test_identical_activations_pass_with_nothing_allowed() -> None:
    hidden = hidden_states()
    proofs = build_proofs_batch(hidden, LENGTHS, 4, 128)
    for comparisons in compare_batch(proofs, hidden, LENGTHS, 4, 128):
        assert not isinstance(comparisons, Rejected)
        assert [accept(one, Thresholds(0, 0, 0)) for one in comparisons] == [None] * len(comparisons)


def test_small_noise_passes_and_another_model_does_not() -> None:
    hidden = hidden_states()
    proofs = build_proofs_batch(hidden, LENGTHS, 4, 128)
    noisy = hidden * (1 + 0.002 * hidden_states(8))
    for honest, forged in zip(
        compare_batch(proofs, noisy, LENGTHS, 4, 128),
        compare_batch(proofs, hidden_states(9), LENGTHS, 4, 128),
        strict=True,
    ):
        assert not isinstance(honest, Rejected)
        assert not isinstance(forged, Rejected)
        assert [accept(one, LIMITS) for one in honest] == [None] * len(honest)
        assert all(accept(one, DEPLOYED) is not None for one in forged)


def test_batch_is_the_definition() -> None:
    hidden, other = hidden_states(), hidden_states(10)
    proofs = build_proofs_batch(hidden, LENGTHS, 4, 128)
    single = [
        [
            compare(decode_proof(proof, 128), to_bfloat16(row[start : min(start + 4, length)]).ravel(), 128)
            for proof, start in zip(given, range(0, length, 4), strict=True)
        ]
        for given, row, length in zip(proofs, other, LENGTHS.tolist(), strict=True)
    ]
    assert compare_batch(proofs, other, LENGTHS, 4, 128) == single


def test_negated_activations_fail() -> None:
    patterns = likely_patterns(512)
    result = compare(decode_proof(build_proof(patterns, 128), 128), patterns ^ np.uint16(0x8000), 128)
    assert result.exponent_mismatches == 128


@pytest.mark.parametrize("thresholds", [PAPER, DEPLOYED])
def test_a_constant_passes_no_thresholds(thresholds: Thresholds) -> None:
    """The best case of a blind guess, and past a decoder that would refuse it: the comparison does so as well."""
    magnitudes = np.abs(np.random.default_rng(11).standard_normal(32 * 256, dtype=np.float32))
    patterns = to_bfloat16(magnitudes)
    constant = compare(Proof((0x4030, *(0,) * 127)), patterns, 128)
    assert constant.exponent_mismatches <= 38
    rejected = accept(constant, Thresholds(128, 128_000, 128_000))
    assert rejected is not None
    assert rejected.reason is Reason.TOPLOC_CONSTANT
    assert accept(constant, thresholds) is not None


@pytest.mark.parametrize(
    ("comparison", "reason"),
    [
        (Comparison(128, 8, 120, 240, 2, 9000), None),
        (Comparison(128, 9, 119, 0, 0, 9000), Reason.TOPLOC_EXPONENT),
        (Comparison(128, 8, 120, 241, 2, 9000), Reason.TOPLOC_MANTISSA_MEAN),
        (Comparison(128, 8, 120, 0, 3, 9000), Reason.TOPLOC_MANTISSA_MEDIAN),
        (Comparison(128, 0, 128, 100, 1, 100), Reason.TOPLOC_CONSTANT),
        (Comparison(128, 0, 128, 100, 1, 101), None),
        (Comparison(128, 0, 128, 100, 1, 0), None),  # one repeated pattern: nothing to beat
        # No agreement is not a mean of 0.
        (Comparison(128, 8, 0, 0, 128, 99999), Reason.TOPLOC_MANTISSA_MEAN),
    ],
)
def test_thresholds_are_inclusive(comparison: Comparison, reason: Reason | None) -> None:
    rejected = accept(comparison, LIMITS)
    assert (rejected and rejected.reason) is reason


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_recomputed_states_that_are_not_finite_condemn_their_completion_alone(bad: float) -> None:
    hidden = hidden_states()
    proofs = build_proofs_batch(hidden, LENGTHS, 4, 128)
    hidden[2, 5, 0] = bad
    first, second, third = compare_batch(proofs, hidden, LENGTHS, 4, 128)
    assert isinstance(third, Rejected)
    assert third.reason is Reason.TOPLOC_NON_FINITE
    assert not isinstance(first, Rejected)
    assert not isinstance(second, Rejected)
    with pytest.raises(Rejected) as caught:
        compare(decode_proof(proofs[2][1], 128), to_bfloat16(hidden[2, 4:6]).ravel(), 128)
    assert caught.value == third


def test_hostile_proofs_condemn_their_completion_alone() -> None:
    hidden = hidden_states()
    good = build_proofs_batch(hidden, LENGTHS, 4, 128)
    null = bytes(proof_bytes(128))
    for hostile, reason in (
        ([], Reason.TOPLOC_COUNT),
        (good[2][:1], Reason.TOPLOC_COUNT),
        ([*good[2], good[2][0]], Reason.TOPLOC_COUNT),
        ([good[2][0], b""], Reason.TOPLOC_LENGTH),
        ([null, good[2][1]], Reason.TOPLOC_MODULUS),
        ([good[2][0], good[2][1][:-2] + b"\xff\xff"], Reason.TOPLOC_COEFFICIENT),
        ([Proof((0x3F80, *(0,) * 127)).to_bytes()] * 2, Reason.TOPLOC_DEGENERATE),
    ):
        results = compare_batch([good[0], good[1], hostile], hidden, LENGTHS, 4, 128)
        assert results[:2] == compare_batch(good, hidden, LENGTHS, 4, 128)[:2]
        assert isinstance(results[2], Rejected)
        assert results[2].reason is reason


def test_the_wrong_proof_order_fails() -> None:
    hidden = hidden_states()
    proofs = build_proofs_batch(hidden, LENGTHS, 4, 128)
    (swapped,) = compare_batch([[proofs[0][1], proofs[0][0], proofs[0][2]]], hidden[:1], LENGTHS[:1], 4, 128)
    assert not isinstance(swapped, Rejected)
    assert [accept(one, DEPLOYED) is None for one in swapped] == [False, False, True]


def test_nothing_to_compare() -> None:
    assert compare_batch([], np.empty((0, 9, 64), np.float32), np.empty(0, np.int64), 4, 128) == []
