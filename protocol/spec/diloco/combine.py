"""A round's updates to one exact fraction, by the task's rule: what a delta holds and the outer step divides.

Every rule gives a sum of int64 in units of 2^-32 and the number of terms in it, so the mean is rounded once, in
outer.py, and one delta format serves them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.aggregation import MEAN, Aggregation, check_aggregation
from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.outer import OuterState, step, sum_updates
from cupel.protocol.spec.diloco.robust import robust_sum


def combine(
    updates: Sequence[Update], num_parameters: int, aggregation: Aggregation
) -> tuple[npt.NDArray[np.int64], int]:
    """Sum int64 [parameters] (2^-32) and how many terms it has, of at least one update in any order."""
    if aggregation.rule == MEAN:
        return sum_updates(updates, num_parameters), len(updates)
    # `trimmed` is 0 unless the rule is to trim.
    return robust_sum(updates, num_parameters, aggregation.trimmed)


def aggregate(state: OuterState, updates: Sequence[Update], aggregation: Aggregation) -> OuterState:
    """The next version from the accepted updates, in any order. Without updates nothing changes.

    Rejected(TASK_SPEC) as `check_aggregation`. Updates must have passed their codec's `from_bytes`, the state
    `check_state`.
    """
    check_aggregation(aggregation)
    if not updates:
        return state
    total, count = combine(updates, state.weights.size, aggregation)
    return step(state, total, count, aggregation)
