"""One coordinate of the outer step in Python's integers; twin of contracts/libraries/OuterStep.sol.

`diloco.outer` computes all coordinates at once; the tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT
from cupel.protocol.spec.diloco.outer import MAX_WEIGHT
from cupel.protocol.spec.task import Aggregation

_UNITS_OF_A_WEIGHT = 1 << 12


@dataclass(frozen=True, slots=True)
class Term:
    """What an update adds to a coordinate: mantissa * 2^exponent."""

    mantissa: int
    exponent: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a coordinate of the next version is made from."""

    weight: int
    """In units of 2^-20."""
    momentum: int
    """In units of 2^-32."""
    terms: tuple[Term, ...]

    def packed(self) -> bytes:
        """The terms as the chain takes them: two bytes each."""
        pairs = ((term.mantissa, term.exponent) for term in self.terms)
        return b"".join(value.to_bytes(1, "big", signed=True) for pair in pairs for value in pair)


def unpack(terms: bytes) -> tuple[Term, ...]:
    """Inverse of `Inputs.packed`."""
    signed = [value - 256 if value > 127 else value for value in terms]
    return tuple(
        Term(mantissa, exponent) for mantissa, exponent in zip(signed[::2], signed[1::2], strict=True)
    )


def next_integers(inputs: Inputs, aggregation: Aggregation) -> tuple[int, int]:
    """Weight and momentum of the next version. Without updates nothing changes."""
    if not inputs.terms:
        return inputs.weight, inputs.momentum
    momentum = aggregation.momentum_numerator, aggregation.momentum_denominator
    gradient = divide(_sum(inputs.terms), len(inputs.terms))
    buffer = divide(inputs.momentum * momentum[0], momentum[1]) + gradient
    ahead = gradient + divide(buffer * momentum[0], momentum[1])
    moves = divide(ahead * aggregation.learning_rate_numerator, aggregation.learning_rate_denominator)
    weight = inputs.weight - divide(moves, _UNITS_OF_A_WEIGHT)
    return min(max(weight, -MAX_WEIGHT), MAX_WEIGHT), buffer


def divide(numerator: int, denominator: int) -> int:
    """numerator / denominator, rounded half to even."""
    quotient, rest = divmod(numerator, denominator)
    up = 2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1)
    return quotient + up


def _sum(terms: Sequence[Term]) -> int:
    return sum(term.mantissa << (term.exponent - MIN_EXPONENT) for term in terms)
