"""Which chunks a set of limits refuses, and the limits that the honest band calls for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.task import Pooling, Thresholds
from cupel.verifier.calibration.audits import AUDIT_NAMES, audited, choose_audit_limits, measure_audits
from cupel.verifier.calibration.columns import COLUMNS, PLACE
from cupel.verifier.calibration.evidence import Integers

HEADROOM_PERCENT: Final = 25
"""How much farther than the honest maximum a limit lies, for machines that were not measured."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Limits by column, and by check of whole audits: what exceeds none of them is accepted."""

    title: str
    limits: Mapping[str, int]
    audit_limits: Mapping[str, int] = field(default_factory=dict)

    def refused(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Which limits each chunk exceeds: bool [C, limits]. values: [C, columns]."""
        places = [PLACE[name] for name in self.limits]
        limits = np.array(list(self.limits.values()), dtype=np.int64)
        return values[:, places] > limits

    def accepted(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Which chunks pass: bool [C]."""
        accepted: npt.NDArray[np.bool_] = self.refused(values).sum(axis=1) == 0
        return accepted

    def refused_audits(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Which audit limits each whole audit of one node's chunks exceeds: bool [A, limits]. values: [C, columns]."""
        places = [AUDIT_NAMES.index(name) for name in self.audit_limits]
        limits = np.array(list(self.audit_limits.values()), dtype=np.int64)
        return measure_audits(values)[:, places] > limits

    def accepted_audits(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Which audits pass everything, in each of their chunks and as a whole: bool [A]."""
        refused = (self.refused(values).sum(axis=1) > 0).astype(np.int64)
        times = audited(refused[:, None]).sum(axis=(1, 2)) + self.refused_audits(values).sum(axis=1)
        accepted: npt.NDArray[np.bool_] = times == 0
        return accepted


def _published(title: str, exponent: int, mean: int, median: int) -> Rule:
    limits = {"package-exponent": exponent, "package-mean": 1000 * mean, "package-median": 1000 * median}
    return Rule(title, limits)


PAPER: Final = _published("38 / 10 / 8", 38, 10, 8)
"""Ong et al., arXiv 2501.16007: one set for all models in bfloat16, k = 128."""
DEPLOYED: Final = _published("60 / 40 / 40", 60, 40, 40)
"""The default configuration of toploc-validator."""


def choose(engines: Sequence[Integers], headroom_percent: int = HEADROOM_PERCENT) -> Rule:
    """The rule of a task from the honest band: its maximum and some headroom, at least the column's slack.

    engines: int64 [C, columns] of each honest engine, at least one chunk. Columns whose limit is fixed keep it.
    """
    honest = np.concatenate(engines)
    assert len(honest), "no honest chunk was measured"
    limits = {}
    for column in COLUMNS:
        if column.slack is not None:
            most = int(honest[:, PLACE[column.name]].max())
            limits[column.name] = most + max(column.slack, -(-most * headroom_percent // 100))
        elif column.limit is not None:
            limits[column.name] = column.limit
    limits["seeded-ending"] = limits["sampling"]
    return Rule("calibrated", limits, choose_audit_limits(engines, headroom_percent))


def thresholds_of(rule: Rule) -> Thresholds:
    """The rule's TOPLOC limits as a TaskSpec has them."""
    limits = rule.limits
    return Thresholds(limits["exponent"], limits["mean"], limits["median"])


def pooling_of(rule: Rule) -> Pooling:
    """The rule's limit of the pooled error as a TaskSpec has it."""
    return Pooling(rule.audit_limits["pooled"])


def rule_of(thresholds: Thresholds, tolerance_millionths: int, title: str) -> Rule:
    """The rule of a TaskSpec for single chunks; inverse of `thresholds_of`."""
    chosen = {
        "exponent": thresholds.max_exponent_mismatches,
        "mean": thresholds.max_mantissa_mean_thousandths,
        "median": thresholds.max_mantissa_median_thousandths,
        "sampling": tolerance_millionths,
        "seeded-ending": tolerance_millionths,
    }
    fixed = {column.name: column.limit for column in COLUMNS if column.limit is not None}
    return Rule(title, chosen | fixed)
