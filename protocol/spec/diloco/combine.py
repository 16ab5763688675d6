"""A round's accepted updates as one step: by the rule that the task names."""

from __future__ import annotations

from collections.abc import Sequence

from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.delta import Delta
from cupel.protocol.spec.diloco.outer import sum_updates
from cupel.protocol.spec.diloco.robust import robust_mean
from cupel.protocol.spec.task import TRIMMED_MEAN, Aggregation


def combine(updates: Sequence[Update], num_parameters: int, aggregation: Aggregation) -> Delta:
    """What the next version is made from, the same in any order of at least one update.

    A mean is left as a sum and its count, which travels in fewer bits; a robust mean is one update of its own.
    """
    if aggregation.rule == TRIMMED_MEAN:
        return Delta(robust_mean(updates, num_parameters, aggregation.trimmed), 1)
    return Delta(sum_updates(updates, num_parameters), len(updates))
