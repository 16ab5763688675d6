"""Whether the node did the work the chain assigned: policy version, its digest, and every problem and seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.assignment import problem_index, round_seed, sample_seed
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rounds import oldest_policy_version
from cupel.verifier.checks.base import FetchedSubmission, Finding, ObjectiveKind, Recomputed


class Assignment:
    """Policy, problems and seeds against the protocol's formulas."""

    name: Final = "assignment"
    cost: Final = 1

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`. The version of the node's policy must be among `submission.policies`, if it is allowed."""
        return self._policy(submission) or self._seeds(submission)

    def _policy(self, submission: FetchedSubmission) -> Finding | None:
        policy, newest = submission.manifest.policy, submission.work.round
        oldest = oldest_policy_version(submission.rules.params, newest)
        if not oldest <= policy.version <= newest:
            detail = f"policy version {policy.version}, round {newest} accepts {oldest} to {newest}"
            return self._objective(
                Reason.POLICY_VERSION,
                detail,
                0,
                policy.version,
                oldest if policy.version < oldest else newest,
            )
        canonical = submission.policies[policy.version]
        if policy.digest != canonical:
            detail = f"version {policy.version} has another digest"
            observed, allowed = f"0x{policy.digest.hex()}", f"0x{canonical.hex()}"
            # Of all digests only the first one is among the task's parameters, where the chain reads it.
            kind = ObjectiveKind.WRONG_ASSIGNMENT if policy.version == 0 else None
            return Finding(self.name, Reason.POLICY_DIGEST, detail, 0, observed, allowed, kind)
        return None

    def _seeds(self, submission: FetchedSubmission) -> Finding | None:
        rules, work = submission.rules, submission.work
        seed = round_seed(rules.chain_id, rules.hub, rules.task, work.node, work.round, submission.beacon)
        group = rules.params.group_size
        for index, rollout in enumerate(submission.rollouts):
            if index % group == 0:
                problem = problem_index(seed, index // group, rules.params.problem_count)
            if rollout.problem != problem:
                detail = f"problem {rollout.problem}, the chain assigned {problem}"
                return self._objective(Reason.WRONG_PROBLEM, detail, index, rollout.problem, problem)
            expected = sample_seed(seed, index)
            if rollout.seed != expected:
                detail = "not the sampling seed the chain assigned"
                return self._objective(
                    Reason.WRONG_SEED, detail, index, f"0x{rollout.seed.hex()}", f"0x{expected.hex()}"
                )
        return None

    def _objective(
        self, reason: Reason, detail: str, rollout: int, observed: int | str, allowed: int | str
    ) -> Finding:
        kind = ObjectiveKind.WRONG_ASSIGNMENT
        return Finding(self.name, reason, detail, rollout, str(observed), str(allowed), kind)
