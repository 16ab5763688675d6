"""Being paid for looking: a verifier's part in an audit task, beside its checks of the task that is audited.

Each round it looks at the rollouts that are drawn for it, commits to what it found, and looks at some of the answers of
other verifiers. Whoever answered without looking is challenged before the judge of attention.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from cupel.protocol.account.collecting import exit_time
from cupel.protocol.attendance import Looker, leaves_of
from cupel.protocol.chain.errors import ContractError
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import POLL_SECONDS, Participant
from cupel.protocol.patience import Patience
from cupel.protocol.spec.audits import Answer, Answers, target_span
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256, sha256
from cupel.protocol.spec.rounds import CommittedWork, commitment_of, round_start
from cupel.verifier.attendance.duties import (
    AnswerRound,
    Claim,
    Duty,
    Exit,
    Join,
    OpenRound,
    RequestExit,
    answered_by_others,
    next_duty,
)

EXAMINED: Final = 2
"""Answers of another verifier's commitment that are looked at again. A false one costs a stake of many rounds' pay, so
that a small chance of being found suffices."""


class Attendant:
    """One verifier in one audit task."""

    def __init__(
        self,
        participant: Participant,
        looker: Looker,
        judge: str,
        secret: bytes,
        now: Callable[[], int],
    ) -> None:
        """judge: of attention. secret: of this verifier; it draws which of others' answers are examined.

        now: block time up to which the ledgers know everything; somebody else follows the chain.
        """
        self._participant = participant
        self._observer = participant.observer
        self._looker = looker
        self._judge = judge
        self._secret = secret
        self._now = now
        self._examined: set[tuple[str, int]] = set()
        self._told: set[str] = set()
        self._patience = Patience(participant.observer)

    @property
    def _audit(self) -> TaskLedger:
        return self._looker.audit()

    @property
    def is_over(self) -> bool:
        """Whether the stake is home, or lost, or was never put down in time."""
        audit, account = self._audit, self._participant.address
        member = audit.members.get(account)
        if member is None:
            return self._now() >= round_start(audit.params, audit.params.rounds)
        return member.exited or audit.slashed(account)

    async def run(self) -> None:
        """Until it is over."""
        while not self.is_over:
            with self._patience.attempt():
                await self.attend(self._now())
            await self._patience.pause()
            await asyncio.sleep(POLL_SECONDS)

    async def attend(self, now: int) -> None:
        """Do what is due at this block time. ChainUnavailable and TransactionTimeout as the client."""
        duty = next_duty(self._audit, self._looker.checked(), self._participant.address, now)
        try:
            if duty is not None:
                await self._carry_out(duty)
        except (ContractError, NetworkError) as error:
            # Refused because somebody was faster, or not to be had yet: asked again after the next look.
            self._tell(f"audit task: {error}")
        await self._examine(now)

    async def _carry_out(self, duty: Duty) -> None:
        send, hub, audit = self._participant.send, self._participant.hub, self._audit
        params, account = audit.params, self._participant.address
        match duty:
            case Join(quota):
                await self._participant.approve(params.token, hub.address, params.stake)
                await send("join audit task", hub.join(params, account, account, quota, b""))
            case OpenRound(round_index):
                await send("open audit round", hub.open_round(audit.task, round_index))
            case AnswerRound(round_index, targets):
                await self._answer(round_index, targets)
            case Claim(batch):
                await send("claim answers", hub.claim(params, account, batch))
            case RequestExit():
                await send("leave audit task", hub.request_exit(audit.task, account))
            case Exit():
                assert exit_time(audit, account) is not None, "asked for"
                await send("take audit stake", hub.exit(params, account))

    async def _answer(self, round_index: int, targets: tuple[CommittedWork, ...]) -> None:
        """Look, publish, commit. Targets that no answer is possible to are left out."""
        audit, account = self._audit, self._participant.address
        beacon, found, answers = audit.beacons[round_index], [], []
        for work in targets:
            try:
                one = await self._looker.find(work, beacon, account)
            except (NetworkError, Rejected) as error:
                self._tell(f"no answer about {work.node}: {error}")
                continue
            trace = await self._looker.look(one)
            found.append(one)
            answers.append(Answer(work.node, work.sequence, trace.record.root()))
        if not answers:
            return
        file = Answers.of(tuple(answers)).to_bytes()
        await asyncio.to_thread(self._participant.store.put, file)
        sequence = len(audit.commitments(account))
        root = self._looker.root(account, sequence, round_index, leaves_of(found, answers))
        call = self._participant.hub.commit(
            audit.task, beacon, sequence, round_index, root, sha256(file), len(answers)
        )
        await self._participant.send("commit answers", call)
        self._observer.emit("answered", round=round_index, answers=len(answers))

    async def _examine(self, now: int) -> None:
        """Look again at drawn answers of every commitment that was not examined yet."""
        for work in answered_by_others(self._audit, self._participant.address, now):
            if (work.node, work.sequence) in self._examined:
                continue
            try:
                evidence = await self._evidence(work)
                if evidence is not None:
                    await self._challenge(work, evidence)
            except (ContractError, NetworkError, Rejected) as error:
                # What cannot be had proves nothing; it is asked for again.
                self._tell(f"answers of {work.node} in round {work.round}: {error}")
                continue
            self._examined.add((work.node, work.sequence))

    async def _evidence(self, work: CommittedWork) -> bytes | None:
        """Against a commitment to answers; None if nothing in it is known to be false.

        Answers that nobody serves, or that cannot be read, are asked for when their window is nearly over. Who looked
        shows the one that is drawn, and is paid our bond though it did not publish it; who did not has nothing to show.
        """
        try:
            answers = await self._looker.answers(work)
            if len(answers) != work.units:
                raise Rejected(Reason.UNITS, f"{len(answers)} answers published, {work.units} committed to")
        except (NetworkError, Rejected):
            if self._now() < work.time + self._audit.params.challenge_window * 3 // 4:
                raise
            drawn = int.from_bytes(keccak256(words(self._secret, work.manifest, 0)), "big")
            return words(drawn % work.units)
        places: dict[tuple[str, int], int] = {}
        for index, said in enumerate(answers):
            before = places.setdefault((said.node, said.sequence), index)
            if before != index:
                return await self._looker.twice(work, answers, before, index)
        false = await self._false_answer(work, answers)
        return None if false is None else words(false)

    async def _false_answer(self, work: CommittedWork, answers: Sequence[Answer]) -> int | None:
        """Position of an answer that is not what the policy gives; None if the drawn ones are."""
        beacon, span = self._audit.beacons[work.round], target_span(self._audit.params, work.round)
        ranked = sorted(
            range(len(answers)), key=lambda index: keccak256(words(self._secret, work.manifest, index))
        )
        for index in ranked[:EXAMINED]:
            said = answers[index]
            target = self._looker.checked().work.get((said.node, said.sequence))
            if target is None or target.time not in span:
                return index
            trace = await self._looker.look(await self._looker.find(target, beacon, work.node))
            if trace.record.root() != said.trace_root:
                return index
        return None

    async def _challenge(self, work: CommittedWork, evidence: bytes) -> None:
        participant, params = self._participant, self._audit.params
        await participant.approve(params.token, participant.hub.address, params.bond)
        call = participant.hub.challenge(params, work.node, commitment_of(work), self._judge, evidence)
        await participant.send("challenge an answer", call)
        self._observer.emit("inattentive", node=work.node, round=work.round)

    def _tell(self, problem: str) -> None:
        """Report a problem once: it is met again at every look."""
        if problem not in self._told:
            self._told.add(problem)
            self._observer.emit("error", message=problem)
