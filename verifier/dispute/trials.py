"""The jury's trials and jurors as the JuryJudge's events tell them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cupel.protocol.chain.bindings import jury_judge as jury
from cupel.protocol.chain.bindings.jury_judge import JuryJudge
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.errors import EventsMissing
from cupel.verifier.dispute.trial import JuryRules, Round, Trial


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
                begun = Round(event.draw_block, event.commit_deadline, event.reveal_deadline)
                earlier = self.trials[event.challenge_id].rounds if event.round else ()
                self.trials[event.challenge_id] = Trial(event.challenge_id, (*earlier, begun))
            case jury.Appealed():
                self._change(event.challenge_id, appellant=event.appellant)
            case jury.JuryPostponed():
                self._change(event.challenge_id, draw_block=event.draw_block)
            case jury.JurySummoned():
                seats = dict(zip(event.jurors, event.seats, strict=True))
                self._change(event.challenge_id, seats=seats, changed_at=event.time)
            case jury.VoteCommitted():
                committed = self.trials[event.challenge_id].round.committed | {event.juror}
                self._change(event.challenge_id, committed=committed)
            case jury.VoteRevealed():
                votes = {**self.trials[event.challenge_id].round.votes, event.juror: event.guilty}
                self._change(event.challenge_id, votes=votes, changed_at=event.time)
            case jury.JuryClosed():
                trial = self.trials[event.challenge_id]
                self.trials[event.challenge_id] = dataclasses.replace(trial, closed=True)
            case jury.JurorRegistered():
                self.jurors.add(event.juror)
            case jury.JurorLeft():
                self.jurors.discard(event.juror)
            case jury.PlacesReduced() if event.places == event.stake == 0:
                self.jurors.discard(event.juror)

    def _change(self, challenge_id: int, **changes: Any) -> None:
        """Change the round that is on."""
        trial = self.trials[challenge_id]
        rounds = (*trial.rounds[:-1], dataclasses.replace(trial.round, **changes))
        self.trials[challenge_id] = dataclasses.replace(trial, rounds=rounds)


async def read_rules(judge: JuryJudge) -> JuryRules:
    """The judge's rules, which never change. ChainUnavailable."""
    appeals = await judge.max_appeals()
    return JuryRules(
        commit_seconds=await judge.commit_seconds(),
        appeal_seconds=await judge.appeal_seconds(),
        appeal_bonds=tuple([await judge.appeal_bond(number) for number in range(1, appeals + 1)]),
    )


class TrialFeed:
    """Follows a judge's events through reorganisations; without a judge, there is nothing to follow."""

    def __init__(self, chain: ChainClient, judge: JuryJudge | None, first_block: int) -> None:
        self.ledger = TrialLedger()
        self._events: list[Logged[Event]] = []
        self._cursor = None if judge is None else LogCursor(chain, judge, first_block)

    async def refresh(self) -> None:
        """Take in what the judge did since the last call. ChainUnavailable."""
        if self._cursor is None:
            return
        progress = await self._cursor.advance()
        ledger, kept = self.ledger, self._events
        if progress.rewound_to is not None:
            kept = [one for one in kept if one.block_number <= progress.rewound_to]
            ledger = TrialLedger.of(logged.event for logged in kept)
        try:
            for logged in progress.events:
                ledger.apply(logged.event)
        except KeyError as error:
            self._cursor.restart()
            raise EventsMissing("the endpoint left out events of the jury; reading all again") from error
        self.ledger, self._events = ledger, [*kept, *progress.events]
