"""Disputes about computation as their judge's events tell them, and the transactions that move in them.

The judge is the one of computation, or the one of attention: from the accused's first word on both play the same game.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from cupel.protocol.chain.bindings import attention_judge as attention
from cupel.protocol.chain.bindings import canonical_judge as court
from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.bindings.attention_judge import AttentionJudge
from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Call
from cupel.protocol.chain.disputes import DisputeFeed
from cupel.protocol.games import GameRecord, OpenedNode
from cupel.protocol.spec.referee import moves
from cupel.protocol.spec.referee.game import Chunk, Game, Stage, Terms, deadline
from cupel.protocol.spec.task import ModelShape, TaskParams, Thresholds


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """What the judge wants to see again."""

    game: structs.CanonicalGame
    matter: structs.CanonicalMatter
    chunk: structs.CanonicalChunk | None = None


class GameFeed(DisputeFeed[GameRecord]):
    """The judge's games. Satisfies `Court`."""

    def __init__(
        self,
        chain: ChainClient,
        hub: Hub,
        judge: CanonicalJudge | AttentionJudge,
        terms: Terms,
        first_block: int,
        audit: TaskParams | None = None,
    ) -> None:
        """audit: the audit task that a judge of attention is followed for."""
        self._kinds: Any = attention if isinstance(judge, AttentionJudge) else court
        super().__init__(chain, hub, judge, first_block, self._kinds.GameOpened)
        self.terms = terms
        self._judge = judge
        self._audit = audit
        self._shown: dict[int, Shown] = {}

    def _forget(self) -> None:
        super()._forget()
        self._shown = {}

    def deadline(self, record: GameRecord) -> int:
        """A move counts before it."""
        return deadline(record.game, self.terms)

    def move(self, record: GameRecord, move: moves.Move) -> Call[Any]:
        """The transaction that makes a move."""
        judge, number, challenge = self._judge, record.challenge_id, record.challenge
        shown, game = self._shown[number], record.game
        chunk = shown.chunk
        match move:
            case moves.Attend():
                return self._attend(record, move)
            case moves.Answer():
                assert isinstance(judge, CanonicalJudge), "an answer of the judge of computation"
                leaf = structs.RolloutLeaf(*dataclasses.astuple(move.leaf))
                said = structs.CanonicalAnswer(
                    leaf, move.leaf_proof, move.proof, move.proof_siblings, move.trace_root, move.support
                )
                return judge.answer(challenge, shown.game, shown.matter, said)
            case moves.OpenNode():
                return judge.open_node(number, shown.game, move.children)
            case moves.PickChild():
                return judge.pick_child(number, shown.game, game.hashes, move.child)
            case moves.OpenRow():
                return judge.open_row(challenge, shown.game, move.kind, move.length, move.blocks)
            case moves.PickBlock():
                return judge.pick_block(number, shown.game, game.hashes, move.block)
            case moves.OpenBlock():
                return judge.open_block(challenge, shown.game, move.data)
        assert chunk is not None, "answered"
        assert game.chunk is not None, "answered"
        match move:
            case moves.Descend():
                return judge.descend(number, shown.game, chunk)
            case moves.Omitted():
                assert isinstance(judge, CanonicalJudge), "a charge of the judge of computation"
                final, support = _opening(move.opening), game.chunk.support
                return judge.charge_omitted(challenge, shown.game, chunk, support, move.element, final)
            case moves.Unlike():
                assert isinstance(judge, CanonicalJudge), "a charge of the judge of computation"
                final, support = _opening(move.opening), game.chunk.support
                return judge.charge_unlike(challenge, shown.game, chunk, support, move.point, final)
            case moves.Execute():
                return judge.execute(challenge, shown.game, chunk, _step(game, move))

    def _attend(self, record: GameRecord, move: moves.Attend) -> Call[Any]:
        judge, shown = self._judge, self._shown[record.challenge_id]
        assert isinstance(judge, AttentionJudge), "an answer of the judge of attention"
        assert self._audit is not None, "followed for an audit task"
        said = structs.AttentionAnswer(
            move.node,
            move.target,
            structs.RolloutLeaf(*dataclasses.astuple(move.audited)),
            move.audited_proof,
            move.trace_root,
            move.answer_proof,
        )
        return judge.answer(record.challenge, shown.game, shown.matter, self._audit, said)

    def end(self, record: GameRecord) -> Call[Any]:
        """The transaction that ends a game whose mover was silent."""
        return self._judge.time_out(record.challenge, self._shown[record.challenge_id].game)

    def _apply(self, event: object) -> None:
        kinds = self._kinds
        match event:
            case kinds.GameOpened(challenge_id, game=game, matter=matter):
                self._shown[challenge_id] = Shown(game, matter)
                challenge = self._challenges[challenge_id]
                self._records[challenge_id] = GameRecord(
                    challenge_id, challenge, matter.rollout, matter.chunk, _game(game)
                )
            case kinds.GameAnswered(challenge_id, game=game, chunk=chunk, support=support):
                self._shown[challenge_id] = dataclasses.replace(self._shown[challenge_id], chunk=chunk)
                self._go_on(challenge_id, game, chunk=_chunk(chunk, support, game.tokens))
            case kinds.NodeOpened(challenge_id, game=game, children=children):
                opened = OpenedNode(game.level, game.index, children)
                record = self._records[challenge_id]
                self._records[challenge_id] = dataclasses.replace(record, opened=(*record.opened, opened))
                self._go_on(challenge_id, game, hashes=children)
            case kinds.RowOpened(challenge_id, game=game, blocks=blocks):
                self._go_on(challenge_id, game, hashes=blocks)
            case kinds.BlockOpened(challenge_id, game=game, data=data):
                self._go_on(challenge_id, game, data=data)
            case kinds.GameDescended() | kinds.ChildPicked() | kinds.BlockPicked():
                self._go_on(event.challenge_id, event.game)
            case kinds.GameEnded(challenge_id):
                record = self._records[challenge_id]
                self._records[challenge_id] = dataclasses.replace(record, ended=True)

    def _go_on(self, challenge_id: int, game: structs.CanonicalGame, **told: Any) -> None:
        """The next stage, with what the event tells beside the game that the judge keeps the hash of."""
        record = self._records[challenge_id]
        self._shown[challenge_id] = dataclasses.replace(self._shown[challenge_id], game=game)
        kept = {"chunk": record.game.chunk, "hashes": record.game.hashes, "data": record.game.data}
        self._records[challenge_id] = dataclasses.replace(
            record, game=dataclasses.replace(_game(game), **(kept | told))
        )


