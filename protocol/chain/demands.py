"""Demands for withheld data, as the DataJudge's events tell them: who shall show what, and what was shown."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cupel.protocol.chain.bindings import data_judge as data
from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.structs import Challenge, Demand
from cupel.protocol.chain.challenges import challenges_beside
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.errors import EventsMissing
from cupel.protocol.spec.demand import Answer, ChunkAnswer, LeafAnswer, ManifestAnswer, PieceAnswer


@dataclass(frozen=True, slots=True)
class DemandRecord:
    """A demand with the challenge it was made by: what the judge wants to see of it."""

    challenge_id: int
    challenge: Challenge
    demand: Demand
    shown: Answer | None = None
    """What was shown; the judge has checked it."""
    closed: bool = False
    """Whether it ended without an answer."""

    @property
    def open(self) -> bool:
        """Whether it waits for an answer, or to be closed."""
        return self.shown is None and not self.closed


@dataclass(slots=True)
class DemandLedger:
    """Every demand before one judge."""

    demands: dict[int, DemandRecord] = field(default_factory=dict)
    """By challenge, in order."""

    @classmethod
    def of(cls, events: Iterable[object], challenges: Mapping[int, Challenge]) -> DemandLedger:
        """The state after these events, in chain order from the judge's first."""
        ledger = cls()
        for event in events:
            ledger.apply(event, challenges)
        return ledger

    def apply(self, event: object, challenges: Mapping[int, Challenge]) -> None:
        """Take in one of the judge's events. `challenges` has the hub's challenge of every demand."""
        match event:
            case data.Demanded(challenge_id, demand=demand):
                challenge = challenges[challenge_id]
                self.demands[challenge_id] = DemandRecord(challenge_id, challenge, demand)
            case data.LeafShown():
                self._show(event.challenge_id, LeafAnswer(event.leaf, event.proof))
            case data.ChunkShown():
                shown = ChunkAnswer(event.leaf, event.proof, event.data, event.chunk_proof)
                self._show(event.challenge_id, shown)
            case data.ManifestShown():
                self._show(event.challenge_id, ManifestAnswer(event.manifest))
            case data.PieceShown():
                self._show(event.challenge_id, PieceAnswer(event.manifest, event.piece, event.proof))
            case data.DemandClosed(challenge_id):
                record = self.demands[challenge_id]
                self.demands[challenge_id] = dataclasses.replace(record, closed=True)

    def _show(self, challenge_id: int, shown: Answer) -> None:
        self.demands[challenge_id] = dataclasses.replace(self.demands[challenge_id], shown=shown)


class DemandFeed:
    """Follows a judge's events through reorganisations; without a judge, there is nothing to follow."""

    def __init__(self, chain: ChainClient, hub: Hub, judge: DataJudge | None, first_block: int) -> None:
        self.ledger = DemandLedger()
        self._chain = chain
        self._hub = hub
        self._events: list[Logged[Event]] = []
        self._waiting: deque[Logged[Event]] = deque()
        self._challenges: dict[int, Challenge] = {}
        self._cursor = None if judge is None else LogCursor(chain, judge, first_block)

    async def refresh(self) -> None:
        """Take in what the judge did since the last call. ChainUnavailable; what was read then is kept."""
        if self._cursor is None:
            return
        progress = await self._cursor.advance()
        rewound = progress.rewound_to
        if rewound is not None:
            self._events = [logged for logged in self._events if logged.block_number <= rewound]
            self._waiting = deque(logged for logged in self._waiting if logged.block_number <= rewound)
            self.ledger = DemandLedger.of((logged.event for logged in self._events), self._challenges)
        self._waiting += progress.events
        while self._waiting:
            logged = self._waiting[0]
            if isinstance(logged.event, data.Demanded):
                self._challenges |= await challenges_beside(self._chain, self._hub, logged)
                if logged.event.challenge_id not in self._challenges:
                    raise EventsMissing(f"the endpoint did not tell of challenge {logged.event.challenge_id}")
            self.ledger.apply(logged.event, self._challenges)
            self._events.append(self._waiting.popleft())
