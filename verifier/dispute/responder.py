"""Sends what the solver decided."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from contextlib import AbstractContextManager
from typing import Final

from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.bindings.jury_judge import JuryJudge
from cupel.protocol.chain.bindings.objective_judge import ObjectiveJudge
from cupel.protocol.chain.bindings.structs import Verdict
from cupel.protocol.chain.demands import DemandFeed
from cupel.protocol.chain.errors import ContractError
from cupel.protocol.chain.origins import origin_of
from cupel.protocol.config import ConfigError
from cupel.protocol.participant import Participant
from cupel.protocol.spans import span
from cupel.protocol.spec.demand import price_in_gas
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import TaskParams
from cupel.verifier.dispute.demands import Ask, CloseDemand, DemandAction, Wanted
from cupel.verifier.dispute.solver import (
    Action,
    Appeal,
    Challenge,
    CloseTrial,
    CommitVote,
    Expire,
    LeaveJury,
    RevealVote,
    Summon,
    Vote,
    Withdraw,
    WithdrawBonds,
)
from cupel.verifier.evidence import Accusation, Judges
from cupel.verifier.journal import Journal

logger = logging.getLogger(__name__)

MIN_REFUSALS: Final = 3
"""Refusals of the same action that make an error of it."""


def vote_hash(challenge_id: int, round_index: int, juror: str, vote: Vote) -> bytes:
    """What a juror commits to: `keccak256(abi.encode(challengeId, round, juror, guilty, salt))`."""
    return keccak256(words(challenge_id, round_index, juror, int(vote.guilty), vote.salt))


class Responder:
    """Carries out actions, each to the end. What the chain refuses is asked again after the next look at it."""

    def __init__(
        self,
        participant: Participant,
        task: bytes,
        params: TaskParams,
        judges: Judges,
        journal: Journal,
        demands: DemandFeed,
    ) -> None:
        self._participant = participant
        self._observer = participant.observer
        self._task = task
        self._params = params
        self._judges = judges
        self._journal = journal
        self._demands = demands
        self._refusals: Counter[Action | DemandAction] = Counter()
        self.unconvincing: set[Accusation] = set()
        """Accusations that the judge, asked beforehand, would not follow."""

    async def carry_out(self, action: Action | DemandAction) -> None:
        """Do it. ChainUnavailable and TransactionTimeout as the client; other failures are reported, not raised."""
        try:
            with self._span(action):
                await self._carry_out(action)
        except (ContractError, ConfigError) as error:
            # Refused once or twice, somebody else was faster. Refused for longer, the operator should know, once.
            self._refusals[action] += 1
            if self._refusals[action] == MIN_REFUSALS:
                self._observer.emit("error", message=f"{type(action).__name__}: {error}")
            logger.info("%s refused: %s", type(action).__name__, error)

    async def collect(self) -> None:
        """Take back the coins that no demand needs any more. ChainUnavailable and TransactionTimeout as the client."""
        if self._judges.data is None:
            return
        left = await self._data.credit(self._participant.address)
        if left:
            with contextlib.suppress(ContractError):
                await self._participant.send("withdraw gas", self._data.withdraw(left))

    def _span(self, action: Action | DemandAction) -> AbstractContextManager[None]:
        """In the trace of the commitment that the action is about, if it is about one of this task."""
        ledger, origin = self._participant.ledger.tasks[self._task], None
        match action:
            case Challenge(about) | Ask(about):
                origin = origin_of(ledger, about.node, about.commitment.sequence)
                return span("challenge", origin, node=about.node)
        record = ledger.challenges.get(getattr(action, "challenge_id", -1))
        if record is not None:
            origin = origin_of(ledger, record.node, record.sequence)
        return span("move", origin, move=type(action).__name__)

    async def _carry_out(self, action: Action | DemandAction) -> None:
        send, hub = self._participant.send, self._participant.hub
        match action:
            case Challenge(accusation):
                await self._challenge(accusation)
            case Summon(challenge_id):
                await send("summon jury", self._jury.summon(challenge_id))
            case CommitVote(challenge_id, round_index, guilty):
                # On disk before its hash is on-chain: a vote that cannot be revealed costs a penalty.
                vote = self._journal.vote(challenge_id, round_index, guilty)
                digest = vote_hash(challenge_id, round_index, self._participant.address, vote)
                await send("commit vote", self._jury.commit_vote(challenge_id, digest))
            case RevealVote(challenge_id, vote):
                await send("reveal vote", self._jury.reveal_vote(challenge_id, vote.guilty, vote.salt))
                self._observer.emit("vote", challenge_id=challenge_id, guilty=vote.guilty)
            case Appeal(challenge_id, round_index, bond):
                token = await self._jury.token()
                await self._participant.approve(token, self._jury.address, bond)
                await send("appeal", self._jury.appeal(challenge_id))
                self._observer.emit("appealed", challenge_id=challenge_id, round=round_index, bond=str(bond))
            case CloseTrial(challenge_id):
                await send("close trial", self._jury.close(self._participant.ledger.challenge(challenge_id)))
            case Expire(challenge_id):
                await send("expire challenge", hub.expire(self._participant.ledger.challenge(challenge_id)))
            case Ask(wanted):
                await self._ask(wanted)
            case CloseDemand(challenge_id):
                record = self._demands.ledger.demands[challenge_id]
                await send("close demand", self._data.close(record.challenge, record.demand))
            case LeaveJury():
                await send("leave jury", self._jury.resign())
            case WithdrawBonds():
                await send("withdraw bonds", self._jury.withdraw(self._participant.address))
            case Withdraw():
                amount = await hub.credit(self._params.token, self._participant.address)
                await send("withdraw", hub.withdraw(self._params.token, self._participant.address))
                self._observer.emit("withdrawn", amount=str(amount))
            case _:
                raise AssertionError(f"{action} is not for sending")

    async def _challenge(self, accusation: Accusation) -> None:
        if accusation.judge == self._judges.objective and not await self._convinces(accusation):
            self.unconvincing.add(accusation)
            message = f"evidence of {accusation.reason.value} does not convince its judge: an error of ours"
            self._observer.emit("error", message=message)
            return
        participant, params = self._participant, self._params
        await participant.approve(params.token, participant.hub.address, params.bond)
        call = participant.hub.challenge(
            params, accusation.node, accusation.commitment, accusation.judge, accusation.evidence
        )
        await participant.send("challenge", call)

    async def _ask(self, wanted: Wanted) -> None:
        participant, params, judge = self._participant, self._params, self._data
        # The price is taken at the base fee of the block that the demand will be in, and two blocks may pass.
        fee = await participant.chain.base_fee() * 81 // 64 + 1
        price = price_in_gas(wanted.demand, params, wanted.commitment.units) * fee
        credit = await judge.credit(participant.address)
        if credit < price:
            deposit = judge.deposit(participant.address, value=2 * price - credit)
            await participant.send("deposit gas", deposit)
        await participant.approve(params.token, participant.hub.address, params.bond)
        call = participant.hub.challenge(
            params, wanted.node, wanted.commitment, judge.address, wanted.demand.to_bytes()
        )
        await participant.send("demand", call)

    async def _convinces(self, accusation: Accusation) -> bool:
        """Ask the judge before a bond is put down: an error of ours should not feed the accused."""
        judge = ObjectiveJudge(self._participant.chain, accusation.judge)
        challenge = accusation.as_challenge(self._task, self._params, self._participant.address)
        try:
            verdict = await judge.examine(
                0, challenge, self._params, accusation.commitment, accusation.evidence
            )
        except ContractError as error:
            logger.info("%s refuses evidence: %s", accusation.judge, error)
            return False
        return verdict is Verdict.GUILTY

    @property
    def _data(self) -> DataJudge:
        assert self._judges.data is not None, "only a task with a data judge has demands"
        return DataJudge(self._participant.chain, self._judges.data)

    @property
    def _jury(self) -> JuryJudge:
        assert self._judges.jury is not None, "only a task with a jury has trials for us"
        return JuryJudge(self._participant.chain, self._judges.jury)
