"""Golden vectors of the TOPLOC verdict: every reason, every limit at its edge, every fault of a support list."""

from __future__ import annotations

from typing import Any, Final

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.toploc.off_support import allowed_landings
from cupel.protocol.testing.verdict_cases import K, form_cases, honest_cases, list_cases
from cupel.protocol.testing.verdict_edges import (
    constant_cases,
    edge_cases,
    off_support_cases,
    short_cases,
)

OUTCOMES: Final = (
    None,
    Reason.TOPLOC_LENGTH,
    Reason.TOPLOC_MODULUS,
    Reason.TOPLOC_COEFFICIENT,
    Reason.TOPLOC_DEGENERATE,
    Reason.TOPLOC_NON_FINITE,
    Reason.TOPLOC_EXPONENT,
    Reason.TOPLOC_MANTISSA_MEAN,
    Reason.TOPLOC_MANTISSA_MEDIAN,
    Reason.TOPLOC_CONSTANT,
    Reason.TOPLOC_OFF_SUPPORT,
)
"""What the contract's enum names, in its order. TOPLOC_SUPPORT is missing: there it reverts."""


def verdict_vectors() -> dict[str, Any]:
    """The object of tests/vectors/toploc_verdict.json."""
    parts = (
        honest_cases(),
        form_cases(),
        list_cases(),
        edge_cases(K),
        edge_cases(K + 1),
        constant_cases(),
        short_cases(),
        off_support_cases(),
    )
    return {
        "outcomes": ["" if reason is None else reason.value for reason in OUTCOMES],
        "allowed_landings": [allowed_landings(keys) for keys in range(130)],
        "cases": [case.as_json() for part in parts for case in part],
    }
