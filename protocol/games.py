"""Disputes about computation as one participant sees them: what is its to do. Pure, and the same for both sides.

All that a participant needs stands on the chain, so one that was restarted goes on where the chain says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.spec.referee.game import Game, Terms, deadline

# Who waits in vain ends a game; others step in this much later, instead of paying for the same transaction.
TURN_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class OpenedNode:
    """What the accused opened on the way down."""

    level: int
    index: int
    children: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class GameRecord:
    """A game that its judge opened, as the chain tells of it."""

    challenge_id: int
    challenge: Challenge
    rollout: int
    chunk: int
    game: Game
    opened: tuple[OpenedNode, ...] = ()
    """Nodes, from the root down."""
    ended: bool = False

    @property
    def mover(self) -> str:
        """Whose move it is."""
        return self.challenge.challenger if self.game.is_challengers else self.challenge.node

    @property
    def waiter(self) -> str:
        """Who wins by the mover's silence."""
        return self.challenge.node if self.game.is_challengers else self.challenge.challenger


@dataclass(frozen=True, slots=True)
class MakeMove:
    """It is our turn, and there is time."""

    challenge_id: int


@dataclass(frozen=True, slots=True)
class EndGame:
    """The other side's time is up."""

    challenge_id: int


GameAction = MakeMove | EndGame


def due(
    records: Iterable[GameRecord], terms: Terms, account: str, now: int, *, helps: bool
) -> tuple[GameAction, ...]:
    """Everything to do now, the move with the least time left first.

    now: the newest block's timestamp. helps: whether to end games of others that nobody ends.
    """
    running = [record for record in records if not record.ended and now < record.challenge.deadline]
    actions: list[GameAction] = []
    for record in sorted(running, key=lambda one: deadline(one.game, terms)):
        end = deadline(record.game, terms)
        if now < end:
            actions += [MakeMove(record.challenge_id)] if record.mover == account else []
        elif record.waiter == account or (helps and record.mover != account and now >= end + TURN_SECONDS):
            actions.append(EndGame(record.challenge_id))
    return tuple(actions)
