"""Polynomials over the integers modulo 65497: through points, and at points.

`interpolate` and `evaluate` are the definition, in plain integers, and serve other primes as well. The `_batch` twins
do many chunks at once: every product of two residues, plus one residue, fits 32 bits (65496 * 65497 < 2^32), so no
step widens to 64.
The compiled kernel does the same where there is one.
Coefficients are ascending: c_0 first. Shapes: C polynomials, k points of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc import native

PRIME: Final = 65497
"""The field of the toploc package. Every finite bfloat16 pattern is a residue: the largest is 0xFF7F."""

Residues = npt.NDArray[np.uint32]

_BLOCK: Final = 256
"""Polynomials treated at a time: 256 of 128 points stay within a core's second-level cache."""


def interpolate(points: Sequence[tuple[int, int]], prime: int = PRIME) -> list[int]:
    """Coefficients of the polynomial of degree < len(points) through (x, y) points, by Newton's differences.

    The x are distinct modulo `prime`. The order of the points does not matter.
    """
    nodes = [x for x, _ in points]
    assert len({x % prime for x in nodes}) == len(nodes) > 0, "points share a place"
    differences = [y % prime for _, y in points]
    for order in range(1, len(points)):
        for i in range(len(points) - 1, order - 1, -1):
            gap = pow(nodes[i] - nodes[i - order], -1, prime)
            differences[i] = (differences[i] - differences[i - 1]) * gap % prime
    coefficients: list[int] = []
    for node, difference in zip(reversed(nodes), reversed(differences), strict=True):
        # p(x) * (x - node) + difference
        shifted = [difference, *coefficients]
        for i, coefficient in enumerate(coefficients):
            shifted[i] = (shifted[i] - node * coefficient) % prime
        coefficients = shifted
    return coefficients


def evaluate(coefficients: Sequence[int], x: int, prime: int = PRIME) -> int:
    """The polynomial's value at x, in [0, prime), by Horner's rule."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % prime
    return value


def interpolate_batch(nodes: npt.NDArray[np.int64], values: npt.NDArray[np.integer]) -> Residues:
    """`interpolate` of many polynomials. nodes, values: [C, k] in [0, PRIME); the nodes of a row are distinct.

    Returns uint32 [C, k].
    """
    assert nodes.shape == values.shape, f"{nodes.shape} nodes, {values.shape} values"
    if native.IS_COMPILED:
        return native.interpolate(nodes, values)
    coefficients = np.empty(nodes.shape, dtype=np.uint32)
    for start in range(0, len(nodes), _BLOCK):
        block = slice(start, start + _BLOCK)
        # Points run along the first axis, so that every step works on one contiguous piece of memory.
        columns = np.ascontiguousarray(nodes[block].T)
        differences = _differences(columns, np.ascontiguousarray(values[block].T, dtype=np.uint32))
        coefficients[block] = _expand(columns.astype(np.uint32), differences).T
    return coefficients


def evaluate_batch(coefficients: npt.NDArray[np.integer], places: npt.NDArray[np.integer]) -> Residues:
    """`evaluate` of each row's polynomial at its row of places, all in [0, PRIME).

    coefficients: [C, k], places: [C, P]. Returns uint32 [C, P].
    """
    if native.IS_COMPILED:
        return native.evaluate(coefficients, places)
    values = np.zeros(places.shape, dtype=np.uint32)
    for start in range(0, len(places), _BLOCK):
        block = slice(start, start + _BLOCK)
        x, value = places[block].astype(np.uint32), values[block]
        for coefficient in np.ascontiguousarray(coefficients[block].T, dtype=np.uint32)[::-1]:
            value = _reduced(value * x + coefficient[:, None])
        values[block] = value
    return values


def _differences(nodes: npt.NDArray[np.int64], differences: Residues) -> Residues:
    """Newton's divided differences, in place. nodes, differences: [k, C]."""
    inverses = _inverses()
    for order in range(1, len(nodes)):
        # A negative gap indexes from the end, which is its residue.
        gap = inverses[nodes[order:] - nodes[:-order]]
        step = differences[order:] - differences[order - 1 : -1]
        # A negative step wrapped round 2^32; adding the prime brings it back, and overshoots one that did not.
        step = np.minimum(step, step + PRIME)
        differences[order:] = _reduced(step * gap)
    return differences


def _expand(nodes: Residues, differences: Residues) -> Residues:
    """Newton's form to ascending coefficients. nodes, differences: [k, C]."""
    points = len(nodes)
    negated = PRIME - nodes
    coefficients = np.zeros_like(differences)
    coefficients[0] = differences[-1]
    for i in range(points - 2, -1, -1):
        degree = points - 1 - i
        product = coefficients[: degree + 1] * negated[i]
        product[1:] += coefficients[:degree]
        product[0] += differences[i]
        coefficients[: degree + 1] = _reduced(product)
    return coefficients


def _reduced(values: Residues) -> Residues:
    """values mod PRIME. NumPy vectorises division by a constant but not the remainder."""
    reduced: Residues = values - values // np.uint32(PRIME) * np.uint32(PRIME)
    return reduced


@cache
def _inverses() -> Residues:
    """Inverse of every residue, by Fermat: x^(PRIME - 2). Entry 0 is 0 and never used."""
    base = np.arange(PRIME, dtype=np.uint32)
    inverse = np.ones(PRIME, dtype=np.uint32)
    exponent = PRIME - 2
    while exponent:
        if exponent & 1:
            inverse = _reduced(inverse * base)
        base = _reduced(base * base)
        exponent >>= 1
    inverse[0] = 0
    inverse.flags.writeable = False
    return inverse
