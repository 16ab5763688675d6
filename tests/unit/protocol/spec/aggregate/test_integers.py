"""One coordinate of the outer step is what the whole step gives at it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.aggregate.integers import Inputs, Term, divide, next_integers, unpack
from cupel.protocol.spec.diloco.blocks import BLOCK, Update
from cupel.protocol.spec.diloco.outer import MAX_MOMENTUM, MAX_WEIGHT, OuterState, aggregate
from cupel.protocol.spec.task import Aggregation

TERMS = st.builds(Term, st.integers(-127, 127), st.integers(-32, 0))
RATIOS = st.integers(1, 1024).flatmap(lambda below: st.tuples(st.integers(0, below - 1), st.just(below)))


@given(
    st.integers(-MAX_WEIGHT, MAX_WEIGHT),
    st.integers(-MAX_MOMENTUM, MAX_MOMENTUM),
    st.lists(TERMS, max_size=6),
    st.tuples(st.integers(1, 1024), st.integers(1, 1024)),
    RATIOS,
)
def test_one_coordinate_is_that_of_the_whole_step(
    weight: int, momentum: int, terms: list[Term], rate: tuple[int, int], inertia: tuple[int, int]
) -> None:
    aggregation = Aggregation(*rate, *inertia)
    updates = []
    for term in terms:
        mantissas = np.zeros(BLOCK, np.int8)
        mantissas[0] = term.mantissa
        updates.append(Update(mantissas, np.array([term.exponent], np.int8)))
    state = OuterState(np.array([weight], np.int32), np.array([momentum], np.int64))
    after = aggregate(state, updates, aggregation)
    expected = int(after.weights[0]), int(after.momentum[0])
    assert next_integers(Inputs(weight, momentum, tuple(terms)), aggregation) == expected


@given(st.lists(TERMS, max_size=9))
def test_terms_are_packed_in_two_bytes(terms: list[Term]) -> None:
    packed = Inputs(0, 0, tuple(terms)).packed()
    assert len(packed) == 2 * len(terms)
    assert unpack(packed) == tuple(terms)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (-2, 3, -1), (0, 9, 0)],
)
def test_quotients_are_rounded_half_to_even(numerator: int, denominator: int, quotient: int) -> None:
    assert divide(numerator, denominator) == quotient
