"""Auditing a commitment from its digest on the chain to a finding: fetch, examine, run the policy, compare.

Failures of ours are exceptions of ours: NetworkError for files nobody serves in time, `PolicyPending` while the
canonical version is not computed. Neither says anything about the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cupel.protocol.model.policy import Policy
from cupel.protocol.model.weights import policy_of
from cupel.protocol.network import NetworkError, Swarm
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.repetition import ProvenWork
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.submissions import Missing, fetch_posted, fetch_submission, missing_parts
from cupel.protocol.versions import Versions
from cupel.verifier.audit import Rechecked, examine, recheck
from cupel.verifier.checks.base import FetchedSubmission, Finding, Rules
from cupel.verifier.recompute import recompute

# Nodes of one round use a few neighbouring versions.
MAX_POLICIES: Final = 4


class PolicyPending(NetworkError):
    """The canonical version that a submission names is not held here (yet)."""


@dataclass(slots=True)
class Auditor:
    """Fetches and checks submissions of one task."""

    rules: Rules
    swarm: Swarm
    versions: Versions
    _policies: dict[int, Policy] = field(default_factory=dict)
    _proven: dict[str, ProvenWork] = field(default_factory=dict)
    """By node, the work seen here."""
    _processor: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One audit computes at a time: they would only slow each other, and delay the first verdict."""

    async def fetch(self, work: CommittedWork, beacon: bytes, deadline_seconds: float) -> FetchedSubmission:
        """A commitment's files, which are served from here then. NetworkError as `fetch_submission`."""
        files = await fetch_submission(
            self.swarm,
            work.manifest,
            self.rules.params,
            self.versions.max_update_bytes,
            deadline_seconds,
            self.versions.false_updates,
        )
        return FetchedSubmission(self.rules, work, beacon, files.manifest, files.rollouts, files.update)

    async def missing(self, work: CommittedWork, deadline_seconds: float) -> Missing:
        """What of a commitment's files nobody serves."""
        params, most = self.rules.params, self.versions.max_update_bytes
        return await missing_parts(self.swarm, work.manifest, params, most, deadline_seconds)

    async def can_be_had(self, digest: bytes, deadline_seconds: float) -> bool:
        """Whether anybody serves a posted version; a digest that leads to no checkpoint is like one nobody serves."""
        try:
            await fetch_posted(self.swarm, digest, self.versions.max_checkpoint_bytes, deadline_seconds)
        except (NetworkError, Rejected):
            return False
        return True

    async def examine(self, submission: FetchedSubmission) -> Finding | None:
        """What needs no policy, for every rollout, also beside the node's other work seen here."""
        work = submission.work
        async with self._processor:
            proven = self._proven.get(work.node, ProvenWork()).beside(work.sequence)
            finding = await asyncio.to_thread(examine, dataclasses.replace(submission, proven=proven))
            if finding is None:
                self.remember(submission)
            return finding

    def remember(self, submission: FetchedSubmission) -> None:
        """Compare the node's other commitments with this one, which has passed."""
        work = submission.work
        with contextlib.suppress(Rejected):
            known = self._proven.get(work.node, ProvenWork())
            self._proven[work.node] = known.add(work.sequence, submission.leaves)

    async def recheck(self, submission: FetchedSubmission, drawn: Sequence[int]) -> Rechecked:
        """What needs the policy, for the drawn rollouts, at least one. PolicyPending if it is not held here."""
        number = submission.manifest.policy.version
        version = self.versions.get(number)
        if version is None:
            raise PolicyPending(f"canonical version {number} is not here")
        async with self._processor:
            policy = self._policies.get(number)
            if policy is None:
                policy = await asyncio.to_thread(policy_of, self.rules.spec.model, version.state)
                self._remember(number, policy)
            return await asyncio.to_thread(_recheck, policy, version.digest, submission, drawn)

    def _remember(self, number: int, policy: Policy) -> None:
        self._policies[number] = policy
        if len(self._policies) > MAX_POLICIES:
            del self._policies[min(self._policies)]


def _recheck(policy: Policy, digest: bytes, submission: FetchedSubmission, drawn: Sequence[int]) -> Rechecked:
    return recheck(submission, recompute(policy, digest, submission, drawn))
