"""All checks of one submission, in order of cost, up to the first lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.spans import note, span
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.verifier.checks import CHEAP, DEEP
from cupel.verifier.checks.base import Check, FetchedSubmission, Finding, Recomputed
from cupel.verifier.checks.pooled import pool_of


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What a recomputation says."""

    finding: Finding | None
    pool: Pool
    """Errors of the proofs recomputed."""


def examine(submission: FetchedSubmission) -> Finding | None:
    """The first lie that shows without running the policy, in any rollout; or None.

    EnvironmentFailed if the rewards could not be had and every other check passed.
    """
    return _first(CHEAP, submission, (), None)


def recheck(submission: FetchedSubmission, recomputed: Recomputed) -> Rechecked:
    """The first lie that shows against the recomputation, in the rollouts recomputed; or None. After `examine`."""
    finding = _first(DEEP, submission, recomputed.indices, recomputed)
    return Rechecked(finding, pool_of(submission, recomputed))


def _first(
    checks: Iterable[Check],
    submission: FetchedSubmission,
    drawn: Sequence[int],
    recomputed: Recomputed | None,
) -> Finding | None:
    failure: EnvironmentFailed | None = None
    for check in sorted(checks, key=lambda check: check.cost):
        try:
            with span("check", check=check.name):
                finding = check.run(submission, drawn, recomputed)
                note(finding="" if finding is None else finding.reason.value)
        except EnvironmentFailed as error:
            failure = error
            continue
        if finding is not None:
            return finding
    if failure is not None:
        raise failure
    return None
