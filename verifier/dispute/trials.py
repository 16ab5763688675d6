"""The jury's trials and jurors as the JuryJudge's events tell them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cupel.protocol.chain.bindings import jury_judge as jury
from cupel.verifier.dispute.solver import Trial


@dataclass(slots=True)
class TrialLedger:
    """Every trial of a JuryJudge, and whose stake it holds."""

    trials: dict[int, Trial] = field(default_factory=dict)
    jurors: set[str] = field(default_factory=set)
    """Accounts that can take a stake back, drawn or not."""

    @classmethod
    def of(cls, events: Iterable[object]) -> TrialLedger:
        """The state after these events, in chain order from the judge's first."""
        ledger = cls()
        for event in events:
            ledger.apply(event)
        return ledger

    def apply(self, event: object) -> None:
        """Take in one of the judge's events."""
        match event:
            case jury.JuryRequested():
                number = event.challenge_id
                self.trials[number] = Trial(
                    number, event.draw_block, event.commit_deadline, event.reveal_deadline
                )
            case jury.JuryPostponed():
                self._change(event.challenge_id, draw_block=event.draw_block)
            case jury.JurySummoned():
                self._change(event.challenge_id, jurors=event.jurors)
            case jury.VoteCommitted():
                committed = self.trials[event.challenge_id].committed | {event.juror}
                self._change(event.challenge_id, committed=committed)
            case jury.VoteRevealed():
                revealed = self.trials[event.challenge_id].revealed | {event.juror}
                self._change(event.challenge_id, revealed=revealed)
            case jury.JuryClosed():
                self._change(event.challenge_id, closed=True)
            case jury.JurorRegistered():
                self.jurors.add(event.juror)
            case jury.JurorLeft():
                self.jurors.discard(event.juror)
            case jury.JurorEvicted() if event.stake == 0:
                self.jurors.discard(event.juror)

    def _change(self, challenge_id: int, **changes: Any) -> None:
        self.trials[challenge_id] = dataclasses.replace(self.trials[challenge_id], **changes)
