"""The zoo. To add a cheat, add it to one of its tables."""

from __future__ import annotations

from cupel.verifier.calibration.cheats.base import Bench, Cheat
from cupel.verifier.calibration.cheats.forgeries import FORGERIES
from cupel.verifier.calibration.cheats.text import TEXT
from cupel.verifier.calibration.cheats.weights import ARITHMETIC, WEIGHTS, older


def zoo(bench: Bench, admitted_dtypes: tuple[str, ...]) -> tuple[Cheat, ...]:
    """Every cheat; arithmetic in a number format that the task does not admit is one."""
    arithmetic = (cheat for dtype, cheat in ARITHMETIC.items() if dtype not in admitted_dtypes)
    return (*WEIGHTS, *older(bench), *arithmetic, *TEXT, *FORGERIES)
