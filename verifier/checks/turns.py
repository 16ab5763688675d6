"""Whether dialogues are what their environment makes of them: its replies, computed again, and whose token is whose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.spec.dialogue import read_spans
from cupel.protocol.spec.environments.base import Dialogue
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.verifier.checks.base import MOST_FAILURES, FetchedSubmission, Finding, Recomputed


class Turns:
    """Turns that end where they have to, the environment's replies between, and spans that say so; for all rollouts.

    After `Assignment`: replies are those to the assigned problem.
    """

    name: Final = "termination"
    cost: Final = 2

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`. EnvironmentFailed if a reply could not be had and no other dialogue was wrong."""
        environment = submission.rules.environment
        if not isinstance(environment, Dialogue):
            return self._none(submission)
        failures: list[EnvironmentFailed] = []
        for index, rollout in enumerate(submission.rollouts):
            try:
                spans = read_spans(environment, rollout.problem, rollout.tokens)
            except Rejected as rejected:
                return Finding(self.name, rejected.reason, rejected.detail, index)
            except EnvironmentFailed as failure:
                # As for rewards: no guilt by itself, and no cover for the other rollouts.
                failures.append(failure)
                if len(failures) == MOST_FAILURES:
                    break
                continue
            if rollout.spans != spans:
                observed, allowed = (" ".join(map(str, one)) for one in (rollout.spans, spans))
                detail = "not the turns and replies that the tokens have"
                return Finding(self.name, Reason.SCHEMA, detail, index, observed, allowed)
        if failures:
            raise failures[0]
        return None

    def _none(self, submission: FetchedSubmission) -> Finding | None:
        for index, rollout in enumerate(submission.rollouts):
            if rollout.spans:
                detail, observed = (
                    "spans of a dialogue, and this task has none",
                    " ".join(map(str, rollout.spans)),
                )
                return Finding(self.name, Reason.SCHEMA, detail, index, observed)
        return None
