"""Points to polynomials: the folding of indices, and Newton's interpolation of plain integers."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc.polynomial import PRIME, interpolate_batch


def integers(values: Iterable[int]) -> list[int]:
    """Plain integers of anything that counts as one; TypeError otherwise."""
    return [operator.index(value) for value in values]


def injective_modulus(places: Sequence[int], lowest: int) -> int:
    """The greatest modulus from 65497 down to `lowest` under which all places differ; ValueError without one."""
    if len(set(places)) == len(places):
        for modulus in range(PRIME, max(lowest, len(places)) - 1, -1):
            if _are_distinct(places, modulus):
                return modulus
    raise ValueError("No injective modulus found!")


def injective_moduli(indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`injective_modulus` of each row, down to 1. indices: [C, k], the row's all different."""
    moduli = np.full(len(indices), PRIME)
    if indices.size and indices.max() >= PRIME:
        folded = np.sort(indices % PRIME, axis=1)
        for row in np.flatnonzero((folded[:, 1:] == folded[:, :-1]).any(axis=1)):
            moduli[row] = injective_modulus(indices[row].tolist(), 1)
    return moduli


def interpolated(nodes: Sequence[int], values: Sequence[int]) -> list[int]:
    """Ascending coefficients through the points, modulo 65497. ValueError: none, unequal numbers, or equal nodes."""
    if len(nodes) != len(values) or not nodes:
        raise ValueError(
            f"{len(nodes)} nodes and {len(values)} values: equal and positive numbers are needed"
        )
    residues = [node % PRIME for node in nodes]
    if len(set(residues)) != len(residues):
        raise ValueError("two nodes are equal modulo 65497")
    row = np.array([residues]), np.array([[value % PRIME for value in values]])
    coefficients: list[int] = interpolate_batch(*row)[0].tolist()
    return coefficients


def _are_distinct(places: Sequence[int], modulus: int) -> bool:
    """Whether no two places fold to one; ends at the first pair, which a wrong modulus shows early."""
    seen = set()
    for place in places:
        folded = place % modulus
        if folded in seen:
            return False
        seen.add(folded)
    return True
