"""Numbering of the k-element subsets of range(n), so that "which k of n" costs log2(n choose k) bits and no more.

The combinatorial number system (Knuth, The Art of Computer Programming 4A, 7.2.1.3): p_1 < ... < p_k has the number
C(p_1, 1) + ... + C(p_k, k). Every number below C(n, k) is one subset, so there is nothing for a peer to hide in.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def num_subsets(size: int, kept: int) -> int:
    """C(size, kept); at most 2^62, so that an int64 holds every number."""
    count = math.comb(size, kept)
    assert 0 <= kept <= size
    assert count <= 2**62, f"{kept} of {size} has too many subsets"
    return count


def subset_numbers(positions: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Numbers of ascending positions: int64 [rows, kept] below `size` to int64 [rows]."""
    table = _binomials(size, positions.shape[1])
    numbers = np.zeros(len(positions), dtype=np.int64)
    for index in range(positions.shape[1]):
        numbers += table[index + 1][positions[:, index]]
    return numbers


def subset_positions(numbers: npt.NDArray[np.int64], size: int, kept: int) -> npt.NDArray[np.int64]:
    """Inverse of `subset_numbers`: int64 [rows], each below `num_subsets`, to int64 [rows, kept]."""
    table = _binomials(size, kept)
    positions = np.empty((len(numbers), kept), dtype=np.int64)
    rest = numbers.copy()
    for index in reversed(range(kept)):
        positions[:, index] = np.searchsorted(table[index + 1], rest, side="right") - 1
        rest -= table[index + 1][positions[:, index]]
    return positions


def _binomials(size: int, kept: int) -> list[npt.NDArray[np.int64]]:
    """C(0..size-1, count) for every count up to `kept`."""
    num_subsets(size, kept)
    return [
        np.array([math.comb(position, count) for position in range(size)], dtype=np.int64)
        for count in range(kept + 1)
    ]
