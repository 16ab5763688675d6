"""Distribution: text of another temperature, sampler or model is found even where every token is within a tolerance."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from cupel.protocol.model.generate import generate
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.token_odds import LIMIT_BITS
from cupel.verifier.checks.distribution import Distribution
from cupel.verifier.checks.sampling import Sampling

ALL = tuple(range(8))


def tolerant(submission: Any) -> Any:
    spec = submission.rules.spec
    sampling = dataclasses.replace(spec.sampling, tolerance_millionths=10**9)
    rules = dataclasses.replace(submission.rules, spec=dataclasses.replace(spec, sampling=sampling))
    return dataclasses.replace(submission, rules=rules)


def sampled(world: Any, temperature: float) -> Any:
    """A submission of the honest policy's text at another temperature; 0 is greedy."""
    environment, params = world.rules.environment, world.rules.params
    prompts = np.array([environment.prompt(rollout.problem) for rollout in world.rollouts])
    noise = np.stack([gumbel_noise(one.seed, params.max_tokens, 64) for one in world.rollouts])
    made = generate(
        world.policy, prompts, noise * bool(temperature), environment.end_token, temperature or 1.0
    )
    rollouts = [
        dataclasses.replace(rollout, tokens=tuple(row[:length].tolist()), proofs=rollout.proofs[:1] * 3)
        for rollout, row, length in zip(world.rollouts, made.tokens, made.lengths, strict=True)
    ]
    return tolerant(world.submission(rollouts))


def test_honest_text_passes(world: Any) -> None:
    submission = world.submission()
    recomputed = world.recomputed(submission, ALL)
    assert Distribution().run(submission, ALL, recomputed) is None
    assert Distribution().run(submission, (2, 5), world.recomputed(submission, (2, 5))) is None


@pytest.mark.parametrize("temperature", [0.0, 0.25])
def test_text_of_another_temperature_is_found_where_the_tolerance_lets_it_pass(
    world: Any, temperature: float
) -> None:
    submission = sampled(world, temperature)
    recomputed = world.recomputed(submission, ALL)
    assert Sampling().run(submission, ALL, recomputed) is None
    finding = Distribution().run(submission, ALL, recomputed)
    assert finding is not None
    assert (finding.reason, finding.rollout) == (Reason.TOKEN_DISTRIBUTION, None)
    assert (finding.objective, finding.allowed) == (None, str(LIMIT_BITS))
    assert int(finding.observed) > LIMIT_BITS


def test_text_of_another_policy_is_found(world: Any, stale_rollouts: Any) -> None:
    submission = tolerant(world.submission(stale_rollouts))
    finding = Distribution().run(submission, ALL, world.recomputed(submission, ALL))
    assert finding is not None
    assert finding.reason is Reason.TOKEN_DISTRIBUTION


def test_text_of_another_seed_is_left_to_sampling(world: Any) -> None:
    """A fair sample is no evidence, whatever its seed: this is what the check cannot see."""
    rollouts = [
        dataclasses.replace(rollout, tokens=other.tokens)
        for rollout, other in zip(
            world.rollouts,
            world.rollouts[1:4] + world.rollouts[:1] + world.rollouts[5:] + world.rollouts[4:5],
            strict=True,
        )
    ]
    submission = world.submission(rollouts)
    recomputed = world.recomputed(submission, ALL)
    assert Distribution().run(submission, ALL, recomputed) is None
    finding = Sampling().run(submission, ALL, recomputed)
    assert finding is not None
    assert finding.reason is Reason.SAMPLING
