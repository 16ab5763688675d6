"""Disputes of moves and clocks as one participant sees them: what is its to do. Pure, and the same for both sides.

All that a participant needs stands on the chain, so one that was restarted goes on where the chain says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.spec.aggregate.game import Game as VersionGame
from cupel.protocol.spec.referee.game import Game

# Who waits in vain ends a game; others step in this much later, instead of paying for the same transaction.
TURN_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class OpenedNode:
    """What the accused opened on the way down."""

    level: int
    index: int
    children: tuple[bytes, ...]


class Dispute(Protocol):
    """A game that its judge opened, whatever it is about."""

    @property
    def challenge_id(self) -> int:
        """Of the hub."""

    @property
    def challenge(self) -> Challenge:
        """Who accuses whom."""

    @property
    def ended(self) -> bool:
        """Whether the judge has decided."""

    @property
    def mover(self) -> str:
        """Whose move it is."""

    @property
    def waiter(self) -> str:
        """Who wins by the mover's silence."""


class _Turns:
    """Whose move it is, of a record."""

    __slots__ = ()
    challenge: Challenge
    game: Game | VersionGame

    @property
    def mover(self) -> str:
        """As `Dispute`."""
        return self.challenge.challenger if self.game.is_challengers else self.challenge.node

    @property
    def waiter(self) -> str:
        """As `Dispute`."""
        return self.challenge.node if self.game.is_challengers else self.challenge.challenger


@dataclass(frozen=True, slots=True)
class GameRecord(_Turns):
    """A dispute about computation, as the chain tells of it."""

    challenge_id: int
    challenge: Challenge
    rollout: int
    chunk: int
    game: Game
    opened: tuple[OpenedNode, ...] = ()
    """Nodes, from the root down."""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class VersionRecord(_Turns):
    """A dispute about a posted version, as the chain tells of it."""

    challenge_id: int
    challenge: Challenge
    game: VersionGame
    ended: bool = False


@dataclass(frozen=True, slots=True)
class MakeMove:
    """It is our turn, and there is time."""

    challenge_id: int


@dataclass(frozen=True, slots=True)
class EndGame:
    """The other side's time is up."""

    challenge_id: int


GameAction = MakeMove | EndGame


AnyDispute = TypeVar("AnyDispute", bound=Dispute)


def due(
    records: Iterable[AnyDispute],
    deadline: Callable[[AnyDispute], int],
    account: str,
    now: int,
    *,
    helps: bool,
) -> tuple[GameAction, ...]:
    """Everything to do now, the move with the least time left first.

    deadline: a move counts before it. now: the newest block's timestamp. helps: whether to end games of others that
    nobody ends.
    """
    running = [record for record in records if not record.ended and now < record.challenge.deadline]
    actions: list[GameAction] = []
    for record in sorted(running, key=deadline):
        end = deadline(record)
        if now < end:
            actions += [MakeMove(record.challenge_id)] if record.mover == account else []
        elif record.waiter == account or (helps and record.mover != account and now >= end + TURN_SECONDS):
            actions.append(EndGame(record.challenge_id))
    return tuple(actions)
