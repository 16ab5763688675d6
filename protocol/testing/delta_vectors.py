"""Golden vectors of deltas: updates, the file of their sum, and the versions it leads from and to."""

from __future__ import annotations

from typing import Any

import numpy as np

from cupel.protocol.spec.diloco.blocks import BLOCK, MAX_EXPONENT, MIN_EXPONENT, Update, num_blocks
from cupel.protocol.spec.diloco.combine import combine
from cupel.protocol.spec.diloco.delta import Delta, delta_to_bytes
from cupel.protocol.spec.diloco.outer import OuterState, step, sum_updates
from cupel.protocol.spec.task import TRIMMED_MEAN, Aggregation

_SIZES = (1, BLOCK, BLOCK + 1, 3 * BLOCK - 5)
_TRIMMED = (0, 2)
_EXPONENTS = (MIN_EXPONENT, -20, -7, MAX_EXPONENT)


def delta_vectors() -> dict[str, Any]:
    """Updates of some sizes, blocks of zeros and of mixed exponents among them: one to three summed, five by rule."""
    return {
        "cases": [_case(size, count) for size in _SIZES for count in (1, 2, 3)],
        "trimmed": [_trimmed(size, trimmed) for size in _SIZES for trimmed in _TRIMMED],
    }


def _trimmed(size: int, trimmed: int) -> dict[str, Any]:
    """The trimmed mean of five updates, whose lengths differ."""
    updates = [_update(size, number) for number in range(5)]
    delta = combine(updates, size, Aggregation(1, 1, 0, 1, rule=TRIMMED_MEAN, trimmed=trimmed))
    return {
        "trimmed": trimmed,
        "updates": [
            {"mantissas": one.mantissas.tolist(), "exponents": one.exponents.tolist()} for one in updates
        ],
        "total": [str(value) for value in delta.total],
        "count": delta.count,
        "file": "0x" + delta_to_bytes(delta).hex(),
    }


def _case(size: int, count: int) -> dict[str, Any]:
    updates = [_update(size, number) for number in range(count)]
    total = sum_updates(updates, size)
    before = OuterState(
        np.array([1000 * index - 7 for index in range(size)], dtype=np.int32),
        np.array([-(5**index % 2**40) for index in range(size)], dtype=np.int64),
    )
    aggregation = Aggregation(7, 10, 9, 10)
    after = step(before, total, count, aggregation)
    return {
        "updates": [
            {"mantissas": one.mantissas.tolist(), "exponents": one.exponents.tolist()} for one in updates
        ],
        # As text: a JSON number above 2^53 is not exact everywhere.
        "total": [str(value) for value in total],
        "file": "0x" + delta_to_bytes(Delta(total, count)).hex(),
        "learning_rate": [aggregation.learning_rate_numerator, aggregation.learning_rate_denominator],
        "momentum": [aggregation.momentum_numerator, aggregation.momentum_denominator],
        "before": _plain(before),
        "after": _plain(after),
    }


def _update(size: int, number: int) -> Update:
    blocks = num_blocks(size)
    mantissas = np.array([(37 * index + 11 * number) % 255 - 127 for index in range(blocks * BLOCK)])
    mantissas[size:] = 0
    # The second block of every update is zeros.
    mantissas[BLOCK : 2 * BLOCK] = 0
    exponents = [_EXPONENTS[(block + number) % len(_EXPONENTS)] for block in range(blocks)]
    return Update(mantissas.astype(np.int8), np.array(exponents, dtype=np.int8))


def _plain(state: OuterState) -> dict[str, list[str]]:
    return {
        "weights": [str(value) for value in state.weights],
        "momentum": [str(value) for value in state.momentum],
    }
