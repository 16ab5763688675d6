"""Errors of many chunks add up, and a mean is judged by the limit and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.task import Pooling
from cupel.protocol.spec.toploc import Comparison
from cupel.protocol.spec.toploc.pooled import POOLED_CHUNKS, Pool, error_steps


def comparison(points: int = 128, mismatches: int = 0, errors: int = 0) -> Comparison:
    return Comparison(points, mismatches, points - mismatches, errors, 0, 10_000)


def test_a_mismatch_counts_as_one_step() -> None:
    """Two neighbours on either side of a power of two have another exponent."""
    assert error_steps(comparison(mismatches=2, errors=5)) == 7


def test_sums_over_chunks() -> None:
    assert Pool.of([]) == Pool() == Pool(0, 0, 0)
    assert Pool.of([comparison(), comparison(64, 1, 3)]) == Pool(2, 192, 4)


@given(st.lists(st.tuples(st.integers(1, 128), st.integers(0, 300)), max_size=20), st.integers(0, 20))
def test_order_and_grouping_do_not_matter(chunks: list[tuple[int, int]], place: int) -> None:
    each = [comparison(points, 0, errors) for points, errors in chunks]
    assert Pool.of(each) == Pool.of(each[place:]) + Pool.of(each[:place])


def test_the_mean_is_above_a_whole_limit_exactly_if_the_fraction_is() -> None:
    enough = Pool(POOLED_CHUNKS, 3_000_000, 0)
    for errors, limit, beyond in ((3, 1, False), (4, 1, True), (6, 2, False), (7, 2, True)):
        pool = Pool(enough.chunks, enough.points, errors)
        assert pool.exceeds(Pooling(limit)) is beyond, errors
    assert Pool(POOLED_CHUNKS, 3_000_000, 6).mean_millionths == 2
    assert not Pool(POOLED_CHUNKS, 3_000_000, 6).exceeds(Pooling(1), factor=2)
    assert Pool(POOLED_CHUNKS, 3_000_000, 7).exceeds(Pooling(1), factor=2)


def test_few_chunks_say_nothing() -> None:
    assert not Pool(POOLED_CHUNKS - 1, 100, 12_800).exceeds(Pooling(0))
    assert Pool(POOLED_CHUNKS, 100, 12_800).exceeds(Pooling(0))
    assert not Pool().exceeds(Pooling(0))
