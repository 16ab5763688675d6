"""What each move of the dispute about a chunk leads to. See `game.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.referee import layout, tree
from cupel.protocol.spec.referee.execution import block_lengths, compute, entry_bytes, read_entries
from cupel.protocol.spec.referee.fixed import to_patterns
from cupel.protocol.spec.referee.game import (
    Chunk,
    Game,
    Matter,
    Outcome,
    Stage,
    Verdict,
    deadline,
    require,
)
from cupel.protocol.spec.referee.layout import Part, Row
from cupel.protocol.spec.referee.moves import (
    Answer,
    Descend,
    Execute,
    Move,
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
from cupel.protocol.spec.referee.openings import opened_row, opened_weights, shown_root
from cupel.protocol.spec.rollout import TOKEN_BYTES, leaf_hash
from cupel.protocol.spec.toploc.activations import MAGNITUDE_MASK
from cupel.protocol.spec.toploc.support import decode_support
from cupel.protocol.spec.toploc.verdict import judge


def play(game: Game, matter: Matter, move: Move, now: int) -> Outcome:
    """What a move leads to. Rejected(REFEREE_MOVE) for one that may not be made."""
    require(now < deadline(game, matter.terms), "too late")
    require(type(move) in _RULES, "no move of a dispute about a chunk")
    stage, rule = _RULES[type(move)]
    require(game.stage is stage, f"not at stage {game.stage.name}")
    outcome = rule(game, matter, move)
    if isinstance(outcome, Verdict):
        return outcome
    spent = now - game.moved_at
    if game.is_challengers:
        left = max(0, game.challenger_seconds - spent)
        return dataclasses.replace(outcome, challenger_seconds=left, moved_at=now)
    return dataclasses.replace(outcome, accused_seconds=max(0, game.accused_seconds - spent), moved_at=now)


def _answer(game: Game, matter: Matter, move: Answer) -> Outcome:
    leaf, shape = move.leaf, matter.terms.shape
    hash_ = leaf_hash(matter.context, leaf)
    shown = merkle.verify(matter.root, hash_, matter.rollout, matter.units, move.leaf_proof)
    require(shown, "not the rollout's leaf")
    first_token = matter.chunk * matter.chunk_tokens
    if first_token >= leaf.num_tokens:
        # A chunk that the rollout does not have cannot be false.
        return Verdict.NOT_GUILTY
    chunks = -(-leaf.num_tokens // matter.chunk_tokens)
    proof_hash = merkle.leaf_hash(move.proof)
    shown = merkle.verify(leaf.toploc_root, proof_hash, matter.chunk, chunks, move.proof_siblings)
    require(shown, "not the chunk's proof")
    prompt = matter.prompt(leaf.problem)
    tokens = len(prompt) + leaf.num_tokens - 1
    require(tokens <= shape.positions, "a sequence longer than the model's")
    states = min(matter.chunk_tokens, leaf.num_tokens - first_token)
    elements = states * shape.width
    refused = judge(move.proof, move.support, matter.topk, elements, matter.terms.thresholds)
    if refused is not None:
        require(refused.reason is not Reason.TOPLOC_SUPPORT, refused.detail)
        return Verdict.GUILTY
    chunk = Chunk(
        tokens=tokens,
        prompt_tokens=len(prompt),
        problem=leaf.problem,
        policy_digest=leaf.policy_digest,
        tokens_root=leaf.tokens_root,
        num_tokens=leaf.num_tokens,
        first=len(prompt) - 1 + first_token,
        elements=elements,
        trace_root=move.trace_root,
        support=move.support,
    )
    return dataclasses.replace(game, stage=Stage.CHARGE, chunk=chunk)


def _omitted(game: Game, matter: Matter, move: Omitted) -> Outcome:
    chunk = _chunk(game)
    points = decode_support(chunk.support, matter.topk, chunk.elements)
    require(0 <= move.element < chunk.elements, "no element of the chunk")
    require(move.element not in {index for index, _ in points}, "the element is listed")
    pattern = _final_pattern(chunk, matter, move.element, move.opening)
    last, least = points[-1]
    above = (-(pattern & MAGNITUDE_MASK), move.element) < (-(least & MAGNITUDE_MASK), last)
    require(above, "the element does not belong on the list")
    return Verdict.GUILTY


def _unlike(game: Game, matter: Matter, move: Unlike) -> Outcome:
    chunk = _chunk(game)
    points = decode_support(chunk.support, matter.topk, chunk.elements)
    require(0 <= move.point < min(matter.topk, chunk.elements), "no point of the list")
    element, pattern = points[move.point]
    require(pattern != _final_pattern(chunk, matter, element, move.opening), "the point is right")
    return Verdict.GUILTY


def _descend(game: Game, matter: Matter, move: Descend) -> Outcome:
    chunk = _chunk(game)
    levels = tree.depth(layout.row_count(matter.terms.shape, chunk.tokens))
    return dataclasses.replace(game, stage=Stage.NODE, node=chunk.trace_root, level=levels, index=0)


def _open_node(game: Game, matter: Matter, move: OpenNode) -> Outcome:
    require(len(move.children) == tree.ARITY, "a node has 16 children")
    require(tree.node_hash(move.children) == game.node, "not the node in dispute")
    present = _present(game, matter)
    require(not any(map(any, move.children[present:])), "a child where no row is")
    return dataclasses.replace(game, stage=Stage.CHILD, hashes=move.children)


def _pick_child(game: Game, matter: Matter, move: PickChild) -> Outcome:
    require(0 <= move.child < _present(game, matter), "no row is there")
    level = game.level - 1
    return dataclasses.replace(
        game,
        stage=Stage.NODE if level else Stage.ROW,
        node=game.hashes[move.child],
        level=level,
        index=tree.ARITY * game.index + move.child,
    )


def _open_row(game: Game, matter: Matter, move: OpenRow) -> Outcome:
    preimage = bytes([move.kind]) + move.length.to_bytes(4, "big") + tree.root(move.blocks)
    require(merkle.leaf_hash(preimage) == game.node, "not the row in dispute")
    row, length = _row(game, matter)
    if (move.kind, move.length) != (row.kind, length):
        return Verdict.GUILTY
    require(len(move.blocks) == len(block_lengths(length)), "a row of that length has other blocks")
    if len(move.blocks) == 1:
        return dataclasses.replace(game, stage=Stage.BLOCK, node=move.blocks[0], block=0)
    return dataclasses.replace(game, stage=Stage.BLOCK_CHOICE, hashes=move.blocks)


def _pick_block(game: Game, matter: Matter, move: PickBlock) -> Outcome:
    require(0 <= move.block < len(game.hashes), "no such block")
    return dataclasses.replace(game, stage=Stage.BLOCK, node=game.hashes[move.block], block=move.block)


def _open_block(game: Game, matter: Matter, move: OpenBlock) -> Outcome:
    require(merkle.leaf_hash(move.data) == game.node, "not the block in dispute")
    row, length = _row(game, matter)
    if len(move.data) != block_lengths(length)[game.block] * entry_bytes(row.kind):
        return Verdict.GUILTY
    return dataclasses.replace(game, stage=Stage.STEP, data=move.data)


def _execute(game: Game, matter: Matter, move: Execute) -> Outcome:
    chunk, shape = _chunk(game), matter.terms.shape
    row, _ = _row(game, matter)
    claims = read_entries(game.data, entry_bytes(row.kind))
    require(0 <= move.entry < len(claims), "no entry of the block")
    column = game.block * tree.BLOCK_ENTRIES + move.entry
    numbers = layout.sources(shape, chunk.tokens, row, column)
    require(len(numbers) == len(move.sources), "other sources")
    sources = [
        opened_row(shape, chunk.tokens, chunk.trace_root, number, opening)
        for number, opening in zip(numbers, move.sources, strict=True)
    ]
    token = 0
    if row.part is Part.EMBED:
        token = _token(chunk, matter, row.position, move.token)
        if token >= shape.vocabulary:
            return Verdict.GUILTY
    numbers = layout.weight_rows(shape, row, column, token)
    require(len(numbers) == len(move.weights), "other weights")
    weights = []
    if numbers:
        root = shown_root(move.manifest, chunk.policy_digest)
        length = shape.feed_forward if row.part is Part.FEED_OUT else shape.width
        weights = [
            opened_weights(shape, root, number, length, opening)
            for number, opening in zip(numbers, move.weights, strict=True)
        ]
    require(compute(shape, row, column, sources, weights) != claims[move.entry], "the entry is right")
    return Verdict.GUILTY


_RULES: Final[dict[type[Any], tuple[Stage, Callable[[Game, Matter, Any], Outcome]]]] = {
    Answer: (Stage.ANSWER, _answer),
    Omitted: (Stage.CHARGE, _omitted),
    Unlike: (Stage.CHARGE, _unlike),
    Descend: (Stage.CHARGE, _descend),
    OpenNode: (Stage.NODE, _open_node),
    PickChild: (Stage.CHILD, _pick_child),
    OpenRow: (Stage.ROW, _open_row),
    PickBlock: (Stage.BLOCK_CHOICE, _pick_block),
    OpenBlock: (Stage.BLOCK, _open_block),
    Execute: (Stage.STEP, _execute),
}


def _chunk(game: Game) -> Chunk:
    assert game.chunk is not None, "answered"
    return game.chunk


def _row(game: Game, matter: Matter) -> tuple[Row, int]:
    """The row in dispute and its length."""
    shape = matter.terms.shape
    row = layout.locate(shape, _chunk(game).tokens, game.index)
    return row, layout.row_length(shape, row)


def _present(game: Game, matter: Matter) -> int:
    """Children of the node in dispute that stand above rows."""
    rows = layout.row_count(matter.terms.shape, _chunk(game).tokens)
    below: int = tree.ARITY ** (game.level - 1)
    return min(tree.ARITY, -(-rows // below) - tree.ARITY * game.index)


def _final_pattern(chunk: Chunk, matter: Matter, element: int, opening: RowOpening) -> int:
    """The bfloat16 pattern of an element of the chunk."""
    shape = matter.terms.shape
    state, column = divmod(element, shape.width)
    row = Row(Part.FINAL_NORM, 0, 0, chunk.first + state)
    number = layout.row_index(shape, chunk.tokens, row)
    entries = opened_row(shape, chunk.tokens, chunk.trace_root, number, opening)
    return int(to_patterns(np.array([entries[column]], dtype=np.int64)).item())


def _token(chunk: Chunk, matter: Matter, position: int, opening: TokenOpening | None) -> int:
    """The token that is read at a position."""
    if position < chunk.prompt_tokens:
        prompt = matter.prompt(chunk.problem)
        return prompt[position]
    if opening is None:
        raise Rejected(Reason.REFEREE_MOVE, "the token is not shown")
    index, place = divmod(position - chunk.prompt_tokens, matter.chunk_tokens)
    chunks = -(-chunk.num_tokens // matter.chunk_tokens)
    hash_ = merkle.leaf_hash(opening.chunk)
    shown = merkle.verify(chunk.tokens_root, hash_, index, chunks, opening.siblings)
    require(shown and len(opening.chunk) >= TOKEN_BYTES * (place + 1), "not the chunk of tokens")
    return int.from_bytes(opening.chunk[TOKEN_BYTES * place : TOKEN_BYTES * (place + 1)], "big")
