"""Plays what is ours of the disputes before one judge, in time: the same for a node and for a verifier."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar

from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.contract import Call
from cupel.protocol.chain.errors import ChainError, ContractError
from cupel.protocol.chain.origins import origin_of
from cupel.protocol.config import ConfigError
from cupel.protocol.games import Dispute, EndGame, GameRecord, MakeMove, VersionRecord, due
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import POLL_SECONDS, Participant
from cupel.protocol.reenactment import Reenactment
from cupel.protocol.spans import note, span
from cupel.protocol.spec.aggregate import moves as version_moves
from cupel.protocol.spec.aggregate import players as version_players
from cupel.protocol.spec.aggregate.game import Terms as VersionTerms
from cupel.protocol.spec.aggregate.players import Making
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.referee.game import Matter
from cupel.protocol.spec.referee.moves import Answer, Attend, Move
from cupel.protocol.spec.referee.players import Challenger, Held, accused_move
from cupel.protocol.spec.referee.sides import Trace
from cupel.protocol.storage import StorageError

Record = TypeVar("Record", bound=Dispute)
Own = TypeVar("Own")
Side = TypeVar("Side", bound="Traced")
Stand = Callable[[Reenactment], tuple[Answer | Attend, Trace]]
"""What an accused answers and opens."""
RecallMaking = Callable[[VersionRecord], Awaitable[Making]]
"""What we hold of a disputed version. NetworkError while something of it cannot be had."""


class Traced(Protocol):
    """What a side of a dispute about a trace plays from."""

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


class Court(Protocol[Record]):
    """The judge's games, and how to move in them."""

    @property
    def games(self) -> Mapping[int, Record]:
        """By challenge, as far as the chain was read."""

    async def refresh(self) -> None:
        """Read on. ChainUnavailable."""

    def deadline(self, record: Record) -> int:
        """A move counts before it."""

    def move(self, record: Record, move: Any) -> Call[Any]:
        """The transaction that makes a move."""

    def end(self, record: Record) -> Call[Any]:
        """The transaction that ends a game whose mover was silent."""


class Player(ABC, Generic[Record, Own]):
    """Decides and sends; what the chain refuses is tried again after the next look at it."""

    def __init__(self, participant: Participant, court: Court[Record], *, helps: bool = False) -> None:
        """helps: whether to end games of others that nobody ends."""
        self._participant = participant
        self._court = court
        self._helps = helps
        self._held: dict[int, tuple[object, Own]] = {}
        self._told: set[tuple[int, str]] = set()

    @abstractmethod
    async def _remember(self, record: Record) -> Own:
        """What we hold of what a game is about. NetworkError while something of it cannot be had."""

    @abstractmethod
    def _matter(self, record: Record) -> object:
        """What a game is about now: something else has to be remembered anew."""

    @abstractmethod
    def _next(self, record: Record, own: Own) -> object | None:
        """What we say; None if we have no case."""

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
        games = {number: one for number, one in self._court.games.items() if self._is_open(one)}
        account = self._participant.address
        for action in due(games.values(), self._court.deadline, account, now, helps=self._helps):
            record = games[action.challenge_id]
            try:
                match action:
                    case MakeMove():
                        with self._span(record, "move"):
                            await self._move(record)
                    case EndGame():
                        with self._span(record, "end game"):
                            await self._participant.send("end game", self._court.end(record))
            except (ContractError, ConfigError, NetworkError, Rejected) as error:
                # Refused because somebody else was faster, it is gone when the chain is read again.
                self._tell(record.challenge_id, error)
        self._held = {number: held for number, held in self._held.items() if number in games}

    def _is_open(self, record: Record) -> bool:
        """Whether a verdict is to come: a game stands for ever where the hub closed its challenge without one."""
        ledger = self._participant.ledger.tasks.get(record.challenge.task)
        known = None if ledger is None else ledger.challenges.get(record.challenge_id)
        return not record.ended and (known is None or known.status is ChallengeStatus.PENDING)

    async def _move(self, record: Record) -> None:
        matter = self._matter(record)
        known, own = self._held.get(record.challenge_id, (None, None))
        if own is None or known != matter:
            own = await self._remember(record)
            self._held[record.challenge_id] = matter, own
        move = await asyncio.to_thread(self._next, record, own)
        if move is None:
            return
        name = type(move).__name__
        note(move=name)
        await self._participant.send(f"dispute: {name}", self._court.move(record, move))
        self._participant.observer.emit("dispute", challenge_id=record.challenge_id, move=name)

    def _span(self, record: Record, name: str) -> AbstractContextManager[None]:
        challenge = record.challenge
        ledger = self._participant.ledger.tasks.get(challenge.task)
        origin = origin_of(ledger, challenge.node, challenge.sequence)
        return span(name, origin, challenge=record.challenge_id, node=challenge.node)

    def _tell(self, challenge_id: int, error: Exception) -> None:
        """Report a problem once: it is met again at every attempt."""
        if (challenge_id, str(error)) not in self._told:
            self._told.add((challenge_id, str(error)))
            self._participant.observer.emit("error", message=f"dispute {challenge_id}: {error}")


def truthfully(own: Traced) -> tuple[Answer | Attend, Trace]:
    """Answer with the referee's own trace."""
    return own.answer, own.trace


class GamePlayer(Player[GameRecord, Side]):
    """Plays disputes about traces."""

    def __init__(
        self,
        participant: Participant,
        court: Court[GameRecord],
        recall: Callable[[GameRecord], Awaitable[Side]],
        *,
        helps: bool = False,
        stand: Callable[[Side], tuple[Answer | Attend, Trace]] = truthfully,
    ) -> None:
        """recall: what we hold of what is disputed; NetworkError while something of it cannot be had.

        stand: what we answer and open when we are accused.
        """
        super().__init__(participant, court, helps=helps)
        self._recall = recall
        self._stand = stand

    async def _remember(self, record: GameRecord) -> Side:
        return await self._recall(record)

    def _matter(self, record: GameRecord) -> object:
        return record.rollout, record.chunk

    def _next(self, record: GameRecord, own: Side) -> Move | None:
        if not record.game.is_challengers:
            answer, trace = self._stand(own)
            return accused_move(record.game, trace, answer)
        challenger = Challenger(own.matter, own.trace, own.held)
        for node in record.opened:
            challenger.see(node.level, node.index, node.children)
        return challenger.move(record.game)


class VersionPlayer(Player[VersionRecord, Making]):
    """Plays disputes about posted versions."""

    def __init__(
        self,
        participant: Participant,
        court: Court[VersionRecord],
        terms: VersionTerms,
        recall: RecallMaking,
        *,
        helps: bool = False,
    ) -> None:
        super().__init__(participant, court, helps=helps)
        self._terms = terms
        self._recall = recall

    async def _remember(self, record: VersionRecord) -> Making:
        return await self._recall(record)

    def _matter(self, record: VersionRecord) -> object:
        return record.game.matter

    def _next(self, record: VersionRecord, own: Making) -> version_moves.Move | None:
        if record.game.is_challengers:
            return version_players.challenger_move(record.game, self._terms, own)
        return version_players.accused_move(record.game, self._terms, own)
