"""Auditing a commitment from its digest on the chain to a finding: fetch, examine, run the policy, compare.

Failures of ours are exceptions of ours: NetworkError for files nobody serves in time, `PolicyPending` while the
canonical version is not computed. Neither says anything about the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cupel.protocol.economics.terms import MAX_REWARD_BONDS
from cupel.protocol.model.checkpoint import to_floats
from cupel.protocol.model.generate import Prefill, replay
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.weights import policy_of
from cupel.protocol.network import NetworkError, Swarm
from cupel.protocol.participant import FETCH_SECONDS
from cupel.protocol.spans import span
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.repetition import ProvenWork
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.submissions import Missing, fetch_manifest, fetch_posted, fetch_submission, missing_parts
from cupel.protocol.training.round import Weights
from cupel.protocol.training.state import TrainerState
from cupel.protocol.versions import Versions
from cupel.verifier.audit import Rechecked, examine, recheck
from cupel.verifier.budget import Budget
from cupel.verifier.checks.base import FetchedSubmission, Finding, Rules
from cupel.verifier.recompute import recompute
from cupel.verifier.retraining import judge_training, versions_needed
from cupel.verifier.turns import Turns

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
    budget: Budget = field(default_factory=lambda: Budget(None))
    """Seconds that recomputation may take."""
    prefill: Prefill = replay
    """What computes the policy."""
    _policies: dict[int, Policy] = field(default_factory=dict)
    _proven: dict[str, ProvenWork] = field(default_factory=dict)
    """By node, the work seen here."""
    _processor: Turns = field(default_factory=Turns)
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

    async def manifest(self, work: CommittedWork, deadline_seconds: float) -> bytes:
        """A commitment's manifest alone. NetworkError if nobody serves it."""
        return await fetch_manifest(self.swarm, work.manifest, deadline_seconds)

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
        async with self._processor.turn():
            proven = self._proven.get(work.node, ProvenWork()).beside(work.sequence)
            with span("examine"):
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
        async with self._processor.turn():
            policy = self._policies.get(number)
            if policy is None:
                policy = await asyncio.to_thread(policy_of, self.rules.spec.model, version.state)
                self._remember(number, policy)
            with span("recheck", version=number, rollouts=len(drawn)):
                found, seconds = await asyncio.to_thread(
                    _recheck, policy, version.digest, submission, drawn, self.prefill
                )
            self.budget.record(len(drawn), seconds)
            return found

    async def retrain(
        self, submission: FetchedSubmission, state: TrainerState, rule: ReplayRule
    ) -> tuple[Finding | None, TrainerState]:
        """As `judge_training`. PolicyPending for a version that is not held here, VersionUnavailable for the first."""
        numbers = versions_needed(submission)
        weights = {number: await self._weights(number) for number in numbers}
        async with self._processor.turn():
            with span("retrain"):
                return await asyncio.to_thread(judge_training, submission, weights, state, rule)

    async def _weights(self, number: int) -> Weights:
        version = self.versions.get(number)
        if version is None and number == 0:
            version = await self.versions.genesis(FETCH_SECONDS)
        if version is None:
            raise PolicyPending(f"canonical version {number} is not here")
        return to_floats(version.state.weights)

    def affords(self, seed: bytes, rollouts: int, odds: float, now: int) -> bool:
        """Whether the budget has so many rollouts of a commitment recomputed. As `Budget.admits`."""
        params = self.rules.params
        reward = min(params.stake // 2, MAX_REWARD_BONDS * params.bond)
        return self.budget.admits(seed, rollouts, reward, odds, now)

    def _remember(self, number: int, policy: Policy) -> None:
        self._policies[number] = policy
        if len(self._policies) > MAX_POLICIES:
            del self._policies[min(self._policies)]


def _recheck(
    policy: Policy, digest: bytes, submission: FetchedSubmission, drawn: Sequence[int], prefill: Prefill
) -> tuple[Rechecked, float]:
    """What the recomputation says, and how many seconds of this thread it took."""
    begun = time.thread_time()
    with span("recompute"):
        recomputed = recompute(policy, digest, submission, drawn, prefill)
    found = recheck(submission, recomputed)
    return found, time.thread_time() - begun
