"""The dispute about a posted version, twin of contracts/judges/AggregateJudge.sol; docs/aggregate.md explains it.

The accused shows its version's manifest and its parent's, and which commitments it is made of. The challenger shows
that these are others, or descends with the accused into the checkpoint to one integer, of which the accused says what
it is made from: two bytes of each update. The chain computes it, and the challenger opens the input that is false. Who
is silent loses. What the chain would revert is Rejected(REFEREE_MOVE) here. `rules.py` has the moves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Protocol

from cupel.protocol.spec import merkle
from cupel.protocol.spec.aggregate.integers import Inputs
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT
from cupel.protocol.spec.pieces import num_pieces
from cupel.protocol.spec.referee.game import Verdict, require
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.rounds import PostRecord, decided_at, given_up_at, round_start
from cupel.protocol.spec.task import MEAN, Aggregation, TaskParams, TaskSpec

MAX_BACK: Final = 3
"""How often a challenger may go back to the version before."""
STRIDE: Final = 4
"""Levels of the tree over a checkpoint's pieces that one move opens."""
RING_ROUNDS: Final = 31
"""So many rounds after a commitment its node's ring of 64 still holds it."""
_INTEGER_BYTES: Final = 12
_MAX_HEADER_BYTES: Final = 2**20


class Stage(IntEnum):
    """What is to be done next; even numbers are the accused's moves, odd ones the challenger's."""

    ANSWER = 0
    CHARGE = 1
    NODE = 2
    CHILD = 3
    PIECE = 4
    ENTRY = 5
    INPUTS = 6
    REFUTATION = 7


@dataclass(frozen=True, slots=True)
class Terms:
    """What a judge was deployed with."""

    parameters: int
    aggregation: Aggregation
    max_exponent_offset: int
    clock_seconds: int
    """A side's own for the whole game."""
    grace_seconds: int
    """What a move has at least."""

    @property
    def max_exponent(self) -> int:
        """Largest block exponent of an update."""
        return self.max_exponent_offset + MIN_EXPONENT

    @property
    def needed_seconds(self) -> int:
        """What a task's disputes must leave: the longest game, and a grace to end it."""
        levels = merkle.depth(num_pieces(_INTEGER_BYTES * self.parameters + _MAX_HEADER_BYTES))
        # Each side: an answer for each version, one for each opening of a node, and its last two.
        words = 1 + MAX_BACK + -(-levels // STRIDE) + 2
        return 2 * (self.clock_seconds + words * self.grace_seconds) + self.grace_seconds


def settles(terms: Terms, spec: TaskSpec, parameters: int, dispute_seconds: int) -> bool:
    """Whether a judge of these terms settles what versions a task's updates make, in time."""
    rule = spec.aggregation
    return (
        (rule.rule, rule.codec) == (MEAN, "mxint8")
        and terms.aggregation == rule
        and terms.parameters == parameters
        and terms.max_exponent_offset == spec.recipe.max_exponent_offset
        and terms.needed_seconds <= dispute_seconds
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A commitment of a node."""

    node: str
    commitment: Commitment


class Rings(Protocol):
    """What the hub says of its members' commitments."""

    def holds(self, entry: Entry) -> bool:
        """Whether the node's ring holds this commitment."""

    def slashed_at(self, node: str) -> int | None:
        """When the node was slashed."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What a game is about: a version that the accused posted, or one that it rests on."""

    version: int
    digest: bytes
    back: int
    """How many times the challenger went back."""
    posted_at: int
    """When the accused posted."""
    params: TaskParams

    def decided_at(self, first: int) -> int:
        """Beginning of the round in which the version, or a later one, was first posted, if that was then."""
        return decided_at(self.params, self.version - 1, [PostRecord(self.version, first)], first)

    @property
    def given_up_at(self) -> int:
        """From when on a version is its parent once more."""
        return given_up_at(self.params, self.version - 1)

    @property
    def last_answer(self) -> int:
        """Until then rings hold the commitments that the version is made of."""
        return round_start(self.params, self.version - 1 + RING_ROUNDS)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the answer fixed."""

    version: int
    root: bytes
    """Over the pieces of the version's checkpoint."""
    parent_digest: bytes
    parent_root: bytes
    file_bytes: int
    """Of either checkpoint."""
    decided_at: int
    """Slashings before it count for the version."""
    given_up: bool
    nodes: tuple[str, ...]
    """Whose commitments are accepted, ascending."""
    manifests: tuple[bytes, ...]
    """Their manifests, but for those whose update is none."""


@dataclass(frozen=True, slots=True)
class Game:
    """Where a game stands. Fields that a stage has no use for keep their last value."""

    accused_seconds: int
    """Left of its clock."""
    challenger_seconds: int
    moved_at: int
    """When the last move was made."""
    matter: Matter
    stage: Stage = Stage.ANSWER
    claim: Claim | None = None
    node: bytes = b""
    """In dispute: a hash."""
    level: int = 0
    """Of the node above the pieces."""
    index: int = 0
    """Of the node among those of its level; in the end, of the piece."""
    children: tuple[bytes, ...] = field(default=(), repr=False)
    """Of the node in dispute, up to four levels below."""
    piece: bytes = field(default=b"", repr=False)
    offset: int = 0
    """Of the disputed integer in the file."""
    inputs: Inputs | None = None

    @property
    def is_challengers(self) -> bool:
        """Whose move it is."""
        return bool(self.stage & 1)

    @property
    def stride(self) -> int:
        """Levels that the next opening goes down."""
        return min(STRIDE, self.level)


Outcome = Game | Verdict


def begin(terms: Terms, matter: Matter, now: int) -> Game:
    """The game that a challenge opens. Rejected(REFEREE_MOVE) where a ring may have forgotten what it takes."""
    require_young(terms, matter, now)
    return Game(terms.clock_seconds, terms.clock_seconds, now, matter)


def require_young(terms: Terms, matter: Matter, now: int) -> None:
    """Rejected(REFEREE_MOVE) unless the next answer finds the commitments of the round in their rings."""
    answered = now + max(terms.clock_seconds, terms.grace_seconds)
    require(answered <= matter.last_answer, "too old")


def deadline(game: Game, terms: Terms) -> int:
    """A move counts before it."""
    left = game.challenger_seconds if game.is_challengers else game.accused_seconds
    return game.moved_at + max(left, terms.grace_seconds)


def time_out(game: Game, terms: Terms, now: int) -> Verdict:
    """What silence is worth. Rejected(REFEREE_MOVE) before the deadline."""
    require(now >= deadline(game, terms), "the mover has time left")
    return Verdict.NOT_GUILTY if game.is_challengers else Verdict.GUILTY
