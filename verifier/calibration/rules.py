"""Which chunks a set of limits refuses, and the limits that the honest band calls for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.task import Thresholds
from cupel.verifier.calibration.columns import COLUMNS, PLACE
from cupel.verifier.calibration.evidence import Integers

HEADROOM_PERCENT: Final = 25
"""How much farther than the honest maximum a limit lies, for machines that were not measured."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Limits by column: a chunk is accepted if none of them is exceeded."""

    title: str
    limits: Mapping[str, int]

    def refused(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Which limits each chunk exceeds: bool [C, limits]. values: [C, columns]."""
        places = [PLACE[name] for name in self.limits]
        limits = np.array(list(self.limits.values()), dtype=np.int64)
        return values[:, places] > limits

    def accepted(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Which chunks pass: bool [C]."""
        accepted: npt.NDArray[np.bool_] = self.refused(values).sum(axis=1) == 0
        return accepted


def _published(title: str, exponent: int, mean: int, median: int) -> Rule:
    limits = {"package-exponent": exponent, "package-mean": 1000 * mean, "package-median": 1000 * median}
    return Rule(title, limits)


PAPER: Final = _published("38 / 10 / 8", 38, 10, 8)
"""Ong et al., arXiv 2501.16007: one set for all models in bfloat16, k = 128."""
DEPLOYED: Final = _published("60 / 40 / 40", 60, 40, 40)
"""The default configuration of toploc-validator."""


def choose(honest: Integers, headroom_percent: int = HEADROOM_PERCENT) -> Rule:
    """The rule of a task from the honest band: its maximum and some headroom, at least the column's slack.

    honest: int64 [C, columns], at least one chunk. Columns whose limit is fixed keep it.
    """
    assert len(honest), "no honest chunk was measured"
    limits = {}
    for column in COLUMNS:
        if column.slack is not None:
            most = int(honest[:, PLACE[column.name]].max())
            limits[column.name] = most + max(column.slack, -(-most * headroom_percent // 100))
        elif column.limit is not None:
            limits[column.name] = column.limit
    return Rule("calibrated", limits)


def thresholds_of(rule: Rule) -> Thresholds:
    """The rule's TOPLOC limits as a TaskSpec has them."""
    limits = rule.limits
    return Thresholds(limits["exponent"], limits["mean"], limits["median"])


def rule_of(thresholds: Thresholds, tolerance_millionths: int, title: str) -> Rule:
    """The rule of a TaskSpec; inverse of `thresholds_of`."""
    chosen = {
        "exponent": thresholds.max_exponent_mismatches,
        "mean": thresholds.max_mantissa_mean_thousandths,
        "median": thresholds.max_mantissa_median_thousandths,
        "sampling": tolerance_millionths,
    }
    fixed = {column.name: column.limit for column in COLUMNS if column.limit is not None}
    return Rule(title, chosen | fixed)
