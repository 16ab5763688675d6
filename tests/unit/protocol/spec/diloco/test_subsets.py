"""Every subset has one number and every number one subset."""

import itertools

import numpy as np
import pytest

from cupel.protocol.spec.diloco.subsets import num_subsets, subset_numbers, subset_positions


@pytest.mark.parametrize(("size", "kept"), [(1, 1), (5, 2), (6, 3), (7, 7), (9, 1)])
def test_numbers_count_the_subsets(size: int, kept: int) -> None:
    subsets = np.array(list(itertools.combinations(range(size), kept)), dtype=np.int64)
    numbers = subset_numbers(subsets, size)
    assert sorted(numbers.tolist()) == list(range(num_subsets(size, kept)))
    assert np.array_equal(subset_positions(numbers, size, kept), subsets)


def test_a_worked_example() -> None:
    # Knuth's order: C(1, 1) + C(4, 2) + C(6, 3) = 1 + 6 + 20.
    assert subset_numbers(np.array([[1, 4, 6]], dtype=np.int64), 7).tolist() == [27]


def test_the_last_subset_of_a_whole_chunk_is_read() -> None:
    last = np.array([num_subsets(64, 16) - 1], dtype=np.int64)
    assert subset_positions(last, 64, 16)[0].tolist() == list(range(48, 64))


def test_more_subsets_than_an_int64_holds_are_our_bug() -> None:
    with pytest.raises(AssertionError):
        num_subsets(70, 35)
