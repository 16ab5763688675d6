"""Demands for data that nobody serves: follows the judge, asks for what the inbox misses, and looks at the answers."""

from __future__ import annotations

from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.demands import DemandFeed
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.participant import Participant
from cupel.protocol.shown import ShownFiles, answers_by_place
from cupel.verifier.dispute.demands import DemandAction, DemandView, decide_demands
from cupel.verifier.evidence import Judges
from cupel.verifier.inbox import Inbox


class WithheldData:
    """The part of a verifier that deals with the DataJudge; without one, it does nothing."""

    def __init__(
        self,
        participant: Participant,
        task: bytes,
        judges: Judges,
        inbox: Inbox,
        false_updates: set[bytes],
    ) -> None:
        """false_updates: gets the digests of manifests whose update was shown to be another."""
        self._account = participant.address
        self._inbox = inbox
        self._judge = None if judges.data is None else DataJudge(participant.chain, judges.data)
        self.feed = DemandFeed(
            participant.chain, participant.hub, self._judge, participant.deployment.first_block
        )
        self._shown = ShownFiles(participant.store, self.feed, task, false_updates)

    async def prepare(self) -> None:
        """Learn the judge's terms. ChainUnavailable."""
        if self._judge is not None:
            self._inbox.answer_seconds = await self._judge.answer_seconds()

    async def refresh(self) -> None:
        """Take in what the judge did since the last call, and serve what was shown. ChainUnavailable."""
        await self.feed.refresh()
        await self._shown.take()

    def actions(self, now: int, ledger: TaskLedger) -> tuple[DemandAction, ...]:
        """What to do about demands now. What was shown because we asked is checked on the way."""
        records = self.feed.ledger.demands.values()
        ours = (record for record in records if record.challenge.challenger == self._account)
        for place, answers in answers_by_place(ours, ledger.task).items():
            if place in self._inbox.wanted and place in ledger.work:
                self._inbox.consider(place, answers, ledger)
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
