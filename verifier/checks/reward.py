"""Whether every reward is what the environment gives for the completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.environments.port import Timed
from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.spec.environments.base import Environment
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.rollout import Rollout
from cupel.verifier.checks.base import MOST_FAILURES, FetchedSubmission, Finding, Recomputed

_NO_CONTRACT: Final = 0


class Reward:
    """Rewards, computed again for all rollouts."""

    name: Final = "reward"
    cost: Final = 2

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`. EnvironmentFailed if a reward could not be had and no other was wrong."""
        failures: list[EnvironmentFailed] = []
        rules = submission.rules
        on_chain = int(rules.params.reward_rule.code, 16) != _NO_CONTRACT
        # What claims something first: a claim that takes too long to score is a lie, and nothing claimed is no cover.
        claims = sorted(enumerate(submission.rollouts), key=lambda pair: pair[1].reward == 0)
        for index, rollout in claims:
            try:
                accepted = _accepted(rules.environment, rollout)
            except EnvironmentFailed as failure:
                # Not the node's guilt by itself; and no cover for what the other rollouts claim.
                failures.append(failure)
                if len(failures) == MOST_FAILURES:
                    break
                continue
            if rollout.reward not in accepted:
                earned = accepted[0]
                return Finding(
                    self.name,
                    Reason.WRONG_REWARD,
                    f"claims {rollout.reward} millionths, the completion earns {earned}",
                    index,
                    observed=str(rollout.reward),
                    allowed=str(earned),
                    # Without a rule on-chain only jurors who run the environment can tell.
                    objective=ObjectiveKind.WRONG_REWARD if on_chain else None,
                )
        if failures:
            raise failures[0]
        return None


def _accepted(environment: Environment, rollout: Rollout) -> tuple[int, ...]:
    if isinstance(environment, Timed):
        return environment.accepted(rollout.problem, rollout.tokens, rollout.reward)
    return (environment.reward(rollout.problem, rollout.tokens),)
