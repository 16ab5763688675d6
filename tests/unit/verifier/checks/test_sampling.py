"""Sampling: a token the seed did not choose is found, even when its proof is honest."""

import dataclasses
from typing import Any

import numpy as np

from cupel.protocol.spec.errors import Reason
from cupel.verifier.checks.base import FetchedSubmission
from cupel.verifier.checks.sampling import Sampling


def run(world: Any, submission: FetchedSubmission, drawn: tuple[int, ...]) -> Any:
    return Sampling().run(submission, drawn, world.recomputed(submission, drawn))


def test_an_honest_submission_passes(world: Any) -> None:
    assert run(world, world.submission(), tuple(range(8))) is None


def test_a_chosen_token_is_found(world: Any) -> None:
    tokens = list(world.rollouts[2].tokens)
    tokens[0] = (tokens[0] + 1) % 10
    finding = run(world, world.submission(world.changed(2, tokens=tuple(tokens))), (1, 2))
    assert (finding.reason, finding.rollout, finding.objective) == (Reason.SAMPLING, 2, None)
    assert int(finding.observed) > int(finding.allowed) == 1_000


def test_a_completion_of_another_seed_is_found(world: Any) -> None:
    """Picking the best of several tries gives tokens that the assigned seed does not."""
    other = world.rollouts[1]
    rollouts = world.changed(0, tokens=other.tokens, proofs=other.proofs)
    finding = run(world, world.submission(rollouts), (0,))
    assert finding.rollout == 0


def test_a_gap_within_the_tolerance_passes(world: Any) -> None:
    """The boundary: exactly the tolerance passes, a millionth more does not."""
    submission = world.submission()
    recomputed = world.recomputed(submission, (0,))
    logits = recomputed.logits.copy()
    token = submission.rollouts[0].tokens[0]
    lowered = logits.astype(np.float64)
    lowered[0, 0, token] -= 3.0
    shifted = dataclasses.replace(recomputed, logits=lowered)
    finding = Sampling().run(submission, (0,), shifted)
    assert finding is not None
    gap = int(finding.observed)
    for tolerance, passes in ((gap, True), (gap - 1, False)):
        spec = world.rules.spec
        spec = dataclasses.replace(
            spec, sampling=dataclasses.replace(spec.sampling, tolerance_millionths=tolerance)
        )
        tolerant = dataclasses.replace(submission, rules=dataclasses.replace(world.rules, spec=spec))
        assert (Sampling().run(tolerant, (0,), shifted) is None) is passes
