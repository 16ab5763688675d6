"""Polynomials modulo 65497 in plain integers; coefficients ascending."""

from __future__ import annotations

from collections.abc import Sequence

from cupel.protocol.spec.toploc.polynomial import evaluate
from cupel.protocol.toploc_compat.interpolation import integers, interpolated


def compute_newton_coefficients(x: Sequence[int], y: Sequence[int]) -> list[int]:
    """Coefficients through the points. ValueError: none, unequal numbers, or two x equal modulo 65497."""
    return interpolated(integers(x), integers(y))


def evaluate_polynomial(coefficients: Sequence[int], x: int) -> int:
    """The value at x, in [0, 65497). ValueError without coefficients."""
    return evaluate_polynomials(coefficients, [x])[0]


def evaluate_polynomials(coefficients: Sequence[int], x: Sequence[int]) -> list[int]:
    """The values at each x, in [0, 65497). ValueError without coefficients."""
    if not coefficients:
        raise ValueError("no coefficients")
    exact = integers(coefficients)
    return [evaluate(exact, place) for place in integers(x)]
