"""Termination: completions end where the seed has them end, and no oftener than the policy's odds allow."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.token_odds import LIMIT_BITS
from cupel.verifier.checks.termination import Ending, Termination

END = 11
ALL = tuple(range(8))


def with_tokens(world: Any, tokens: tuple[int, ...]) -> Any:
    proofs = world.rollouts[1].proofs[:1] * (-(-len(tokens) // world.rules.params.chunk_tokens))
    return world.submission(world.changed(1, tokens=tokens, proofs=proofs))


def tolerant(submission: Any, tolerance_millionths: int) -> Any:
    spec = submission.rules.spec
    sampling = dataclasses.replace(spec.sampling, tolerance_millionths=tolerance_millionths)
    rules = dataclasses.replace(submission.rules, spec=dataclasses.replace(spec, sampling=sampling))
    return dataclasses.replace(submission, rules=rules)


def with_end_scores(recomputed: Any, raised: float) -> Any:
    logits = recomputed.logits.copy()
    logits[..., END] += np.float32(raised)
    return dataclasses.replace(recomputed, logits=logits)


@pytest.mark.parametrize(
    ("tokens", "observed", "allowed"),
    [((1, 2, 3), "3", "9"), ((1, END, 2, END), "4", "2"), ((1,) * 8, "8", "9"), ((END, END), "2", "1")],
)
def test_a_completion_that_ends_wrongly_is_found(
    world: Any, tokens: tuple[int, ...], observed: str, allowed: str
) -> None:
    finding = Termination().run(with_tokens(world, tokens), (), None)
    assert finding is not None
    assert (finding.reason, finding.rollout) == (Reason.TERMINATION, 1)
    assert (finding.observed, finding.allowed) == (observed, allowed)


@pytest.mark.parametrize("tokens", [(END,), (1, 2, END), (1,) * 9, (1,) * 8 + (END,)])
def test_a_completion_may_end_or_fill_its_length(world: Any, tokens: tuple[int, ...]) -> None:
    assert Termination().run(with_tokens(world, tokens), (), None) is None


def test_honest_endings_pass(world: Any) -> None:
    submission = world.submission()
    assert Ending().run(submission, ALL, world.recomputed(submission, ALL)) is None


def test_an_end_that_the_seed_does_not_draw_is_found(world: Any) -> None:
    tokens = (*world.rollouts[1].tokens[:2], END)
    submission = with_tokens(world, tokens)
    finding = Ending().run(submission, (0, 1), world.recomputed(submission, (0, 1)))
    assert finding is not None
    assert (finding.reason, finding.rollout, finding.objective) == (Reason.TERMINATION, 1, None)
    assert finding.detail.startswith("ends at token 2")
    assert int(finding.observed) > int(finding.allowed) == 1_000


def test_going_on_past_an_end_that_the_seed_draws_is_found(world: Any) -> None:
    submission = world.submission()
    recomputed = world.recomputed(submission, (3,))
    finding = Ending().run(submission, (3,), with_end_scores(recomputed, 60.0))
    assert finding is not None
    assert (finding.rollout, finding.detail.split(",")[0]) == (3, "goes on at token 0")


def test_other_tokens_are_left_to_sampling(world: Any) -> None:
    first, *rest = world.rollouts[1].tokens
    submission = world.submission(world.changed(1, tokens=((first + 1) % 10, *rest)))
    recomputed = world.recomputed(submission, (1,))
    # Nothing else about the completion is the canonical policy's: only its end scores are out of reach.
    assert Ending().run(submission, (1,), with_end_scores(recomputed, -60.0)) is None


def test_endings_against_the_odds_are_found_where_the_tolerance_lets_each_pass(world: Any) -> None:
    submission = tolerant(world.submission(), 10**9)
    recomputed = world.recomputed(submission, ALL)
    assert Ending().run(submission, ALL, recomputed) is None
    finding = Ending().run(submission, ALL, with_end_scores(recomputed, 25.0))
    assert finding is not None
    assert (finding.reason, finding.rollout, finding.allowed) == (Reason.TERMINATION, None, str(LIMIT_BITS))
    assert int(finding.observed) > LIMIT_BITS
