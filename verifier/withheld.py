"""Demands for data that nobody serves: follows the judge, asks for what the inbox misses, and looks at the answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.demands import DemandFeed
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.disclosure import demanded
from cupel.protocol.participant import Participant
from cupel.protocol.spec.demand import Answer, DataDemand, ManifestAnswer, PieceAnswer, shown_file
from cupel.protocol.storage import StorageError, put_file
from cupel.verifier.dispute.demands import DemandAction, DemandView, decide_demands
from cupel.verifier.evidence import Judges
from cupel.verifier.inbox import Inbox, Place


class WithheldData:
    """The part of a verifier that deals with the DataJudge; without one, it does nothing."""

    def __init__(self, participant: Participant, judges: Judges, inbox: Inbox) -> None:
        self._account = participant.address
        self._store = participant.store
        self._stored: dict[Place, int] = {}
        self._inbox = inbox
        self._judge = None if judges.data is None else DataJudge(participant.chain, judges.data)
        self.feed = DemandFeed(
            participant.chain, participant.hub, self._judge, participant.deployment.first_block
        )

    async def prepare(self) -> None:
        """Learn the judge's terms. ChainUnavailable."""
        if self._judge is not None:
            self._inbox.answer_seconds = await self._judge.answer_seconds()

    async def refresh(self) -> None:
        """Take in what the judge did since the last call, and serve what was shown. ChainUnavailable."""
        await self.feed.refresh()
        for place, answers in self._answers().items():
            files = shown_files(answers)
            if len(files) > self._stored.get(place, 0):
                # A full disk is told of by those who fetch; this is tried again at the next look.
                with contextlib.suppress(StorageError):
                    for file in files:
                        await asyncio.to_thread(put_file, self._store, file)
                    self._stored[place] = len(files)

    def actions(self, now: int, ledger: TaskLedger) -> tuple[DemandAction, ...]:
        """What to do about demands now. What was shown because we asked is checked on the way."""
        for place, answers in self._answers().items():
            if place in self._inbox.wanted and place in ledger.work:
                self._inbox.consider(place, answers, ledger)
        records = self.feed.ledger.demands.values()
        return decide_demands(
            DemandView(
                account=self._account,
                params=ledger.params,
                now=now,
                slashed=frozenset(record.node for record in ledger.slashes),
                wanted=tuple(wanted for parts in self._inbox.wanted.values() for wanted in parts),
                records=tuple(record for record in records if record.challenge.task == ledger.task),
                pending=frozenset(
                    record.challenge_id
                    for record in ledger.challenges.values()
                    if record.status is ChallengeStatus.PENDING
                ),
            )
        )

    def _answers(self) -> dict[Place, dict[DataDemand, Answer]]:
        """What was shown because we asked, by commitment."""
        answers: dict[Place, dict[DataDemand, Answer]] = {}
        for record in self.feed.ledger.demands.values():
            challenge = record.challenge
            if challenge.challenger == self._account and record.shown is not None:
                shown = answers.setdefault((challenge.node, challenge.sequence), {})
                shown[demanded(record.demand)] = record.shown
        return answers


def shown_files(answers: Mapping[DataDemand, Answer]) -> tuple[bytes, ...]:
    """The manifest, and the file that it begins with, as far as the answers about a commitment show them whole."""
    told = (one.manifest for one in answers.values() if isinstance(one, ManifestAnswer | PieceAnswer))
    manifest = next(told, None)
    file = shown_file(answers)
    return tuple(one for one in (manifest, file) if one is not None)
