"""A player does what is due, and nothing where the hub awaits no verdict any more."""

from __future__ import annotations

import asyncio
import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cupel.protocol.chain.bindings.structs import Challenge, ChallengeStatus
from cupel.protocol.chain.ledger import ChallengeRecord
from cupel.protocol.game_player import Player
from cupel.protocol.games import GameRecord
from cupel.protocol.spec.referee.game import Game

NODE, CHALLENGER, HUB = (f"0x{number:040x}" for number in (1, 2, 3))
CHALLENGE = Challenge(bytes(32), NODE, 4, HUB, CHALLENGER, HUB, 100, 10, 5000, bytes(32))
GAME = GameRecord(7, CHALLENGE, 1, 0, Game(60, 60, moved_at=1000))


class Calls(Player[GameRecord, str]):
    """Remembers nothing and says one word."""

    async def _remember(self, record: GameRecord) -> str:
        return "own"

    def _matter(self, record: GameRecord) -> object:
        return record.rollout

    def _next(self, record: GameRecord, own: str) -> object | None:
        return own


class World:
    """A node or challenger, a judge with one game, and the hub's word on its challenge."""

    def __init__(self, account: str, game: GameRecord = GAME, status: ChallengeStatus | None = None) -> None:
        self.sent: list[str] = []
        known = {} if status is None else {7: ChallengeRecord(7, CHALLENGE, b"", 900, status)}
        ledger = SimpleNamespace(challenges=known)
        participant = SimpleNamespace(
            address=account,
            ledger=SimpleNamespace(tasks={} if status is None else {CHALLENGE.task: ledger}),
            observer=SimpleNamespace(emit=lambda *_, **__: None),
            send=self._send,
        )
        court = SimpleNamespace(
            games={7: game}, deadline=lambda _: 1060, move=lambda *_: None, end=lambda _: None
        )
        self.player = Calls(cast(Any, participant), cast(Any, court))

    async def _send(self, action: str, _: object) -> None:
        self.sent.append(action)

    def play(self, now: int) -> list[str]:
        asyncio.run(self.player.play(now))
        return self.sent


@pytest.fixture(autouse=True)
def _no_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    # Spans are of a commitment that the ledgers here do not have.
    monkeypatch.setattr("cupel.protocol.game_player.origin_of", lambda *_: None)


def test_a_side_moves_in_its_turn_and_ends_what_the_other_let_go() -> None:
    assert World(NODE).play(1059) == ["dispute: str"]
    assert World(CHALLENGER).play(1059) == []
    assert World(CHALLENGER).play(1060) == ["end game"]
    assert World(CHALLENGER, status=ChallengeStatus.PENDING).play(1060) == ["end game"]


@pytest.mark.parametrize("status", [one for one in ChallengeStatus if one is not ChallengeStatus.PENDING])
def test_nothing_is_due_once_the_hub_has_closed_the_challenge(status: ChallengeStatus) -> None:
    assert World(CHALLENGER, status=status).play(1060) == []
    assert World(NODE, status=status).play(1059) == []


def test_what_a_game_needed_is_let_go_with_it() -> None:
    world = World(NODE, status=ChallengeStatus.PENDING)
    world.play(1059)
    assert set(world.player._held) == {7}
    ledger = cast(Any, world.player._participant.ledger.tasks[CHALLENGE.task])
    ledger.challenges[7] = dataclasses.replace(ledger.challenges[7], status=ChallengeStatus.MOOT)
    world.play(1059)
    assert world.player._held == {}
