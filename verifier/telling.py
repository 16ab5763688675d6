"""Reporting what became of challenges that a verifier brought or judged."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.contract import Event
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.participant import Participant
from cupel.verifier.dispute.trials import TrialFeed
from cupel.verifier.evidence import Judges
from cupel.verifier.inbox import Inbox


@dataclass(frozen=True, slots=True)
class Teller:
    """One verifier's reports."""

    participant: Participant
    judges: Judges
    inbox: Inbox
    trials: TrialFeed

    def tell(self, event: Event, ledger: TaskLedger) -> None:
        """Report a challenge of ours, and the verdict on one of ours or one that we judged."""
        account, emit = self.participant.address, self.participant.observer.emit
        match event:
            case hub.Challenged(task=ledger.task, challenge=challenge) if challenge.challenger == account:
                accusation = self.inbox.accusations.get((event.node, challenge.sequence))
                reason = "" if accusation is None else accusation.reason.value
                judge = self.judges.name_of(challenge.judge)
                emit(
                    "challenged",
                    challenge_id=event.challenge_id,
                    node=event.node,
                    sequence=challenge.sequence,
                    judge=judge,
                    reason="withheld" if judge == "data" else reason,
                )
            case hub.Resolved():
                record = ledger.challenges.get(event.challenge_id)
                trial = self.trials.ledger.trials.get(event.challenge_id)
                judged = trial is not None and trial.binds(account)
                if record is not None and (judged or record.challenger == account):
                    emit(
                        "resolved",
                        challenge_id=event.challenge_id,
                        node=record.node,
                        guilty=event.guilty,
                    )
