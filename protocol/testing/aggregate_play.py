"""Players of the dispute about a version that do not keep to the truth, and a game from its beginning to its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from cupel.protocol.spec import pieces
from cupel.protocol.spec.aggregate import files
from cupel.protocol.spec.aggregate.game import Game, Stage, begin, deadline, time_out
from cupel.protocol.spec.aggregate.integers import Inputs, Term, next_integers
from cupel.protocol.spec.aggregate.moves import Move, ShowInputs
from cupel.protocol.spec.aggregate.players import Checkpoint, Making, accused_move, challenger_move
from cupel.protocol.spec.aggregate.rules import play
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.referee.game import Verdict
from cupel.protocol.testing.aggregate_case import AggregateCase

STARTED_AFTER = 20
"""Seconds from the posting to the challenge."""

Side = Callable[[Game], Move | None]
"""A player: its move, or silence. A move that may not be made counts as silence, too."""
Delay = Callable[[Game, int], int]
"""Seconds that a mover takes, of those it has until its deadline."""


def at_once(game: Game, seconds: int) -> int:
    """Moves in the same second."""
    return 0


def last_second(game: Game, seconds: int) -> int:
    """Moves as late as it may."""
    return seconds - 1


def honest_accused(case: AggregateCase, makings: Mapping[int, Making] | None = None) -> Side:
    """Shows what it holds: the truth, or what it takes for it."""
    held = case.makings if makings is None else makings
    return lambda game: accused_move(game, case.terms, held[game.matter.version])


def honest_challenger(case: AggregateCase, makings: Mapping[int, Making] | None = None) -> Side:
    """Compares with what it holds."""
    held = case.makings if makings is None else makings
    return lambda game: challenger_move(game, case.terms, held[game.matter.version])


def silent_from(side: Side, stage: Stage) -> Side:
    """Plays until this stage."""
    return lambda game: None if game.stage is stage else side(game)


def settle(
    case: AggregateCase, posted: Making, accused: Side, challenger: Side, delay: Delay = at_once
) -> tuple[Verdict, list[Move]]:
    """Play about this posted version to the end: the verdict and the moves."""
    now, moves = case.posted_at + STARTED_AFTER, list[Move]()
    game = begin(case.terms, case.matter_of(posted), now)
    while True:
        limit = deadline(game, case.terms)
        move = (challenger if game.is_challengers else accused)(game)
        try:
            if move is None:
                return time_out(game, case.terms, limit), moves
            now += delay(game, limit - now)
            outcome = play(game, case.table, move, now)
        except Rejected:
            return time_out(game, case.terms, limit), moves
        moves.append(move)
        if isinstance(outcome, Verdict):
            return outcome, moves
        game = outcome


def altered(making: Making, offset: int) -> Making:
    """The version with another byte in its checkpoint, and a manifest that goes with it."""
    data = bytearray(making.version.file)
    data[offset] ^= 1
    return dataclasses.replace(making, version=with_file(making.version, bytes(data)))


def with_file(version: Checkpoint, file: bytes) -> Checkpoint:
    """A manifest of another file, the rest of which stays."""
    head = pieces.head_of(file).to_bytes()
    return Checkpoint(head + version.manifest[pieces.HEAD_BYTES :], file)


def fitting_liar(case: AggregateCase, making: Making, lie: Callable[[Inputs], Inputs]) -> Side:
    """Stands by a false integer with inputs that give it."""

    def move(game: Game) -> Move:
        said = accused_move(game, case.terms, making)
        return ShowInputs(lie(said.inputs)) if isinstance(said, ShowInputs) else said

    return move


def lie_about(inputs: Inputs, kind: str) -> Inputs:
    """Inputs of which one is false. kind: weight, momentum, mantissa or exponent."""
    if kind == "weight":
        return dataclasses.replace(inputs, weight=inputs.weight + 1)
    if kind == "momentum":
        return dataclasses.replace(inputs, momentum=inputs.momentum + (1 << 14))
    *before, last = inputs.terms
    if kind == "mantissa":
        last = Term(last.mantissa + (1 if last.mantissa < 0 else -1), last.exponent)
    else:
        last = Term(last.mantissa, last.exponent + 1)
    return dataclasses.replace(inputs, terms=(*before, last))


def fitting_version(case: AggregateCase, making: Making, place: files.Place, inputs: Inputs) -> Making:
    """The version with the integer that these inputs give in place of its own."""
    weight, momentum = next_integers(inputs, case.terms.aggregation)
    integer = weight if place.is_weight else momentum
    data = bytearray(making.version.file)
    data[place.start : place.start + place.size] = integer.to_bytes(place.size, "little", signed=True)
    return dataclasses.replace(making, version=with_file(making.version, bytes(data)))
