"""Reward: any reward other than the environment's is found, higher or lower."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.spec.environments.sorting import END, FULL_REWARD, digits
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.task import Pinned
from cupel.verifier.audit import examine
from cupel.verifier.checks.base import MOST_FAILURES, Finding
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


class Hanging:
    """The world's environment, whose rubric hangs on the first completions it is asked about."""

    def __init__(self, real: Any, hangs: int) -> None:
        self._real, self._hangs, self.asked = real, hangs, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def reward(self, problem: Any, tokens: Any) -> int:
        self.asked += 1
        if self.asked > self._hangs:
            return int(self._real.reward(problem, tokens))
        raise EnvironmentFailed("it gave no answer within 20 s")


def hung(submission: Any, count: int) -> tuple[Any, Hanging]:
    rules = submission.rules
    environment = Hanging(rules.environment, count)
    return dataclasses.replace(
        submission, rules=dataclasses.replace(rules, environment=environment)
    ), environment


def test_a_completion_that_hangs_the_environment_hides_no_other_lie(world: Any) -> None:
    claimed = world.changed(5, reward=FULL_REWARD)
    claimed[0] = dataclasses.replace(claimed[0], reward=FULL_REWARD)
    finding = run(hung(world.submission(claimed), 1)[0])
    assert finding is not None
    assert (finding.rollout, finding.reason) == (5, Reason.WRONG_REWARD)


def test_rewards_that_cannot_be_had_are_no_evidence_and_cost_little(world: Any) -> None:
    submission, environment = hung(world.submission(), 8)
    with pytest.raises(EnvironmentFailed, match="no answer"):
        examine(submission)
    assert environment.asked == MOST_FAILURES


def test_without_a_rule_on_the_chain_the_jury_decides(world: Any) -> None:
    params = dataclasses.replace(world.rules.params, reward_rule=Pinned("0x" + "00" * 20, bytes(32)))
    submission = world.submission(world.changed(5, reward=1))
    submission = dataclasses.replace(submission, rules=dataclasses.replace(world.rules, params=params))
    finding = run(submission)
    assert finding is not None
    assert finding.objective is None


class Timing(Hanging):
    """An environment whose completions of one rollout overrun, and of another come near the limit."""

    def accepted(self, problem: Any, tokens: Any, claimed: int) -> tuple[int, ...]:
        self.asked += 1
        earned = int(self._real.reward(problem, tokens))
        return ((0,), (earned, FULL_REWARD))[min(self.asked, 2) - 1]


def test_a_reward_claimed_where_the_scorer_overruns_is_a_lie(world: Any) -> None:
    submission = world.submission(world.changed(5, reward=FULL_REWARD))
    environment = Timing(submission.rules.environment, 0)
    rules = dataclasses.replace(submission.rules, environment=environment)
    finding = run(dataclasses.replace(submission, rules=rules))
    assert finding is not None
    assert (finding.rollout, finding.observed, finding.allowed) == (5, "1000000", "0")
    # Claims come first, so it took one completion.
    assert environment.asked == 1


def test_near_the_limit_either_reward_passes(world: Any) -> None:
    submission = world.submission(world.changed(5, reward=FULL_REWARD))
    environment = Timing(submission.rules.environment, 0)
    environment.asked = 1
    rules = dataclasses.replace(submission.rules, environment=environment)
    assert run(dataclasses.replace(submission, rules=rules)) is None
