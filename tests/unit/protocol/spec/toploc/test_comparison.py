import numpy as np
import pytest

from cupel.protocol.spec.toploc.activations import to_bfloat16, top_points
from cupel.protocol.spec.toploc.build import build_proof
from cupel.protocol.spec.toploc.comparison import DISAGREEMENT, Comparison, score, score_batch
from cupel.protocol.spec.toploc.polynomial import evaluate
from cupel.protocol.spec.toploc.proof import decode_proof
from cupel.protocol.testing.toploc_vectors import ramp_chunks


@pytest.mark.parametrize(("chunk", "mismatches", "mean", "median"), [(0, 4, 225 / 124, 2), (1, 3, 1.864, 2)])
def test_same_numbers_as_the_package(chunk: int, mismatches: int, mean: float, median: int) -> None:
    """The ramp times 1.01, rounded: some elements become infinite, which the package counts as mismatches."""
    patterns = ramp_chunks(64, 256, 32)[chunk]
    coefficients = decode_proof(build_proof(patterns, 128), 128).coefficients
    with np.errstate(over="ignore"):
        noisy = to_bfloat16((patterns.astype(np.uint32) << 16).view(np.float32) * np.float32(1.01))
    support = top_points(noisy, 128)
    result = score([evaluate(coefficients, index) for index, _ in support], support, noisy.size)
    assert (result.exponent_mismatches, result.mantissa_mean, result.mantissa_median) == (
        mismatches,
        mean,
        median,
    )


def single(claims: list[int], patterns: list[int], elements: int | None = None) -> Comparison:
    """The readable score, after checking that the fast one agrees."""
    support = list(enumerate(patterns))
    own = len(patterns) if elements is None else elements
    result = score(claims, support, own)
    columns = (np.array([claims], np.uint32), np.arange(len(patterns))[None], np.array([patterns], np.uint16))
    assert score_batch(*columns, np.array([own])) == [result]
    return result


def test_equal() -> None:
    assert single([0x3F80, 0xC001], [0x3F80, 0xC001]) == Comparison(2, 0, 2, 0, 0, 128)


def test_sign_and_exponent_must_both_agree() -> None:
    assert single([0xBF80, 0x3F00, 0x3F81], [0x3F80, 0x3F80, 0x3F80]).exponent_mismatches == 2


def test_errors_only_where_claims_agree() -> None:
    result = single([0x3F85, 0x3F90, 0x4000, 0x3F80], [0x3F80, 0x3F80, 0x3F80, 0x3F83])
    assert (result.agreeing, result.mantissa_error_sum, result.mantissa_median) == (3, 24, 5)
    assert result.mantissa_mean == 8
    assert result.penalty == 24 + DISAGREEMENT


def test_the_median_of_an_even_number_is_the_upper_one() -> None:
    assert single([0x3F81, 0x3F85], [0x3F80, 0x3F80]).mantissa_median == 5


def test_without_agreement_the_numbers_are_finite_and_worse_than_any_error() -> None:
    result = single([0x0000, 0x0000], [0x3F80, 0x4000])
    assert (result.agreeing, result.mantissa_mean, result.mantissa_median) == (0, 128.0, 128)


def test_zeros_behind_a_short_chunk_earn_nothing_and_still_count_against() -> None:
    right = single([0x3F82, 0, 0], [0x3F80, 0, 0], elements=1)
    assert right == Comparison(1, 0, 1, 2, 2, 0)
    wrong = single([0x3F82, 0, 0x3F80], [0x3F80, 0, 0], elements=1)
    assert wrong == Comparison(1, 1, 1, 2, 2, 0)


@pytest.mark.parametrize(
    ("patterns", "penalty"),
    [
        ([0x3F80] * 4, 0),
        ([0x3F80, 0x3F82, 0x3F8A], 10),  # the median, not the mean
        ([0x3F80, 0x3F82, 0x3F84, 0x3F8A], 12),
        ([0x3F80, 0xBF80], 128),  # a sign each
        ([0x3F80, 0x3FFF, 0x4000], 128 + 127),  # the larger class, although spread out
        ([0x3F80, 0x3FFF, 0x4000, 0x4000], 256),  # the tighter of two equal ones
    ],
)
def test_best_constant(patterns: list[int], penalty: int) -> None:
    assert single(patterns, patterns).constant_penalty == penalty


def test_best_constant_is_best_of_all_constants() -> None:
    patterns = [0x3F80, 0x3FA3, 0x3FFF, 0xBF81, 0x4002, 0x4010, 0x4011]
    best = min(single([guess] * 7, patterns).penalty for guess in range(0x3F00, 0x4100))
    assert single(patterns, patterns).constant_penalty == best
