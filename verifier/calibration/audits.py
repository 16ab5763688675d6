"""What is measured of an audit, AUDIT_CHUNKS chunks of one node: one whole number per check, greater is worse. Pure.

To add a check of whole audits, add it here: limits, tables and the page follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cupel.protocol.spec.task import MILLION
from cupel.protocol.spec.token_odds import LIMIT_BITS, capital_bits
from cupel.protocol.spec.toploc.comparison import DISAGREEMENT
from cupel.protocol.spec.toploc.pooled import POOLED_CHUNKS, Pool
from cupel.verifier.calibration.columns import PLACE
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.sums import ENDING_BETS, TOKEN_BETS

AUDIT_CHUNKS: Final = POOLED_CHUNKS
"""Also what `cupel verifier` recomputes of a submission by default, of one chunk each."""
SLACK_STEPS: Final = 2
"""Honest audits have none to three steps of error: with one more, the next honest audit lies on the limit."""
UNLIMITED: Final = DISAGREEMENT * MILLION
"""A limit of the pooled error that nothing exceeds."""


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """One check. `measure` gives the number of an audit's chunks: int64 [C, NAMES]."""

    name: str
    title: str
    measure: Callable[[Integers], int]
    limit: int | None = LIMIT_BITS
    """None if the limit is chosen."""


def pooled(chunks: Integers) -> int:
    """Mean error of a point in millionths."""
    points, errors = chunks[:, [PLACE["points"], PLACE["errors"]]].sum(axis=0).tolist()
    return Pool(len(chunks), points, errors).mean_millionths


def distribution(chunks: Integers) -> int:
    """Bits of capital won by bets on tokens, rounded up: above a whole limit exactly if the fraction is."""
    return _bits(chunks, TOKEN_BETS)


def termination(chunks: Integers) -> int:
    """The same of bets on endings."""
    return _bits(chunks, ENDING_BETS)


AUDIT_CHECKS: Final = (
    AuditCheck("pooled", "pooled error", pooled, limit=None),
    AuditCheck("distribution", "token distribution", distribution),
    AuditCheck("termination", "termination by the odds", termination),
)
AUDIT_NAMES: Final = tuple(check.name for check in AUDIT_CHECKS)


def audited(values: Integers) -> Integers:
    """Whole audits of one node's chunks [C, NAMES], in order: [A, AUDIT_CHUNKS, NAMES]."""
    audits = len(values) // AUDIT_CHUNKS
    return values[: audits * AUDIT_CHUNKS].reshape(audits, AUDIT_CHUNKS, values.shape[1])


def measure_audits(values: Integers) -> Integers:
    """Every check of every whole audit of one node's chunks: int64 [A, AUDIT_CHECKS]."""
    rows = [[check.measure(chunks) for check in AUDIT_CHECKS] for chunks in audited(values)]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(AUDIT_CHECKS))


def choose_audit_limits(engines: Sequence[Integers], headroom_percent: int) -> dict[str, int]:
    """Limits by check: of the pooled error the greatest of an honest engine and headroom, at least SLACK_STEPS more.

    engines: chunks of each, for a node runs one engine. UNLIMITED if there is no whole audit.
    """
    seen = np.concatenate([measure_audits(values) for values in engines])[:, AUDIT_NAMES.index("pooled")]
    limits = {check.name: check.limit for check in AUDIT_CHECKS if check.limit is not None}
    if not len(seen):
        return {"pooled": UNLIMITED, **limits}
    most = int(seen.max())
    points = np.concatenate([audited(values)[..., PLACE["points"]].sum(axis=1) for values in engines])
    slack = -(-SLACK_STEPS * MILLION // max(1, int(points.min())))
    return {"pooled": most + max(slack, -(-most * headroom_percent // 100)), **limits}


def _bits(chunks: Integers, names: Sequence[str]) -> int:
    bets = chunks[:, [PLACE[name] for name in names]].T / MILLION
    return int(np.ceil(capital_bits(bets)))
