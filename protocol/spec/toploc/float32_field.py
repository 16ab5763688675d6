"""Polynomials over the integers modulo 4294967291: through points, and at points.

The largest prime below 2^32. It exceeds every finite float32 pattern (the largest is 0xFF7FFFFF), so patterns are
residues as they are, and every index of a chunk is a place of its own. A prime above 2^32 would add only patterns of
NaNs, cost a fifth byte a coefficient, and lose the products below: two residues multiplied, plus one, fit 64 bits.

`interpolate` and `evaluate` are the definition, in plain integers; the `_batch` twins do many chunks at once.
Coefficients are ascending: c_0 first. Shapes: C polynomials, k points of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc import polynomial
from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS

PRIME: Final = 4_294_967_291

Residues = npt.NDArray[np.uint64]


def interpolate(points: Sequence[tuple[int, int]]) -> list[int]:
    """`polynomial.interpolate` in this field."""
    return polynomial.interpolate(points, PRIME)


def evaluate(coefficients: Sequence[int], x: int) -> int:
    """`polynomial.evaluate` in this field."""
    return polynomial.evaluate(coefficients, x, PRIME)


def interpolate_batch(nodes: npt.NDArray[np.int64], values: npt.NDArray[np.integer]) -> Residues:
    """`interpolate` of many polynomials. nodes: [C, k] in [0, MAX_ELEMENTS), distinct in a row.

    values: [C, k], residues. Returns uint64 [C, k].
    """
    assert nodes.shape == values.shape, f"{nodes.shape} nodes, {values.shape} values"
    columns, differences = nodes.T, values.T.astype(np.uint64)
    for order in range(1, len(columns)):
        # A negative gap indexes from the end, which is its residue.
        gap = _inverses()[columns[order:] - columns[:-order]]
        step = (differences[order:] + np.uint64(PRIME) - differences[order - 1 : -1]) % np.uint64(PRIME)
        differences[order:] = step * gap % np.uint64(PRIME)
    return _expand(columns.astype(np.uint64), differences).T


def evaluate_batch(coefficients: npt.NDArray[np.integer], places: npt.NDArray[np.integer]) -> Residues:
    """`evaluate` of each row's polynomial at its row of places, all residues.

    coefficients: [C, k], places: [C, P]. Returns uint64 [C, P].
    """
    x, value = places.astype(np.uint64), np.zeros(places.shape, dtype=np.uint64)
    for coefficient in coefficients.T[::-1].astype(np.uint64):
        value = (value * x + coefficient[:, None]) % np.uint64(PRIME)
    return value


def _expand(nodes: Residues, differences: Residues) -> Residues:
    """Newton's form to ascending coefficients. nodes, differences: [k, C]."""
    negated = np.uint64(PRIME) - nodes
    coefficients = np.zeros_like(differences)
    coefficients[0] = differences[-1]
    for i in range(len(nodes) - 2, -1, -1):
        degree = len(nodes) - 1 - i
        product = coefficients[: degree + 1] * negated[i]
        product[1:] += coefficients[:degree]
        product[0] += differences[i]
        coefficients[: degree + 1] = product % np.uint64(PRIME)
    return coefficients


@cache
def _inverses() -> Residues:
    """Inverses of -(MAX_ELEMENTS - 1) .. MAX_ELEMENTS - 1, by Fermat: x^(PRIME - 2). Entry 0 is 0 and never used."""
    base = np.arange(1, MAX_ELEMENTS, dtype=np.uint64)
    inverse = np.ones_like(base)
    exponent = PRIME - 2
    while exponent:
        if exponent & 1:
            inverse = inverse * base % np.uint64(PRIME)
        base = base * base % np.uint64(PRIME)
        exponent >>= 1
    table = np.concatenate(([np.uint64(0)], inverse, (np.uint64(PRIME) - inverse)[::-1]))
    table.flags.writeable = False
    return table
