"""How either side of a dispute about a chunk plays: pure, from a trace that it computed itself.

The honest accused opens what it committed to and is never in the wrong. The honest challenger compares what it is shown
with its own trace and always goes to the first difference, so everything a step reads is the same on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cupel.protocol.spec import merkle
from cupel.protocol.spec.referee import layout, tree
from cupel.protocol.spec.referee.execution import entry_bytes, read_entries
from cupel.protocol.spec.referee.game import Chunk, Game, Matter, Stage
from cupel.protocol.spec.referee.layout import Part, Row
from cupel.protocol.spec.referee.moves import (
    AccusedMove,
    Answer,
    Attend,
    ChallengerMove,
    Descend,
    Execute,
    Omitted,
    OpenBlock,
    OpenNode,
    OpenRow,
    PickBlock,
    PickChild,
    RowOpening,
    TokenOpening,
    Unlike,
)
from cupel.protocol.spec.referee.sides import Trace, Weights
from cupel.protocol.spec.rollout import token_chunks
from cupel.protocol.spec.toploc.activations import top_points
from cupel.protocol.spec.toploc.support import decode_support


def accused_move(game: Game, trace: Trace, answer: Answer | Attend) -> AccusedMove:
    """What the accused says next. answer: what it said, or says, at first."""
    match game.stage:
        case Stage.ANSWER:
            return answer
        case Stage.NODE:
            return OpenNode(trace.node(game.level, game.index))
        case Stage.ROW:
            blocks = tuple(merkle.leaf_hash(block) for block in trace.record.blocks[game.index])
            return OpenRow(trace.record.kinds[game.index], len(trace.record.entries[game.index]), blocks)
        case Stage.BLOCK:
            return OpenBlock(trace.record.blocks[game.index][game.block])
    raise AssertionError(f"the challenger moves at {game.stage.name}")


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What a challenger shows beside its trace."""

    manifest: bytes
    """Of the version that the leaf names."""
    weights: Weights
    completion: tuple[int, ...]
    """All its tokens."""


class Challenger:
    """Plays one game from its own trace and what the accused has opened of another."""

    def __init__(self, matter: Matter, trace: Trace, held: Held) -> None:
        self._matter = matter
        self._trace = trace
        self._held = held
        self._opened: dict[tuple[int, int], tuple[bytes, ...]] = {}
        self._bad = next(
            (place for place, token in enumerate(trace.tokens) if token >= trace.shape.vocabulary), None
        )

    def see(self, level: int, index: int, children: tuple[bytes, ...]) -> None:
        """Take note of a node that the accused opened: what is shown later stands under it."""
        self._opened[level, index] = children

    def move(self, game: Game) -> ChallengerMove | None:
        """What it says next; None if it has no case."""
        assert game.chunk is not None, "answered"
        match game.stage:
            case Stage.CHARGE:
                return self._charge(game.chunk)
            case Stage.CHILD:
                return self._child(game)
            case Stage.BLOCK_CHOICE:
                own = [merkle.leaf_hash(block) for block in self._trace.record.blocks[game.index]]
                return PickBlock(_first_difference(own, game.hashes))
            case Stage.STEP:
                return self.execute(game, self._wrong_entry(game))
        raise AssertionError(f"the accused moves at {game.stage.name}")

    def _charge(self, chunk: Chunk) -> ChallengerMove | None:
        if chunk.trace_root != self._trace.record.root() or self._bad is not None:
            return Descend()
        if not chunk.support:
            return None
        topk, width = self._matter.topk, self._trace.shape.width
        patterns = self._trace.patterns(chunk.first, chunk.elements // width)
        points = decode_support(chunk.support, topk, chunk.elements)
        for place, (element, pattern) in enumerate(points[: chunk.elements]):
            if patterns[element] != pattern:
                return Unlike(place, self.final(chunk, element))
        listed = {element for element, _ in points}
        for element, _ in top_points(patterns, topk)[: chunk.elements]:
            if element not in listed:
                return Omitted(element, self.final(chunk, element))
        return None

    def final(self, chunk: Chunk, element: int) -> RowOpening:
        """The final row that holds an element of the chunk."""
        return self._opening(self._trace.final_row(chunk.first + element // self._trace.shape.width))

    def _child(self, game: Game) -> ChallengerMove:
        self.see(game.level, game.index, game.hashes)
        own = self._trace.node(game.level, game.index)
        differing = [place for place in range(tree.ARITY) if own[place] != game.hashes[place]]
        if self._bad is not None:
            above, place = divmod(self._bad // tree.ARITY ** (game.level - 1), tree.ARITY)
            differing += [place] if above == game.index else []
        return PickChild(min(differing))

    def _opening(self, number: int) -> RowOpening:
        """Of a row left of the first difference, or of any where there is none, under the accused's root."""
        nodes = []
        for level in range(1, tree.depth(len(self._trace.record.leaves)) + 1):
            place = level, number // tree.ARITY**level
            nodes.append(self._opened.get(place) or self._trace.node(*place))
        return RowOpening(self._trace.record.blocks[number], tuple(nodes))

    def execute(self, game: Game, entry: int) -> Execute:
        """Charge this entry of the opened block with being false."""
        assert game.chunk is not None, "answered"
        trace, shape = self._trace, self._trace.shape
        row = layout.locate(shape, len(trace.tokens), game.index)
        column, token = tree.BLOCK_ENTRIES * game.block + entry, trace.tokens[row.position]
        sources = layout.sources(shape, len(trace.tokens), row, column)
        weights: tuple[int, ...] = ()
        if token < shape.vocabulary or row.part is not Part.EMBED:
            weights = layout.weight_rows(shape, row, column, token)
        return Execute(
            entry=entry,
            sources=tuple(self._opening(number) for number in sources),
            weights=tuple(self._held.weights.opening(number) for number in weights),
            manifest=self._held.manifest if weights else b"",
            token=self._token(game.chunk, row) if row.part is Part.EMBED else None,
        )

    def _wrong_entry(self, game: Game) -> int:
        row = layout.locate(self._trace.shape, len(self._trace.tokens), game.index)
        claims = read_entries(game.data, entry_bytes(row.kind))
        start = tree.BLOCK_ENTRIES * game.block
        return _first_difference(self._trace.record.entries[game.index][start:], claims)

    def _token(self, chunk: Chunk, row: Row) -> TokenOpening | None:
        """The chunk of tokens that is read at an embedding's position; None where the prompt is read."""
        place = row.position - chunk.prompt_tokens
        if place < 0:
            return None
        chunks = token_chunks(self._held.completion, self._matter.chunk_tokens)
        index = place // self._matter.chunk_tokens
        siblings = merkle.proof([merkle.leaf_hash(data) for data in chunks], index)
        return TokenOpening(chunks[index], siblings)


def _first_difference(own: Sequence[object], others: Sequence[object]) -> int:
    """0 where there is none: a token that no policy has makes all of its row wrong."""
    return next((place for place, other in enumerate(others) if other != own[place]), 0)
