"""Plays what is ours of the disputes before one judge, in time: the same for a node and for a verifier."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from cupel.protocol.chain.contract import Call
from cupel.protocol.chain.errors import ChainError, ContractError
from cupel.protocol.config import ConfigError
from cupel.protocol.games import EndGame, GameRecord, MakeMove, due
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import POLL_SECONDS, Participant
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.referee.game import Matter, Terms
from cupel.protocol.spec.referee.moves import Answer, Attend, Move
from cupel.protocol.spec.referee.players import Challenger, Held, accused_move
from cupel.protocol.spec.referee.sides import Trace
from cupel.protocol.storage import StorageError

Recall = Callable[[GameRecord], Awaitable["Own"]]
"""What we hold of what is disputed. NetworkError while something of it cannot be had."""
Stand = Callable[["Own"], tuple[Answer | Attend, Trace]]
"""What an accused answers and opens."""


class Own(Protocol):
    """What a side plays from."""

    @property
    def matter(self) -> Matter:
        """What the game is about."""

    @property
    def trace(self) -> Trace:
        """The sequence's, by our own computation."""

    @property
    def held(self) -> Held:
        """What a challenger shows beside it."""

    @property
    def answer(self) -> Answer | Attend:
        """What an accused says first."""


class Court(Protocol):
    """The judge's games, and how to move in them."""

    @property
    def terms(self) -> Terms:
        """Of every game."""

    @property
    def games(self) -> Mapping[int, GameRecord]:
        """By challenge, as far as the chain was read."""

    async def refresh(self) -> None:
        """Read on. ChainUnavailable."""

    def move(self, record: GameRecord, move: Move) -> Call[Any]:
        """The transaction that makes a move."""

    def end(self, record: GameRecord) -> Call[Any]:
        """The transaction that ends a game whose mover was silent."""


def truthfully(own: Own) -> tuple[Answer | Attend, Trace]:
    """Answer with the referee's own trace."""
    return own.answer, own.trace


class GamePlayer:
    """Decides and sends; what the chain refuses is tried again after the next look at it."""

    def __init__(
        self,
        participant: Participant,
        court: Court,
        recall: Recall,
        *,
        helps: bool = False,
        stand: Stand = truthfully,
    ) -> None:
        """helps: whether to end games of others that nobody ends."""
        self._participant = participant
        self._court = court
        self._recall = recall
        self._helps = helps
        self._stand = stand
        self._held: dict[int, Own] = {}
        self._told: set[tuple[int, str]] = set()

    async def run(self) -> None:
        """Play until cancelled: silence loses, so it goes on beside whatever else takes long."""
        while True:
            try:
                await self._court.refresh()
                await self.play(await self._participant.chain.now())
            except (ChainError, ConfigError, StorageError) as error:
                self._tell(-1, error)
            await asyncio.sleep(POLL_SECONDS)

    async def play(self, now: int) -> None:
        """Do what is due at this block time. ChainUnavailable and TransactionTimeout as the client."""
        games, account = self._court.games, self._participant.address
        for action in due(games.values(), self._court.terms, account, now, helps=self._helps):
            record = games[action.challenge_id]
            try:
                match action:
                    case MakeMove():
                        await self._move(record)
                    case EndGame():
                        await self._participant.send("end game", self._court.end(record))
            except (ContractError, ConfigError, NetworkError, Rejected) as error:
                # Refused because somebody else was faster, it is gone when the chain is read again.
                self._tell(record.challenge_id, error)
        self._held = {
            number: held for number, held in self._held.items() if number in games and not games[number].ended
        }

    async def _move(self, record: GameRecord) -> None:
        own = self._held.get(record.challenge_id)
        if own is None:
            own = self._held[record.challenge_id] = await self._recall(record)
        move = await asyncio.to_thread(self._next, record, own)
        if move is None:
            return
        name = type(move).__name__
        await self._participant.send(f"dispute: {name}", self._court.move(record, move))
        self._participant.observer.emit("dispute", challenge_id=record.challenge_id, move=name)

    def _next(self, record: GameRecord, own: Own) -> Move | None:
        if not record.game.is_challengers:
            answer, trace = self._stand(own)
            return accused_move(record.game, trace, answer)
        challenger = Challenger(own.matter, own.trace, own.held)
        for node in record.opened:
            challenger.see(node.level, node.index, node.children)
        return challenger.move(record.game)

    def _tell(self, challenge_id: int, error: Exception) -> None:
        """Report a problem once: it is met again at every attempt."""
        if (challenge_id, str(error)) not in self._told:
            self._told.add((challenge_id, str(error)))
            self._participant.observer.emit("error", message=f"dispute {challenge_id}: {error}")
