"""Whether the node did the work the chain assigned: policy, problems and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.rounds import oldest_policy_version, refused_policy
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed


class Assignment:
    """Policy version, problems and seeds against the protocol's formulas."""

    name: Final = "assignment"
    cost: Final = 1

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        return self._policy(submission) or self._seeds(submission)

    def _policy(self, submission: FetchedSubmission) -> Finding | None:
        policy, newest = submission.manifest.policy, submission.work.round
        refused = refused_policy(submission.rules.params, newest, policy.version)
        if refused is not None:
            bound = min(newest, max(policy.version, oldest_policy_version(submission.rules.params, newest)))
            return self._objective(refused.reason, refused.detail, 0, policy.version, bound)
        genesis = submission.rules.params.genesis_digest
        if policy.version == 0 and policy.digest != genesis:
            # The one digest that stands in the task's parameters, where the chain can read it.
            return self._objective(
                Reason.POLICY_DIGEST, "not the task's genesis", 0, _hex(policy.digest), _hex(genesis)
            )
        return None

    def _seeds(self, submission: FetchedSubmission) -> Finding | None:
        for index, (rollout, owed) in enumerate(zip(submission.rollouts, submission.assigned, strict=True)):
            if rollout.problem != owed.problem:
                detail = f"problem {rollout.problem}, the chain assigned {owed.problem}"
                return self._objective(Reason.WRONG_PROBLEM, detail, index, rollout.problem, owed.problem)
            if rollout.seed != owed.seed:
                detail = "not the sampling seed the chain assigned"
                return self._objective(Reason.WRONG_SEED, detail, index, _hex(rollout.seed), _hex(owed.seed))
        return None

    def _objective(
        self, reason: Reason, detail: str, rollout: int, observed: int | str, allowed: int | str
    ) -> Finding:
        kind = ObjectiveKind.WRONG_ASSIGNMENT
        return Finding(self.name, reason, detail, rollout, str(observed), str(allowed), kind)


class PolicyDigest:
    """The policy named by number is the canonical one."""

    name: Final = "assignment"
    cost: Final = 4

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        assert recomputed is not None, "needs the canonical policy"
        policy, canonical = submission.manifest.policy, recomputed.policy_digest
        if policy.digest == canonical:
            return None
        detail = f"version {policy.version} has another digest"
        return Finding(self.name, Reason.POLICY_DIGEST, detail, 0, _hex(policy.digest), _hex(canonical))


def _hex(digest: bytes) -> str:
    return f"0x{digest.hex()}"