async def read_terms(judge: CanonicalJudge | AttentionJudge, architecture: str) -> Terms:
    """What the judge was deployed with. architecture: of the model it computes, which its code does not name."""
    shape, limits = await judge.shape(), await judge.thresholds()
    return Terms(
        ModelShape(architecture, *dataclasses.astuple(shape)),
        Thresholds(*dataclasses.astuple(limits)),
        await judge.clock_seconds(),
        await judge.grace_seconds(),
    )


def _game(game: structs.CanonicalGame) -> Game:
    return Game(
        accused_seconds=game.accused_seconds,
        challenger_seconds=game.challenger_seconds,
        moved_at=game.moved_at,
        stage=Stage(game.stage),
        node=game.node,
        level=game.level,
        index=game.index,
        block=game.part,
    )


def _chunk(chunk: structs.CanonicalChunk, support: bytes, tokens: int) -> Chunk:
    return Chunk(
        tokens=tokens,
        prompt_tokens=chunk.prompt_tokens,
        problem=chunk.problem,
        policy_digest=chunk.policy_digest,
        tokens_root=chunk.tokens_root,
        num_tokens=chunk.num_tokens,
        first=chunk.first,
        elements=chunk.elements,
        trace_root=chunk.trace_root,
        support=support,
    )


def _opening(opening: moves.RowOpening) -> structs.RowOpening:
    return structs.RowOpening(b"".join(opening.blocks), opening.nodes)


def _step(game: Game, move: moves.Execute) -> structs.CanonicalStep:
    token = move.token
    return structs.CanonicalStep(
        data=game.data,
        entry=move.entry,
        sources=tuple(_opening(one) for one in move.sources),
        weights=tuple(_opening(one) for one in move.weights),
        manifest=move.manifest,
        tokens=b"" if token is None else token.chunk,
        tokens_proof=() if token is None else token.siblings,
    )
