"""Reward: any reward other than the environment's is found, higher or lower."""

import dataclasses
from typing import Any

from cupel.protocol.spec.environments.sorting import END, FULL_REWARD, digits
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.task import Pinned
from cupel.verifier.checks.base import Finding
from cupel.verifier.checks.reward import Reward


def run(submission: Any) -> Finding | None:
    return Reward().run(submission, (), None)


def test_an_honest_submission_passes(world: Any) -> None:
    assert run(world.submission()) is None


def test_an_invented_reward_is_found(world: Any) -> None:
    assert run(world.submission(world.changed(5, reward=FULL_REWARD))) == Finding(
        "reward",
        Reason.WRONG_REWARD,
        "claims 1000000 millionths, the completion earns 0",
        rollout=5,
        observed="1000000",
        allowed="0",
        objective=ObjectiveKind.WRONG_REWARD,
    )


def test_a_reward_kept_low_is_found(world: Any) -> None:
    problem = world.rollouts[4].problem
    right = (*sorted(digits(problem)), END)
    proofs = world.rollouts[4].proofs[:1] * 3
    assert run(world.submission(world.changed(4, tokens=right, reward=FULL_REWARD, proofs=proofs))) is None
    finding = run(world.submission(world.changed(4, tokens=right, reward=0, proofs=proofs)))
    assert finding is not None
    assert (finding.rollout, finding.observed, finding.allowed) == (4, "0", "1000000")


def test_without_a_rule_on_the_chain_the_jury_decides(world: Any) -> None:
    params = dataclasses.replace(world.rules.params, reward_rule=Pinned("0x" + "00" * 20, bytes(32)))
    submission = world.submission(world.changed(5, reward=1))
    submission = dataclasses.replace(submission, rules=dataclasses.replace(world.rules, params=params))
    finding = run(submission)
    assert finding is not None
    assert finding.objective is None
