"""Looking at one submission with patience: what fails on our side is tried again until a deadline of the chain's clock.

An audit looks of its own accord, a juror because somebody accused the node; both look with the same eyes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.network import NetworkError
from cupel.protocol.observe import Observer
from cupel.protocol.participant import FETCH_SECONDS, POLL_SECONDS
from cupel.protocol.spec.environments.base import Dialogue
from cupel.protocol.spec.rounds import CommittedWork
from cupel.verifier.audit import Rechecked
from cupel.verifier.auditor import Auditor, PolicyPending
from cupel.verifier.checks import training
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.checks.reward import Reward
from cupel.verifier.checks.turns import Turns
from cupel.verifier.evidence import asked_rollouts, is_about_training
from cupel.verifier.replays import Replays, StateUnknown

Result = TypeVar("Result")

LEAST_FETCH_SECONDS: Final = 1.0
ENVIRONMENT_ATTEMPTS: Final = 2


class TooLate(Exception):
    """A deadline on the chain's clock passed before our own work was done."""


class Inspection:
    """Looks at submissions of one task. `now` is the chain's clock, set by the verifier's loop."""

    def __init__(
        self,
        auditor: Auditor,
        replays: Replays,
        observer: Observer,
        is_open: Callable[[CommittedWork], bool],
    ) -> None:
        """is_open: whether a commitment is being audited at the moment."""
        self._auditor = auditor
        self._replays = replays
        self._observer = observer
        self._is_open = is_open
        self._untold: set[str] = set()
        self.now = 0

    async def fetch(
        self, work: CommittedWork, ledger: TaskLedger, deadline: int, what: str
    ) -> FetchedSubmission:
        """A commitment's files. TooLate."""
        beacon = ledger.beacons[work.round]

        def attempt() -> Awaitable[FetchedSubmission]:
            # One that went on beyond the deadline would leave no time to demand what is missing.
            seconds = min(FETCH_SECONDS, max(LEAST_FETCH_SECONDS, float(deadline - self.now)))
            return self._auditor.fetch(work, beacon, seconds)

        return await self.retry(attempt, deadline, what)

    async def twin(
        self, work: CommittedWork, finding: Finding, ledger: TaskLedger, deadline: int
    ) -> FetchedSubmission | None:
        """The node's other commitment that a finding is about, if any. TooLate."""
        if finding.twin is None or finding.twin.sequence == work.sequence:
            return None
        other = ledger.work[work.node, finding.twin.sequence]
        return await self.fetch(other, ledger, deadline, f"round {other.round} of {other.node}")

    async def digest(self, version: int) -> bytes:
        """Of the canonical version. PolicyPending."""
        digest = self._auditor.versions.proven_digest(version)
        if digest is None:
            raise PolicyPending(f"canonical version {version} was not computed here")
        return digest

    async def examine(
        self, submission: FetchedSubmission, what: str
    ) -> tuple[Finding | None, tuple[str, ...]]:
        """Everything cheap, and the checks that came to no verdict: what the environment fails to give.

        The rest goes on without them: a completion that hangs it must not hide every other lie.
        """
        for _ in range(ENVIRONMENT_ATTEMPTS):
            try:
                return await self._auditor.examine(submission), ()
            except EnvironmentFailed as error:
                problem = str(error)
        self._observer.emit("error", message=f"rewards of {what} were not judged: {problem}")
        replies = isinstance(submission.rules.environment, Dialogue)
        return None, (Turns.name, Reward.name) if replies else (Reward.name,)

    async def recheck(
        self, submission: FetchedSubmission, drawn: Sequence[int], deadline: int, what: str
    ) -> Rechecked:
        """What needs the policy. TooLate.

        A finding about the drawn rollouts together is one only if it holds for all.
        """
        every = range(submission.work.units)
        found = await self.retry(lambda: self._auditor.recheck(submission, tuple(drawn)), deadline, what)
        if found.finding is None or found.finding.rollout is not None or len(drawn) == len(every):
            return found
        # An accuser may have picked the rollouts that look worst, and the odds are not those of the worst.
        return await self.retry(lambda: self._auditor.recheck(submission, every), deadline, what)

    async def replay(
        self, submission: FetchedSubmission, ledger: TaskLedger, deadline: int, what: str
    ) -> tuple[Finding | None, tuple[str, ...]]:
        """The update, by training again, and the names of the checks that came to a verdict. TooLate."""
        if self._replays.rule is None:
            return None, ()
        try:
            return await self._retrained(submission, ledger, deadline, what), (training.NAME,)
        except StateUnknown as error:
            if submission.work.node not in self._untold:
                self._untold.add(submission.work.node)
                self._observer.emit(
                    "error", message=f"updates of {submission.work.node} pass unjudged: {error}"
                )
            return None, ()

    async def inspect(
        self, work: CommittedWork, ledger: TaskLedger, evidence: bytes, deadline: int, what: str
    ) -> Finding | None:
        """Check a submission as its accuser asks: everything cheap, and what it asks to recompute. TooLate."""
        submission = await self.fetch(work, ledger, deadline, what)
        finding, unjudged = await self.examine(submission, what)
        asked = asked_rollouts(evidence, work.units)
        if finding is None and asked:
            finding = (await self.recheck(submission, asked, deadline, what)).finding
        if finding is None and unjudged:
            # Whoever could not judge all of it must not acquit.
            finding = await self.retry(lambda: self._auditor.examine(submission), deadline, what)
        if finding is None and self._replays.rule is not None and is_about_training(evidence):
            try:
                finding = await self._retrained(submission, ledger, deadline, what)
            except StateUnknown as error:
                raise TooLate(f"{what} cannot be judged here: {error}") from error
        return finding

    def state_before(self, work: CommittedWork, ledger: TaskLedger) -> bytes | None:
        """The file of the trainer's state that a commitment's training began with, if it began with one."""
        return self._replays.state_file(_before(work, ledger))

    async def retry(self, attempt: Callable[[], Awaitable[Result]], deadline: int, what: str) -> Result:
        """Try until it works. TooLate at `deadline` of the chain's clock, with the last problem."""
        while True:
            try:
                return await attempt()
            except (NetworkError, EnvironmentFailed) as error:
                if self.now >= deadline:
                    raise TooLate(f"{what} was not checked in time: {error}") from error
                await asyncio.sleep(POLL_SECONDS)

    async def _retrained(
        self, submission: FetchedSubmission, ledger: TaskLedger, deadline: int, what: str
    ) -> Finding | None:
        before = _before(submission.work, ledger)

        def attempt() -> Awaitable[Finding | None]:
            return self._replays.check(submission, before, before is not None and self._is_open(before))

        return await self.retry(attempt, deadline, what)


def _before(work: CommittedWork, ledger: TaskLedger) -> CommittedWork | None:
    """The node's last commitment to rollouts before this one."""
    earlier = [
        other for other in ledger.work.values() if other.node == work.node and other.sequence < work.sequence
    ]
    return max(earlier, key=lambda other: other.sequence, default=None)
