"""Answers what is demanded of a node's commitments, from the files it published: silence would cost its stake.

What others had to show is taken into the store on the way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Final

from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.demands import DemandFeed, DemandRecord
from cupel.protocol.chain.errors import ChainError, ContractError
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.chain.origins import origin_of
from cupel.protocol.config import ConfigError
from cupel.protocol.disclosure import answer_call, demanded
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import FETCH_SECONDS, POLL_SECONDS, Participant
from cupel.protocol.shown import ShownFiles
from cupel.protocol.spans import span
from cupel.protocol.spec.demand import Answer, DataDemand, ManifestAnswer, answer, piece_answer
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import LeafContext
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.storage import StorageError
from cupel.protocol.submissions import fetch_posted, fetch_submission

RETRY_SECONDS: Final = 4.0
"""Between two attempts at a demand that cannot be answered at the moment."""


def due_demands(
    records: Iterable[DemandRecord], account: str, task: bytes, now: int
) -> tuple[DemandRecord, ...]:
    """Demands that this node still has to answer, the most urgent first."""
    ours = (
        record
        for record in records
        if record.open and (record.challenge.node, record.challenge.task) == (account, task)
    )
    return tuple(
        sorted(
            (record for record in ours if now < record.demand.answer_by),
            key=lambda record: record.demand.answer_by,
        )
    )


class Discloser:
    """Runs beside a node's work: a round may take longer than an answer has time."""

    def __init__(
        self,
        participant: Participant,
        ledger: Callable[[], TaskLedger],
        max_bytes: tuple[int, int],
        false_updates: set[bytes],
    ) -> None:
        """max_bytes: of a checkpoint and of an update.

        false_updates: gets the digests of manifests whose update was shown to be another.
        """
        self._participant = participant
        self._ledger = ledger
        self._max_checkpoint_bytes, self._max_update_bytes = max_bytes
        address = participant.deployment.data_judge
        trusted = any(judge.code == address for judge in ledger().params.judges)
        self._judge = DataJudge(participant.chain, address) if trusted else None
        self._feed = DemandFeed(
            participant.chain, participant.hub, self._judge, participant.deployment.first_block
        )
        self._shown = ShownFiles(participant.store, self._feed, ledger().task, false_updates)
        self._told: set[tuple[int, str]] = set()
        self.due: tuple[DemandRecord, ...] = ()
        """What waits for an answer, as of the last look."""
        self.now = 0
        """The chain's time of that look."""

    async def run(self) -> None:
        """Answer until cancelled."""
        while self._judge is not None:
            try:
                await self._answer_all(self._judge)
            except (ChainError, ConfigError, StorageError) as error:
                self._tell(-1, error)
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    async def collect(self) -> None:
        """Take home what answers earned. ChainUnavailable and TransactionTimeout as the client."""
        if self._judge is None:
            return
        earned = await self._judge.credit(self._participant.address)
        if earned:
            with contextlib.suppress(ContractError):
                await self._participant.send("withdraw gas", self._judge.withdraw(earned))

    async def _answer_all(self, judge: DataJudge) -> None:
        account, now = self._participant.address, await self._participant.chain.now()
        await self._feed.refresh()
        self.now = now
        self.due = due_demands(self._feed.ledger.demands.values(), account, self._ledger().task, now)
        for record in self.due:
            try:
                await self._answer(judge, record)
            except (NetworkError, Rejected, ContractError, StorageError) as error:
                # Refused because somebody else was faster, the demand is gone when the feed is read again.
                self._tell(record.challenge_id, error)
        # After what is urgent: a full disk must not keep us from answering.
        await self._shown.take()

    async def _answer(self, judge: DataJudge, record: DemandRecord) -> None:
        ledger, challenge = self._ledger(), record.challenge
        origin = origin_of(ledger, challenge.node, challenge.sequence)
        with span("answer", origin, challenge=record.challenge_id):
            await self._answered(judge, record, ledger)

    async def _answered(self, judge: DataJudge, record: DemandRecord, ledger: TaskLedger) -> None:
        participant = self._participant
        place = participant.address, record.challenge.sequence
        wanted = demanded(record.demand)
        posted = next((one for one in ledger.posted if (one.node, one.sequence) == place), None)
        if place in ledger.work:
            round_index, given = ledger.work[place].round, await self._work_answer(wanted, ledger.work[place])
        elif posted is not None:
            round_index, given = posted.version, await self._version_answer(wanted, posted.digest)
        else:
            return  # the node's own look at the chain is behind; it is asked again
        await participant.send("answer demand", answer_call(judge, record.challenge, record.demand, given))
        participant.observer.emit(
            "disclosed", round=round_index, part=wanted.part.name.lower(), index=wanted.index
        )

    async def _work_answer(self, wanted: DataDemand, work: CommittedWork) -> Answer:
        """The part of a submission. NetworkError if we lost it ourselves; Rejected for files that are not ours."""
        participant, params = self._participant, self._ledger().params
        files = await fetch_submission(
            participant.swarm, work.manifest, params, self._max_update_bytes, FETCH_SECONDS
        )
        if isinstance(files.rollouts, Rejected):
            raise files.rollouts
        if isinstance(files.update, Rejected):
            raise files.update
        if wanted.of_piece:
            return await asyncio.to_thread(piece_answer, wanted.index, files.manifest, files.update)
        context = LeafContext(
            participant.chain.chain_id,
            participant.hub.address,
            self._ledger().task,
            work.node,
            work.sequence,
            work.round,
        )
        return await asyncio.to_thread(answer, wanted, files.manifest, files.rollouts, params, context)

    async def _version_answer(self, wanted: DataDemand, digest: bytes) -> Answer:
        """The part of a version that we posted. NetworkError and Rejected as `_work_answer`."""
        manifest, file = await fetch_posted(
            self._participant.swarm, digest, self._max_checkpoint_bytes, FETCH_SECONDS
        )
        if wanted.of_piece:
            return await asyncio.to_thread(piece_answer, wanted.index, manifest, file)
        return ManifestAnswer(manifest)

    def _tell(self, challenge_id: int, error: Exception) -> None:
        """Report a problem once: it is met again at every attempt."""
        if (challenge_id, str(error)) not in self._told:
            self._told.add((challenge_id, str(error)))
            self._participant.observer.emit("error", message=f"a demand is not answered: {error}")
