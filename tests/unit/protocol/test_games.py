"""Whose turn it is, and who ends a game that the other side let go."""

import dataclasses

import pytest

from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.games import TURN_SECONDS, EndGame, GameAction, GameRecord, MakeMove, due
from cupel.protocol.spec.referee.game import Game, Stage, Terms, deadline
from cupel.protocol.testing.builders import example_spec

NODE, CHALLENGER, OTHER = (f"0x{number:040x}" for number in (1, 2, 3))
TERMS = Terms(example_spec().model, example_spec().thresholds, clock_seconds=60, grace_seconds=5)
CHALLENGE = Challenge(bytes(32), NODE, 4, OTHER, CHALLENGER, OTHER, 100, 10, 5000, bytes(32))
ANSWERS = GameRecord(7, CHALLENGE, 1, 0, Game(60, 60, moved_at=1000))
PICKS = dataclasses.replace(ANSWERS, challenge_id=8, game=Game(60, 2, moved_at=1000, stage=Stage.CHILD))


@pytest.mark.parametrize(
    ("record", "account", "now", "helps", "expected"),
    [
        (ANSWERS, NODE, 1000, False, (MakeMove(7),)),
        (ANSWERS, NODE, 1059, False, (MakeMove(7),)),
        (ANSWERS, NODE, 1060, True, ()),
        (ANSWERS, CHALLENGER, 1059, True, ()),
        (ANSWERS, CHALLENGER, 1060, False, (EndGame(7),)),
        (ANSWERS, OTHER, 1060 + TURN_SECONDS, False, ()),
        (ANSWERS, OTHER, 1059 + TURN_SECONDS, True, ()),
        (ANSWERS, OTHER, 1060 + TURN_SECONDS, True, (EndGame(7),)),
        # Two seconds are left on the clock; the grace gives five.
        (PICKS, CHALLENGER, 1004, False, (MakeMove(8),)),
        (PICKS, CHALLENGER, 1005, True, ()),
        (PICKS, NODE, 1004, False, ()),
        (PICKS, NODE, 1005, False, (EndGame(8),)),
        (dataclasses.replace(PICKS, ended=True), NODE, 1005, False, ()),
        # The hub does not take a verdict any more.
        (PICKS, NODE, 5000, False, ()),
    ],
)
def test_what_is_due(
    record: GameRecord, account: str, now: int, helps: bool, expected: tuple[GameAction, ...]
) -> None:
    assert due([record], ends, account, now, helps=helps) == expected


def ends(record: GameRecord) -> int:
    """By the terms."""
    return deadline(record.game, TERMS)


def test_the_move_with_the_least_time_comes_first() -> None:
    later = dataclasses.replace(ANSWERS, challenge_id=9, game=Game(60, 60, moved_at=1001))
    assert due([later, ANSWERS], ends, NODE, 1010, helps=False) == (MakeMove(7), MakeMove(9))
