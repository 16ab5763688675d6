"""Whether every reward is what the environment gives for the completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed

_NO_CONTRACT: Final = 0


class Reward:
    """Rewards, computed again for all rollouts."""

    name: Final = "reward"
    cost: Final = 2

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        rules = submission.rules
        on_chain = int(rules.params.reward_rule.code, 16) != _NO_CONTRACT
        for index, rollout in enumerate(submission.rollouts):
            earned = rules.environment.reward(rollout.problem, rollout.tokens)
            if rollout.reward != earned:
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
        return None
