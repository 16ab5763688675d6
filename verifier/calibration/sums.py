"""What is added up over the chunks of an audit, as whole numbers per chunk. Pure.

Some checks say nothing of one chunk: the pooled error, and the odds of endings and tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from cupel.protocol.spec.task import MILLION
from cupel.protocol.spec.token_odds import ENDING_FACTORS, PLACE_EXPONENTS, TEMPERATURE_FACTORS
from cupel.protocol.spec.toploc.pooled import error_steps
from cupel.verifier.calibration.evidence import Evidence, Integers

NUM_TOKEN_BETTORS: Final = 2 * len(PLACE_EXPONENTS) + len(TEMPERATURE_FACTORS)
NUM_ENDING_BETTORS: Final = len(ENDING_FACTORS)


@dataclass(frozen=True, slots=True)
class Sum:
    """One number that adds up. `measure` gives int64 [C]."""

    name: str
    measure: Callable[[Evidence], Integers]


def points(evidence: Evidence) -> Integers:
    """Points of the proofs."""
    return np.array([one.points for one in evidence.comparisons], dtype=np.int64)


def errors(evidence: Evidence) -> Integers:
    """Their errors, in steps of a mantissa."""
    return np.array([error_steps(one) for one in evidence.comparisons], dtype=np.int64)


def _token_bets(bettor: int) -> Callable[[Evidence], Integers]:
    return lambda evidence: np.rint(MILLION * evidence.token_bets[bettor]).astype(np.int64)


def _ending_bets(bettor: int) -> Callable[[Evidence], Integers]:
    return lambda evidence: np.rint(MILLION * evidence.ending_bets[bettor]).astype(np.int64)


TOKEN_BETS: Final = tuple(f"token-bets-{number}" for number in range(NUM_TOKEN_BETTORS))
"""Logarithms of what the bettors of `checks/distribution` win, in millionths."""
ENDING_BETS: Final = tuple(f"ending-bets-{number}" for number in range(NUM_ENDING_BETTORS))
"""The same of `checks/termination`."""
SUMS: Final = (
    Sum("points", points),
    Sum("errors", errors),
    *(Sum(name, _token_bets(number)) for number, name in enumerate(TOKEN_BETS)),
    *(Sum(name, _ending_bets(number)) for number, name in enumerate(ENDING_BETS)),
)
