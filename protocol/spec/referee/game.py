"""The dispute about one chunk's computation, twin of contracts/judges/CanonicalJudge.sol; docs/referee.md explains it.

The accused answers with the root of the referee's trace and the chunk's support, against which the chain judges the
TOPLOC proof. The challenger shows a wrong support, or descends with the accused to the first row of the trace that is
not the referee's, and executes one entry of it. Who is silent loses. What the chain would revert is
Rejected(REFEREE_MOVE) here: it costs the mover nothing but time. `rules.py` has the moves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.referee import layout, tree
from cupel.protocol.spec.rollout import LeafContext
from cupel.protocol.spec.task import ModelShape, Thresholds


class Verdict(Enum):
    """How a game stands."""

    PENDING = "pending"
    GUILTY = "guilty"
    NOT_GUILTY = "not guilty"
    DISMISSED = "dismissed"


class Stage(IntEnum):
    """What is to be done next; even numbers are the accused's moves, odd ones the challenger's."""

    ANSWER = 0
    CHARGE = 1
    NODE = 2
    CHILD = 3
    ROW = 4
    BLOCK_CHOICE = 5
    BLOCK = 6
    STEP = 7


@dataclass(frozen=True, slots=True)
class Terms:
    """What a judge was deployed with."""

    shape: ModelShape
    thresholds: Thresholds
    clock_seconds: int
    """A side's own for the whole game."""
    grace_seconds: int
    """What a move has at least."""

    @property
    def most_seconds(self) -> int:
        """No game lasts longer: both clocks, and every move in its last second."""
        levels = tree.depth(layout.row_count(self.shape, self.shape.positions))
        # Each side: its first word, one a level, row or block, block or step.
        return 2 * (self.clock_seconds + (levels + 3) * self.grace_seconds)

    @property
    def needed_seconds(self) -> int:
        """What a task's disputes must leave: the longest game, and a grace to end it."""
        return self.most_seconds + self.grace_seconds


@dataclass(frozen=True, slots=True)
class Matter:
    """What a game is about: the terms, and the challenged chunk of a commitment. The chain knows all of it."""

    terms: Terms
    context: LeafContext
    root: bytes
    """Of the commitment."""
    units: int
    chunk_tokens: int
    topk: int
    prompt: Callable[[int], tuple[int, ...]]
    """The tokens of a problem's prompt, as the task's reward rule says."""
    rollout: int
    chunk: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What the answer fixed."""

    tokens: int
    """Traced: the prompt's, and the completion's but for the last."""
    prompt_tokens: int
    problem: int
    policy_digest: bytes
    tokens_root: bytes
    num_tokens: int
    first: int
    """Position of the chunk's first state."""
    elements: int
    trace_root: bytes
    support: bytes


@dataclass(frozen=True, slots=True)
class Game:
    """Where a game stands. Fields that a stage has no use for keep their last value."""

    accused_seconds: int
    """Left of its clock."""
    challenger_seconds: int
    moved_at: int
    """When the last move was made."""
    stage: Stage = Stage.ANSWER
    chunk: Chunk | None = None
    node: bytes = b""
    """In dispute: a hash."""
    level: int = 0
    """Of the node above the leaves."""
    index: int = 0
    """Of the node among those of its level; in the end, of the row."""
    hashes: tuple[bytes, ...] = ()
    """The children, or the blocks, to pick from."""
    block: int = 0
    data: bytes = b""
    """Of the block."""

    @property
    def is_challengers(self) -> bool:
        """Whose move it is."""
        return bool(self.stage & 1)


Outcome = Game | Verdict


def begin(terms: Terms, now: int) -> Game:
    """The game that a challenge opens."""
    return Game(terms.clock_seconds, terms.clock_seconds, now)


def deadline(game: Game, terms: Terms) -> int:
    """A move counts before it."""
    left = game.challenger_seconds if game.is_challengers else game.accused_seconds
    return game.moved_at + max(left, terms.grace_seconds)


def time_out(game: Game, terms: Terms, now: int) -> Verdict:
    """What silence is worth. Rejected(REFEREE_MOVE) before the deadline."""
    require(now >= deadline(game, terms), "the mover has time left")
    return Verdict.NOT_GUILTY if game.is_challengers else Verdict.GUILTY


def require(condition: bool, detail: str) -> None:
    """Rejected(REFEREE_MOVE) unless the condition holds."""
    if not condition:
        raise Rejected(Reason.REFEREE_MOVE, detail)
