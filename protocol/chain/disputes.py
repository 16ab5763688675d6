"""Disputes of moves and clocks as a judge's events tell them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.challenges import challenges_beside
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Contract, Event, Logged
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.errors import EventsMissing

Record = TypeVar("Record")


class DisputeFeed(ABC, Generic[Record]):
    """Follows a judge's events through reorganisations."""

    def __init__(
        self, chain: ChainClient, hub: Hub, judge: Contract, first_block: int, opening: type[Event]
    ) -> None:
        """opening: the event that the judge emits in the same transaction as the hub its challenge."""
        self.games: Mapping[int, Record] = {}
        self._chain = chain
        self._hub = hub
        self._opening = opening
        self._cursor = LogCursor(chain, judge, first_block)
        self._events: list[Logged[Event]] = []
        self._waiting: deque[Logged[Event]] = deque()
        self._challenges: dict[int, structs.Challenge] = {}
        self._records: dict[int, Record] = {}

    async def refresh(self) -> None:
        """Take in what the judge did since the last call. ChainUnavailable; what was read then is kept."""
        progress = await self._cursor.advance()
        rewound = progress.rewound_to
        if rewound is not None:
            kept = [one for one in self._events if one.block_number <= rewound]
            self._waiting = deque(one for one in self._waiting if one.block_number <= rewound)
            self._events = []
            self._forget()
            for logged in kept:
                self._take(logged)
        self._waiting += progress.events
        while self._waiting:
            logged = self._waiting[0]
            if isinstance(logged.event, self._opening):
                self._challenges |= await challenges_beside(self._chain, self._hub, logged)
            self._take(logged)
            self._waiting.popleft()
        self.games = dict(self._records)

    def _forget(self) -> None:
        """Begin anew: the events are told again."""
        self._records = {}

    @abstractmethod
    def _apply(self, event: object) -> None:
        """Take in an event. KeyError if one that it refers to was never told."""

    def _take(self, logged: Logged[Event]) -> None:
        try:
            self._apply(logged.event)
        except KeyError as error:
            self._cursor.restart()
            self._waiting.clear()
            raise EventsMissing("the endpoint left out events of a dispute; reading all again") from error
        self._events.append(logged)
