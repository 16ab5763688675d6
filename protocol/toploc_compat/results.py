"""How far a proof lies from recomputed activations, as the package says it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Final

NO_AGREEMENT: Final = 2.0**64
"""Mantissa numbers of a chunk of which no exponent agrees."""


@dataclass(slots=True)
class VerificationResult:
    """One chunk. The package decides nothing: the caller compares with thresholds."""

    exp_mismatches: int
    mant_err_mean: float
    mant_err_median: float

    def __post_init__(self) -> None:
        self.exp_mismatches = operator.index(self.exp_mismatches)
        self.mant_err_mean = float(self.mant_err_mean)
        self.mant_err_median = float(self.mant_err_median)

    def __repr__(self) -> str:
        return (
            f"VerificationResult[exp_mismatches={self.exp_mismatches}, mant_err_mean={self.mant_err_mean:g}, "
            f"mant_err_median={self.mant_err_median:g}]"
        )
