"""How a task turns its nodes' updates into the next version: a task's `[spec.aggregation]`. docs/diloco.md says what
each choice costs.

The four terms of the rates are always there. The other keys may be left out, and then mean what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected

MAX_TERM: Final = 2**10
"""Of a rate: what the integers of diloco/outer.py are safe with."""
MXINT8: Final = "mxint8"
MXINT4: Final = "mxint4"
SPARSE: Final = "sparse-"
MAX_KEPT: Final = 16
CODECS: Final = (MXINT8, MXINT4, *(f"{SPARSE}{kept}" for kept in range(1, MAX_KEPT + 1)))
_CODEC_NAMES: Final = f"{MXINT8}, {MXINT4}, {SPARSE}1 to {SPARSE}{MAX_KEPT}"
MEAN: Final = "mean"
CLIP: Final = "clip"
TRIM: Final = "trim"
RULES: Final = (MEAN, CLIP, TRIM)
# Trimming sorts all updates of a round; more than this at either end is no task.
MAX_TRIMMED: Final = 2**10


@dataclass(frozen=True, slots=True)
class Aggregation:
    """The outer optimiser, Nesterov momentum on exact integers, and what is made of a round's updates before it."""

    learning_rate_numerator: int
    learning_rate_denominator: int
    momentum_numerator: int
    momentum_denominator: int
    codec: str = MXINT8
    """Which file an update travels in: one of CODECS."""
    rule: str = MEAN
    """MEAN of all; CLIP scales longer updates down to the round's median length first; TRIM does that, and leaves out
    the `trimmed` lowest and highest of every coordinate."""
    trimmed: int = 0
    """Under TRIM: as many false updates as a coordinate shall bear; with too few updates, as many as leaves one."""


def check_aggregation(aggregation: Aggregation) -> None:
    """Rejected(TASK_SPEC), with the key to correct, for an aggregation that nobody can compute."""
    rate = (aggregation.learning_rate_numerator, aggregation.learning_rate_denominator)
    momentum = (aggregation.momentum_numerator, aggregation.momentum_denominator)
    for name, (numerator, denominator) in (("learning_rate", rate), ("momentum", momentum)):
        if not (0 <= numerator <= MAX_TERM and 1 <= denominator <= MAX_TERM):
            detail = f"aggregation.{name} is {numerator}/{denominator}: terms up to {MAX_TERM}, none below the line 0"
            raise Rejected(Reason.TASK_SPEC, detail)
    if momentum[0] >= momentum[1]:
        raise Rejected(
            Reason.TASK_SPEC, f"aggregation.momentum is {momentum[0]}/{momentum[1]}: below one expected"
        )
    if aggregation.codec not in CODECS:
        detail = f"aggregation.codec is {aggregation.codec!r}, one of {_CODEC_NAMES} expected"
        raise Rejected(Reason.TASK_SPEC, detail)
    _check_rule(aggregation)


def _check_rule(aggregation: Aggregation) -> None:
    rule, trimmed = aggregation.rule, aggregation.trimmed
    if rule not in RULES:
        detail = f"aggregation.rule is {rule!r}, one of {', '.join(RULES)} expected"
        raise Rejected(Reason.TASK_SPEC, detail)
    if rule == TRIM and not 1 <= trimmed <= MAX_TRIMMED:
        detail = f"aggregation.trimmed is {trimmed}: rule {TRIM} takes 1 to {MAX_TRIMMED}"
        raise Rejected(Reason.TASK_SPEC, detail)
    if rule != TRIM and trimmed:
        detail = f"aggregation.trimmed is {trimmed}: leave it out, or set aggregation.rule to {TRIM}"
        raise Rejected(Reason.TASK_SPEC, detail)
    if rule == TRIM and aggregation.codec.startswith(SPARSE):
        # Most nodes send nothing for a coordinate, so trimming would leave out the very ones that do.
        detail = f"aggregation.rule {TRIM} needs a codec that sends every coordinate: {MXINT8} or {MXINT4}"
        raise Rejected(Reason.TASK_SPEC, detail)
