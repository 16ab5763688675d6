"""The aggregation against numbers worked out by hand, and its limits."""

from fractions import Fraction

import numpy as np
import pytest

from cupel.protocol.spec.diloco.blocks import BLOCK, MAX_EXPONENT, MAX_MANTISSA, Update
from cupel.protocol.spec.diloco.outer import (
    MAX_MOMENTUM,
    MAX_WEIGHT,
    OuterState,
    aggregate,
    check_state,
    divide,
    outer_step,
)
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import MAX_TERM, Aggregation

PLAIN = Aggregation(1, 1, 0, 1)
UNIT = 2**12  # 2^-20 in units of 2^-32


def state(weight: int, momentum: int = 0) -> OuterState:
    return OuterState(np.array([weight], dtype=np.int32), np.array([momentum], dtype=np.int64))


def update(mantissa: int, exponent: int) -> Update:
    mantissas = np.zeros(BLOCK, dtype=np.int8)
    mantissas[0] = mantissa
    return Update(mantissas, np.array([exponent], dtype=np.int8))


def test_division_rounds_half_to_even() -> None:
    values = np.array([-7, -5, -3, -1, 0, 1, 3, 5, 7], dtype=np.int64)
    assert divide(values, 2).tolist() == [-4, -2, -2, 0, 0, 0, 2, 2, 4]
    assert divide(np.array([-4, -2, 2, 4], dtype=np.int64), 3).tolist() == [-1, -1, 1, 1]


@pytest.mark.parametrize("bits", [3, 40, 50, 51, 60])
@pytest.mark.parametrize("denominator", [1, 2, 3, 7, 10, 1000, 4096, 2**50 + 2, 2**51, 2**61])
def test_division_rounds_as_fractions_do_at_every_size(bits: int, denominator: int) -> None:
    random = np.random.default_rng(bits)
    drawn = random.integers(-(2**bits), 2**bits, 500)
    # Ties and their neighbours, where a quotient that is a little off would round to the wrong side.
    ties = (drawn // denominator) * denominator + denominator // 2
    values = np.concatenate([drawn, ties - 1, ties, ties + 1, [2**bits - 1, 1 - 2**bits]])
    values = values[np.abs(values) < 2**61]
    assert divide(values, denominator).tolist() == [round(Fraction(int(n), denominator)) for n in values]


def test_a_step_is_the_same_for_every_coordinate() -> None:
    # More than a window, and a part of one at the end.
    size, random = 2**16 + 5, np.random.default_rng(0)
    weights = random.integers(-MAX_WEIGHT, MAX_WEIGHT, size).astype(np.int32)
    momentum, gradient = random.integers(-(2**40), 2**40, (2, size))
    whole = outer_step(OuterState(weights, momentum), gradient, Aggregation(7, 10, 9, 10))
    for index in (0, 2**15 - 1, 2**15, size - 1):
        one = slice(index, index + 1)
        alone = outer_step(OuterState(weights[one], momentum[one]), gradient[one], Aggregation(7, 10, 9, 10))
        assert (whole.weights[index], whole.momentum[index]) == (alone.weights[0], alone.momentum[0])


def test_plain_averaging_moves_against_the_mean_pseudo_gradient() -> None:
    after = aggregate(state(1000), [update(100, -20), update(50, -20)], PLAIN)
    assert after.weights.tolist() == [1000 - 75]
    assert after.momentum.tolist() == [75 * UNIT]


def test_nesterov_looks_ahead_along_the_buffer() -> None:
    after = aggregate(state(0, 40 * UNIT), [update(100, -20)], Aggregation(7, 10, 1, 2))
    # buffer 40/2 + 100 = 120; step 0.7 * (100 + 120/2) = 112.
    assert after.momentum.tolist() == [120 * UNIT]
    assert after.weights.tolist() == [-112]


def test_a_round_without_updates_changes_nothing() -> None:
    before = state(5, 7)
    assert aggregate(before, [], Aggregation(7, 10, 9, 10)) is before


def test_a_weight_stays_where_float32_is_exact() -> None:
    after = aggregate(state(MAX_WEIGHT - 1), [update(-MAX_MANTISSA, MAX_EXPONENT)], PLAIN)
    assert after.weights.tolist() == [MAX_WEIGHT]
    assert float(np.float32(MAX_WEIGHT)) == MAX_WEIGHT


def test_the_largest_updates_never_leave_the_momentum_range() -> None:
    extreme = Aggregation(MAX_TERM, 1, MAX_TERM - 1, MAX_TERM)
    # The buffer's fixed point: what endless largest updates approach from below.
    exact = MAX_MANTISSA * 2**32 * MAX_TERM
    current = state(0, exact)
    for _ in range(10):
        current = aggregate(current, [update(MAX_MANTISSA, MAX_EXPONENT)], extreme)
        exact = round_half_even(exact * (MAX_TERM - 1), MAX_TERM) + MAX_MANTISSA * 2**32
    assert current.momentum.tolist() == [exact]
    assert exact < MAX_MOMENTUM
    check_state(current)


def round_half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))


@pytest.mark.parametrize(
    "aggregation",
    [
        Aggregation(1, 1, 1, 1),
        Aggregation(1, 1, 0, 0),
        Aggregation(MAX_TERM + 1, 1, 0, 1),
        Aggregation(1, 1, 1, 2000),
    ],
    ids=["momentum of one", "zero denominator", "large rate", "large denominator"],
)
def test_rates_the_integers_cannot_take_are_rejected(aggregation: Aggregation) -> None:
    with pytest.raises(Rejected) as caught:
        aggregate(state(0), [update(1, -20)], aggregation)
    assert caught.value.reason is Reason.TASK_SPEC


@pytest.mark.parametrize(
    ("weight", "momentum"),
    [(MAX_WEIGHT + 1, 0), (-(2**31), 0), (0, MAX_MOMENTUM + 1), (0, -(2**63))],
)
def test_a_state_out_of_range_is_rejected(weight: int, momentum: int) -> None:
    with pytest.raises(Rejected) as caught:
        check_state(state(weight, momentum))
    assert caught.value.reason is Reason.CHECKPOINT
