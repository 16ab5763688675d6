"""All checks of one submission, in order of cost, up to the first lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cupel.verifier.checks import CHEAP, DEEP
from cupel.verifier.checks.base import Check, FetchedSubmission, Finding, Recomputed

Recompute = Callable[[FetchedSubmission, Sequence[int]], Recomputed]
"""Runs the canonical policy that the submission names over the drawn rollouts."""


def audit(submission: FetchedSubmission, drawn: Sequence[int], recompute: Recompute) -> Finding | None:
    """The first lie, or None. Every rollout gets the cheap checks, the drawn ones are recomputed as well."""
    finding = _first(CHEAP, submission, drawn, None)
    if finding is not None or not drawn:
        return finding
    return _first(DEEP, submission, drawn, recompute(submission, drawn))


def _first(
    checks: Iterable[Check],
    submission: FetchedSubmission,
    drawn: Sequence[int],
    recomputed: Recomputed | None,
) -> Finding | None:
    for check in sorted(checks, key=lambda check: check.cost):
        finding = check.run(submission, drawn, recomputed)
        if finding is not None:
            return finding
    return None
