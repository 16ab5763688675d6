"""Players of the dispute about a chunk that do not keep to the truth, and a table to play at."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.referee import tree
from cupel.protocol.spec.referee.execution import entry_bytes
from cupel.protocol.spec.referee.game import Game, Matter, Stage, Terms, Verdict, begin, deadline, time_out
from cupel.protocol.spec.referee.moves import Answer, Descend, Move, PickBlock, PickChild
from cupel.protocol.spec.referee.players import Challenger, Held, accused_move
from cupel.protocol.spec.referee.record import Record, leaf_of
from cupel.protocol.spec.referee.rules import play
from cupel.protocol.spec.referee.sides import Trace, Weights, trace_of
from cupel.protocol.spec.referee.trace import Kind
from cupel.protocol.testing.game_case import CHUNK_TOKENS, THRESHOLDS, TOPK, GameCase, tensors_of

CLOCK_SECONDS = 100
GRACE_SECONDS = 10
STARTED_AT = 1_700_000_300

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


@dataclass(frozen=True)
class Table:
    """A dispute about one chunk, with what both sides hold if they are honest."""

    case: GameCase
    matter: Matter
    trace: Trace
    held: Held

    @classmethod
    def of(cls, case: GameCase, rollout: int, chunk: int) -> Table:
        """An honest commitment in dispute."""
        terms = Terms(case.shape, THRESHOLDS, CLOCK_SECONDS, GRACE_SECONDS)
        prompts = {leaf.problem: prompt for leaf, prompt in zip(case.leaves, case.prompts, strict=True)}
        matter = Matter(
            terms=terms,
            context=case.context,
            root=case.commitment.root,
            units=case.commitment.units,
            chunk_tokens=CHUNK_TOKENS,
            topk=TOPK,
            prompt=prompts.__getitem__,
            rollout=rollout,
            chunk=chunk,
        )
        layout = layout_of(case.shape)
        trace = trace_of(case.shape, tensors_of(case.shape, case.parameters), case.sequence(rollout))
        held = Held(case.manifest, Weights(case.parameters, layout.tensors), case.rollouts[rollout].tokens)
        return cls(case, matter, trace, held)

    @property
    def answer(self) -> Answer:
        """The honest one."""
        return self.answer_of(self.trace)

    @property
    def place(self) -> tuple[int, int]:
        """Position of the chunk's first state, and how many it has."""
        rollout, first = self.matter.rollout, self.matter.chunk * CHUNK_TOKENS
        states = min(CHUNK_TOKENS, self.case.leaves[rollout].num_tokens - first)
        return len(self.case.prompts[rollout]) - 1 + first, states

    def answer_of(self, trace: Trace) -> Answer:
        """What an accused that stands by this trace answers."""
        rollout, chunk = self.matter.rollout, self.matter.chunk
        return Answer(
            leaf=self.case.leaves[rollout],
            leaf_proof=self.case.leaf_proof(rollout),
            proof=self.case.rollouts[rollout].proofs[chunk],
            proof_siblings=self.case.toploc_proof(rollout, chunk),
            trace_root=trace.record.root(),
            support=trace.support(*self.place, TOPK),
        )

    def accused(self, trace: Trace | None = None, answer: Answer | None = None) -> Side:
        """An accused that opens this trace, and answers this or what follows from the trace."""
        own = self.trace if trace is None else trace
        said = self.answer_of(own) if answer is None else answer
        return lambda game: accused_move(game, own, said)

    def challenger(self, trace: Trace | None = None) -> Side:
        """A challenger that holds this trace for the right one."""
        return Challenger(self.matter, self.trace if trace is None else trace, self.held).move

    def settle(
        self, accused: Side, challenger: Side, delay: Delay = at_once
    ) -> tuple[Verdict, int, list[Move]]:
        """Play to the end: the verdict, how long it took, and the moves."""
        now, moves = STARTED_AT, list[Move]()
        game = begin(self.matter.terms, now)
        while True:
            limit = deadline(game, self.matter.terms)
            move = (challenger if game.is_challengers else accused)(game)
            try:
                if move is None:
                    return time_out(game, self.matter.terms, limit), limit - STARTED_AT, moves
                now += delay(game, limit - now)
                outcome = play(game, self.matter, move, now)
            except Rejected:
                return time_out(game, self.matter.terms, limit), limit - STARTED_AT, moves
            moves.append(move)
            if isinstance(outcome, Verdict):
                return outcome, now - STARTED_AT, moves
            game = outcome

    def descended(self, number: int, block: int = 0) -> Game:
        """The game in which a challenger of an honest accused has gone to a block of a row."""
        game, accused = begin(self.matter.terms, STARTED_AT), self.accused()
        while game.stage is not Stage.STEP:
            move: Move | None
            match game.stage:
                case Stage.CHARGE:
                    move = Descend()
                case Stage.CHILD:
                    move = PickChild(number // tree.ARITY ** (game.level - 1) % tree.ARITY)
                case Stage.BLOCK_CHOICE:
                    move = PickBlock(block)
                case _:
                    move = accused(game)
            assert move is not None, "the accused answers"
            outcome = play(game, self.matter, move, game.moved_at)
            assert isinstance(outcome, Game), "nothing is decided on the way"
            game = outcome
        return game


def committed(table: Table, proof: bytes) -> Table:
    """The same dispute of a node that committed to another proof of the chunk."""
    case, rollout, chunk = table.case, table.matter.rollout, table.matter.chunk
    changed = list(case.rollouts[rollout].proofs)
    changed[chunk] = proof
    rollouts = list(case.rollouts)
    rollouts[rollout] = dataclasses.replace(case.rollouts[rollout], proofs=tuple(changed))
    return Table.of(case.commit(rollouts), rollout, chunk)


def altered(
    trace: Trace, number: int, *, through: bool = False, kind: int | None = None, shorter: bool = False
) -> Trace:
    """A trace with a false last entry in a row.

    through: in every later row as well. kind: what the row calls itself, if not what it is. shorter: it lacks that
    entry.
    """
    record = _copy(trace.record)
    for place in range(number, len(record.leaves) if through else number + 1):
        *blocks, last = record.blocks[place]
        *entries, entry = record.entries[place]
        size = entry_bytes(record.kinds[place])
        false = () if shorter else (entry ^ 1,)
        data = b"".join(one.to_bytes(size, "big", signed=True) for one in false)
        record.blocks[place] = (*blocks, last[:-size] + data)
        record.entries[place] = (*entries, *false)
        record.kinds[place] = Kind(record.kinds[place] if kind is None else kind)
        record.leaves[place] = leaf_of(record.kinds[place], len(record.entries[place]), record.blocks[place])
    return Trace(trace.shape, trace.tokens, record)


def tampered(trace: Trace, number: int, blocks: tuple[bytes, ...]) -> Trace:
    """A trace whose row holds these blocks, though it says that it is of the right length."""
    record = _copy(trace.record)
    record.blocks[number] = blocks
    record.leaves[number] = leaf_of(record.kinds[number], len(record.entries[number]), blocks)
    return Trace(trace.shape, trace.tokens, record)


def _copy(record: Record) -> Record:
    copy = Record()
    copy.kinds, copy.entries = list(record.kinds), list(record.entries)
    copy.blocks, copy.leaves = list(record.blocks), list(record.leaves)
    return copy
