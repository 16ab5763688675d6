"""Which commitments are ours to check, and what came of it.

Every commitment that can still be challenged is audited in a task of its own, until a verdict or until its window
closes. What fails on our side is reported and tried again; it is never held against the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from cupel.protocol.attesting import publish as publish_attestation
from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.ledger import ChallengeRecord, CheckpointRecord, TaskLedger
from cupel.protocol.chain.origins import origin_of
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.spans import Origin, span
from cupel.protocol.spec.demand import Answer, DataDemand
from cupel.protocol.spec.repetition import RING
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.rounds import CommittedWork, commitment_of
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.verifier.auditor import Auditor
from cupel.verifier.checks import CHEAP_NAMES, CHECK_NAMES, training
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.checks.checkpoint import check_checkpoint
from cupel.verifier.checks.disclosed import accusable, shown_rollouts
from cupel.verifier.demander import Demander, Place
from cupel.verifier.dispute.demands import Wanted, demand_time
from cupel.verifier.dispute.refutation import Refuter
from cupel.verifier.draw import draw, draw_seed
from cupel.verifier.evidence import Accusation, Judges, accuse, document_of
from cupel.verifier.exhibits import Exhibits
from cupel.verifier.inspection import Inspection, TooLate
from cupel.verifier.journal import Journal
from cupel.verifier.options import Options
from cupel.verifier.replays import Replays
from cupel.verifier.turns import due
from cupel.verifier.verdicts import tell_checks, tell_verdict
from cupel.verifier.watch import Watch, is_disputable

logger = logging.getLogger(__name__)
Work = Coroutine[Any, Any, None]


class Inbox:
    """Audits and jury duty of one task, each in the background."""

    def __init__(
        self,
        participant: Participant,
        auditor: Auditor,
        journal: Journal,
        judges: Judges,
        options: Options,
        folder: Path,
        refuter: Refuter | None = None,
    ) -> None:
        """folder: the verifier's own, for evidence files and the trainers' states.

        refuter: where the task names a judge of computation.
        """
        self._participant = participant
        self._observer = participant.observer
        self._auditor = auditor
        self._journal = journal
        self._judges = judges
        self._refuter = refuter
        self._watch = Watch(journal, auditor.rules.spec.pooling, self._observer, options.audit_rollouts)
        self._exhibits = Exhibits(participant, auditor.versions, folder / "evidence")
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._begun: set[object] = set()
        replays = Replays(auditor, folder / "training" / auditor.rules.task.hex())
        self._inspection = Inspection(auditor, replays, self._observer, self._tasks.__contains__)
        self.answer_seconds: int | None = None
        """How long nodes have to show demanded data; None where nothing can be demanded."""
        self._demander = Demander(auditor, journal.secret, self._observer, options.demand_pieces)
        self.findings: dict[Place, Finding] = {}
        self.accusations: dict[Place, Accusation] = {}
        self.verdicts: dict[int, bool] = {}
        """Whether our own recomputation confirms a challenge, by its number."""

    @property
    def now(self) -> int:
        """The chain's clock, set by the verifier's loop."""
        return self._inspection.now

    @now.setter
    def now(self, time: int) -> None:
        self._inspection.now = time

    @property
    def wanted(self) -> Mapping[Place, tuple[Wanted, ...]]:
        """What nobody serves."""
        return self._demander.wanted

    def notice(self, logged: Logged[Event], ledger: TaskLedger) -> None:
        """Begin to check what a new event commits to."""
        window = ledger.params.challenge_window
        match logged.event:
            case hub.Committed(task=task, node=node, sequence=sequence) if task == ledger.task:
                work, origin = ledger.work[node, sequence], origin_of(ledger, node, sequence)
                if self._journal.has_passed(work.root):
                    self._start(work, "recall", origin, self._recall(work, ledger), work.time + window)
                elif self.now < work.time + window:
                    audit = self._audit(work, ledger, logged.block_hash)
                    self._start(work, "audit", origin, audit, work.time + window)
            case hub.CheckpointPosted(task=task, node=node, sequence=sequence) if task == ledger.task:
                posted = next(one for one in ledger.posted if (one.node, one.sequence) == (node, sequence))
                commitment = next(one for one in ledger.commitments(node) if one.sequence == sequence)
                if self.now < posted.time + window:
                    origin, comparison = origin_of(ledger, node, sequence), self._compare(posted, commitment)
                    self._start(posted, "compare", origin, comparison, posted.time + window)

    def judge(self, challenge: ChallengeRecord, ledger: TaskLedger, deadline: int) -> None:
        """Begin to find out whether a challenge is right; `verdicts` will tell, unless the deadline passes."""
        number = challenge.challenge_id
        is_judging = any(isinstance(key, tuple) and key[:2] == ("trial", number) for key in self._tasks)
        if number not in self.verdicts and not is_judging:
            # Once for every deadline: what came too late for one jury may serve the next.
            attempt = self._judge(challenge, ledger, deadline)
            origin = origin_of(ledger, challenge.node, challenge.sequence)
            self._start(("trial", number, deadline), "trial", origin, attempt, deadline)

    def consider(self, place: Place, answers: Mapping[DataDemand, Answer], ledger: TaskLedger) -> None:
        """Look for lies in what a node showed because we demanded it."""
        judge, work = self._judges.objective, ledger.work[place]
        rules, beacon = self._auditor.rules, ledger.beacons[work.round]
        if judge is None or place in self.accusations:
            return
        for shown in shown_rollouts(answers, rules.params.chunk_tokens):
            lie = accusable(shown, rules, work, beacon)
            if lie is not None:
                reason, evidence = lie
                commitment = commitment_of(work)
                self.accusations[place] = Accusation(work.node, commitment, judge, evidence, reason)
                return

    @property
    def num_open(self) -> int:
        """Audits and trials under way."""
        return len(self._tasks)

    async def close(self) -> None:
        """Give up everything under way."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: object, name: str, origin: Origin | None, work: Work, deadline: int) -> None:
        if key in self._begun:
            work.close()
            return
        self._begun.add(key)
        with due(deadline):
            self._tasks[key] = asyncio.create_task(self._guarded(name, origin, work))
        self._tasks[key].add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _guarded(self, name: str, origin: Origin | None, work: Work) -> None:
        """One submission that breaks our own code must not keep us from checking the others."""
        try:
            with span(name, origin):
                await work
        except TooLate as error:
            self._observer.emit("error", message=str(error))
        except Exception as error:
            logger.exception("a check failed")
            self._observer.emit("error", message=f"a check failed: {type(error).__name__}: {error}")

    async def _recall(self, work: CommittedWork, ledger: TaskLedger) -> None:
        """Have what passed before a restart at hand again, to compare the node's later work with. It may be gone."""
        if work.sequence + RING <= len(ledger.commitments(work.node)):
            return
        with contextlib.suppress(NetworkError):
            beacon = ledger.beacons[work.round]
            self._auditor.remember(await self._auditor.fetch(work, beacon, FETCH_SECONDS))

    async def _audit(self, work: CommittedWork, ledger: TaskLedger, block_hash: bytes) -> None:
        rules, closes = self._auditor.rules, work.time + self._auditor.rules.params.challenge_window
        what = f"round {work.round} of {work.node}"
        seed = draw_seed(self._journal.secret, block_hash, rules.task, work.node, work.sequence)
        drawn = draw(seed, work.units, self._watch.rollouts(work))
        submission = await self._fetch_or_demand(work, ledger, seed, drawn, what)
        self._observer.emit("checking", node=work.node, round=work.round)
        finding, unjudged = await self._inspection.examine(submission, what)
        pool, odds, passed = Pool(), self._watch.lie_odds(work.node), False
        if finding is not None:
            tell_checks(self._observer, work, finding)
        elif self._auditor.affords(seed, len(drawn), odds, self.now):
            rechecked = await self._inspection.recheck(submission, drawn, closes, what)
            finding, pool = rechecked.finding, rechecked.pool
            judged = [name for name in CHECK_NAMES if name not in unjudged]
            if finding is None:
                finding, retrained = await self._inspection.replay(submission, ledger, closes, what)
                judged += retrained
            tell_checks(self._observer, work, finding, judged)
            passed = finding is None and not unjudged
        else:
            tell_checks(self._observer, work, None, [name for name in CHEAP_NAMES if name not in unjudged])
        if finding is None or not is_disputable(finding, self._judges):
            self._watch.record(work, pool, finding)
            if passed:
                await self._attest(work)
        else:
            twin = await self._inspection.twin(work, finding, ledger, closes)
            state = self._inspection.state_before(work, ledger) if finding.check == training.NAME else None
            await self._accuse(work.node, commitment_of(work), finding, submission, twin, state)

    async def _attest(self, work: CommittedWork) -> None:
        """Sign that every check passed a commitment; nodes may wait for such words, and do without."""
        account = self._participant.chain.account
        assert isinstance(account, LocalAccount), "a verifier's key is in its process"
        with contextlib.suppress(NetworkError):
            await publish_attestation(self._participant, account, self._auditor.rules.task, work)

    async def _fetch_or_demand(
        self, work: CommittedWork, ledger: TaskLedger, seed: bytes, drawn: Sequence[int], what: str
    ) -> FetchedSubmission:
        """A submission's files; some of what nobody has served for long is demanded before the judge."""
        closes = work.time + ledger.params.challenge_window
        if self.answer_seconds is not None:
            patient = demand_time(commitment_of(work), ledger.params, self.answer_seconds)
            try:
                return await self._inspection.fetch(work, ledger, patient, what)
            except TooLate:
                if await self._demander.miss(work, drawn, seed):
                    await self._inspection.retry(
                        lambda: self._auditor.manifest(work, FETCH_SECONDS), closes, what
                    )
                    await self._demander.miss(work, drawn, seed)
        return await self._inspection.fetch(work, ledger, closes, what)

    async def _compare(self, posted: CheckpointRecord, commitment: Commitment) -> None:
        closes = posted.time + self._auditor.rules.params.challenge_window
        what = f"checkpoint {posted.version} of {posted.node}"
        if self.answer_seconds is not None:
            patient = demand_time(commitment, self._auditor.rules.params, self.answer_seconds)
            try:
                await self._inspection.retry(lambda: self._inspection.digest(posted.version), patient, what)
            except TooLate:
                await self._demander.miss_version(posted, commitment)
        canonical = await self._inspection.retry(
            lambda: self._inspection.digest(posted.version), closes, what
        )
        finding = check_checkpoint(posted.version, posted.digest, canonical)
        if finding is not None:
            tell_verdict(self._observer, posted.node, posted.version, posted.sequence, finding.check, finding)
            await self._accuse(posted.node, commitment, finding, None)

    async def _judge(self, challenge: ChallengeRecord, ledger: TaskLedger, deadline: int) -> None:
        what, place = f"trial {challenge.challenge_id}", (challenge.node, challenge.sequence)
        work = ledger.work.get(place)
        if place in self.findings:
            guilty = True
        elif work is not None:
            finding = await self._inspection.inspect(work, ledger, challenge.evidence, deadline, what)
            guilty = finding is not None
        else:
            posted = next(one for one in ledger.posted if (one.node, one.sequence) == place)
            canonical = await self._inspection.retry(
                lambda: self._inspection.digest(posted.version), deadline, what
            )
            guilty = posted.digest != canonical
        self.verdicts[challenge.challenge_id] = guilty

    async def _accuse(
        self,
        node: str,
        commitment: Commitment,
        finding: Finding,
        submission: FetchedSubmission | None,
        twin: FetchedSubmission | None = None,
        state: bytes | None = None,
    ) -> None:
        """Publish the evidence, and leave the accusation to the solver. state: the trainer's, if it rests on one."""
        self.findings[node, commitment.sequence] = finding
        document = document_of(finding, self._auditor.rules, node, commitment, self._participant.address)
        refutation = None
        if self._refuter is not None and submission is not None:
            refutation = await asyncio.to_thread(self._refuter.evidence, finding, submission)
        elif self._refuter is not None:
            refutation = self._refuter.evidence_against_version()
        accusation = accuse(finding, document, self._judges, submission, twin, refutation)
        if accusation is None:
            message = f"the task has no judge for {finding.reason.value} of {node}"
            self._observer.emit("error", message=message)
        else:
            self.accusations[node, commitment.sequence] = accusation
        is_objective = accusation is not None and accusation.judge == self._judges.objective
        objective = accusation.evidence if accusation is not None and is_objective else None
        await self._exhibits.publish(document, submission, twin, objective, state)
