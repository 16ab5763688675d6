"""The aggregation: exact integers, so that every node computes the same next weights, whatever the order of updates.

DiLoCo's outer optimiser (SGD with Nesterov momentum on the mean pseudo-gradient; Douillard et al. 2023) in fixed
point: weights int32 in units of 2^-20, pseudo-gradients and momentum int64 in units of 2^-32.

Why nothing overflows an int64: a coordinate of an update is below 2^7 (127 * 2^0), so 2^39 in units; up to 2^16
updates sum below 2^55, and their mean is below 2^39 again. A rational momentum below one has a gap of at least
1 / 2^10 to one, so the buffer, a geometric sum, stays below 2^39 * 2^10 = 2^49, rounding included below
MAX_MOMENTUM = 2^50. The products with numerators up to 2^10 stay below 2^61.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco.blocks import BLOCK, MAX_EXPONENT, MIN_EXPONENT, Update
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import MEAN, Aggregation, check_aggregation

WEIGHT_FRACTION_BITS: Final = 20
MOMENTUM_FRACTION_BITS: Final = 32
# Below 2^24 an integer converts to float32 exactly; with 20 fraction bits a weight stays below 16.
MAX_WEIGHT: Final = 2**24 - 1
MAX_MOMENTUM: Final = 2**50
MAX_UPDATES: Final = 2**16
_EXACT: Final = 2**51
# Coordinates whose intermediate values stay in a core's cache.
_WINDOW: Final = 2**15


@dataclass(frozen=True, slots=True)
class OuterState:
    """A canonical version: weights int32 [parameters] (2^-20), momentum int64 [parameters] (2^-32)."""

    weights: npt.NDArray[np.int32]
    momentum: npt.NDArray[np.int64]


def aggregate(state: OuterState, updates: Sequence[Update], aggregation: Aggregation) -> OuterState:
    """The next version from the mean of the accepted updates, in any order. Without updates nothing changes.

    Rejected(TASK_SPEC) as `check_aggregation`. Updates must have passed `update_from_bytes`, the state
    `check_state`.
    """
    check_aggregation(aggregation)
    assert aggregation.rule == MEAN, "combine.py knows the other rules"
    if not updates:
        return state
    return step(state, sum_updates(updates, state.weights.size), len(updates), aggregation)


def step(state: OuterState, total: npt.NDArray[np.int64], count: int, aggregation: Aggregation) -> OuterState:
    """The next version from the sum of `count` updates, as `sum_updates` makes it.

    Rejected(TASK_SPEC) as `check_aggregation`.
    """
    check_aggregation(aggregation)
    assert 1 <= count <= MAX_UPDATES, f"{count} updates"
    return outer_step(state, divide(total, count), aggregation)


def outer_step(state: OuterState, gradient: npt.NDArray[np.int64], aggregation: Aggregation) -> OuterState:
    """The next version from the round's combined pseudo-gradient: int64 [parameters] in units of 2^-32, below 2^39.

    `aggregation` must have passed `check_aggregation`.
    """
    weights, momentum = np.empty_like(state.weights), np.empty_like(state.momentum)
    for begin in range(0, weights.size, _WINDOW):
        window = slice(begin, begin + _WINDOW)
        weights[window], momentum[window] = _step_window(
            state.weights[window], state.momentum[window], gradient[window], aggregation
        )
    return OuterState(weights, momentum)


def _step_window(
    weights: npt.NDArray[np.int32],
    momentum: npt.NDArray[np.int64],
    gradient: npt.NDArray[np.int64],
    aggregation: Aggregation,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Weights and momentum after the outer step."""
    numerator, denominator = aggregation.momentum_numerator, aggregation.momentum_denominator
    buffer = divide(momentum * numerator, denominator) + gradient
    ahead = gradient + divide(buffer * numerator, denominator)
    moves = divide(ahead * aggregation.learning_rate_numerator, aggregation.learning_rate_denominator)
    moved = weights - divide(moves, 1 << (MOMENTUM_FRACTION_BITS - WEIGHT_FRACTION_BITS))
    return moved.clip(-MAX_WEIGHT, MAX_WEIGHT), buffer


def sum_updates(updates: Sequence[Update], num_parameters: int) -> npt.NDArray[np.int64]:
    """Sum of the updates, int64 [parameters] in units of 2^-32; their mean, rounded half to even, is what counts."""
    assert 1 <= len(updates) <= MAX_UPDATES, f"{len(updates)} updates"
    total = np.zeros(num_parameters, dtype=np.int64)
    for update in updates:
        total += fixed_point(update, num_parameters)
    return total


def fixed_point(update: Update, num_parameters: int) -> npt.NDArray[np.int64]:
    """The update's coordinates, exactly: int64 [parameters] in units of 2^-32."""
    exponents = update.exponents.astype(np.int64)
    assert exponents.min(initial=0) >= MIN_EXPONENT
    assert exponents.max(initial=MIN_EXPONENT) <= MAX_EXPONENT
    factors = np.left_shift(np.int64(1), exponents + MOMENTUM_FRACTION_BITS)
    return (update.mantissas.astype(np.int64).reshape(-1, BLOCK) * factors[:, None]).reshape(-1)[
        :num_parameters
    ]


def divide(numerator: npt.NDArray[np.int64], denominator: int) -> npt.NDArray[np.int64]:
    """numerator / denominator, rounded half to even. The denominator is positive and below 2^62.

    Below 2^51 a float64 quotient is at most 1 / (4 denominator) off, and what is not a tie lies 1 / (2 denominator)
    from one: so rounding the quotient, as IEEE 754 does on every machine, rounds the fraction.
    """
    small = numerator.min(initial=0) > -_EXACT and numerator.max(initial=0) < _EXACT
    if small and denominator < _EXACT:
        quotients = numerator / denominator
        return np.rint(quotients, out=quotients).astype(np.int64)
    quotient, rest = np.divmod(numerator, np.int64(denominator))
    twice = 2 * rest
    up = (twice > denominator) | ((twice == denominator) & (quotient % 2 == 1))
    return np.asarray(quotient + up, dtype=np.int64)


def check_state(state: OuterState) -> None:
    """Rejected(CHECKPOINT) unless every weight and momentum lies in the range the aggregation keeps them in."""
    if state.weights.size and np.abs(state.weights.astype(np.int64)).max() > MAX_WEIGHT:
        raise Rejected(Reason.CHECKPOINT, "a weight outside (-16, 16)")
    # Two comparisons, not abs: the most negative int64 has no absolute value.
    if state.momentum.min(initial=0) < -MAX_MOMENTUM or state.momentum.max(initial=0) > MAX_MOMENTUM:
        raise Rejected(Reason.CHECKPOINT, "a momentum out of range")
