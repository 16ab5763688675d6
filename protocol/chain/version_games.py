"""Disputes about posted versions as the AggregateJudge's events tell them, and the transactions that move in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from cupel.protocol.chain.bindings import aggregate_judge as court
from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.bindings.aggregate_judge import AggregateJudge
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import ZERO_ADDRESS, Call
from cupel.protocol.chain.disputes import DisputeFeed
from cupel.protocol.games import VersionRecord
from cupel.protocol.spec.aggregate import moves
from cupel.protocol.spec.aggregate.game import Claim, Entry, Game, Matter, Stage, Terms, deadline
from cupel.protocol.spec.aggregate.integers import Inputs, unpack
from cupel.protocol.spec.task import Aggregation, TaskParams

_NOBODY: Final = structs.AggregateEntry(ZERO_ADDRESS, structs.Commitment(0, 0, bytes(32), bytes(32), 0, 0))


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """What the judge wants to see again."""

    game: structs.AggregateGame
    matter: structs.AggregateMatter
    claim: structs.AggregateClaim | None = None
    inputs: structs.AggregateInputs | None = None


class VersionFeed(DisputeFeed[VersionRecord]):
    """The judge's games. Satisfies `Court`."""

    def __init__(
        self,
        chain: ChainClient,
        hub: Hub,
        judge: AggregateJudge,
        terms: Terms,
        params_of: Callable[[bytes], TaskParams],
        first_block: int,
    ) -> None:
        """params_of: a task's. KeyError where the hub's events were not read as far."""
        super().__init__(chain, hub, judge, first_block, court.VersionDisputed)
        self.terms = terms
        self._judge = judge
        self._params_of = params_of
        self._shown: dict[int, Shown] = {}

    def _forget(self) -> None:
        super()._forget()
        self._shown = {}

    def deadline(self, record: VersionRecord) -> int:
        """A move counts before it."""
        return deadline(record.game, self.terms)

    def end(self, record: VersionRecord) -> Call[Any]:
        """The transaction that ends a game whose mover was silent."""
        return self._judge.time_out(record.challenge, self._shown[record.challenge_id].game)

    def move(self, record: VersionRecord, move: moves.Move) -> Call[Any]:
        """The transaction that makes a move."""
        judge, number, challenge = self._judge, record.challenge_id, record.challenge
        shown, game = self._shown[number], record.game
        if isinstance(move, moves.Answer):
            return judge.answer(challenge, shown.game, shown.matter, _answer(move))
        if isinstance(move, moves.OpenNode):
            return judge.open_node(number, shown.game, move.children)
        claim = shown.claim
        assert claim is not None, "answered"
        match move:
            case moves.PickChild():
                return judge.pick_child(number, shown.game, claim, game.children, move.child)
            case moves.ShowPiece():
                return judge.show_piece(challenge, shown.game, claim, move.piece)
            case moves.NameInteger():
                return judge.name_integer(number, shown.game, claim, move.offset)
            case moves.ShowInputs():
                return judge.show_inputs(challenge, shown.game, claim, game.piece, _inputs(move.inputs))
            case moves.Descend():
                return judge.descend(number, shown.game, claim)
            case moves.GoBack():
                return judge.go_back(number, shown.game, shown.matter, claim)
        return self._charge(record, shown, claim, move)

    def _charge(
        self, record: VersionRecord, shown: Shown, claim: structs.AggregateClaim, move: moves.Move
    ) -> Call[Any]:
        judge, challenge, told = self._judge, record.challenge, record.game.claim
        assert told is not None, "answered"
        match move:
            case moves.Omitted():
                omitted = _entry(move.entry)
                return judge.charge_omitted(challenge, shown.game, shown.matter, claim, told.nodes, omitted)
            case moves.Decided():
                return judge.charge_decided(challenge, shown.game, shown.matter, claim, _entry(move.earlier))
            case moves.Counted():
                fault = _fault(move.fault)
                return judge.charge_fault(challenge, shown.game, shown.matter, claim, told.manifests, fault)
            case moves.WrongHeader():
                opening = _opening(move.parent_piece)
                piece = record.game.piece
                return judge.charge_header(challenge, shown.game, claim, piece, move.offset, opening)
        inputs = shown.inputs
        assert inputs is not None, "shown"
        if isinstance(move, moves.RefuteParent):
            opening = _opening(move.opening)
            return judge.refute_parent(challenge, shown.game, claim, inputs, move.is_weight, opening)
        assert isinstance(move, moves.RefuteTerm), "there is no other move"
        term = structs.AggregateTerm(
            told.manifests, move.term, move.is_mantissa, move.manifest, _opening(move.piece)
        )
        return judge.refute_term(challenge, shown.game, claim, inputs, term)

    def _apply(self, event: object) -> None:
        match event:
            case court.VersionDisputed(challenge_id, game=game, matter=matter):
                challenge = self._challenges.get(challenge_id)
                if challenge is None:
                    # Of a contract that is no judge of the hub's, and plays with itself.
                    return
                self._shown[challenge_id] = Shown(game, matter)
                self._records[challenge_id] = VersionRecord(
                    challenge_id, challenge, _game(game, self._matter(matter))
                )
            case court.WentBack(challenge_id, game=game, matter=matter) if challenge_id in self._records:
                self._note(challenge_id, game=game, matter=matter, claim=None)
                self._go_on(challenge_id, game, matter=self._matter(matter), claim=None)
            case court.VersionAnswered(
                challenge_id, game=game, claim=claim, nodes=nodes, manifests=manifests
            ) if challenge_id in self._records:
                self._note(challenge_id, game=game, claim=claim)
                self._go_on(challenge_id, game, claim=_claim(claim, nodes, manifests))
            case court.NodeOpened(challenge_id, game=game, children=children) if (
                challenge_id in self._records
            ):
                self._note(challenge_id, game=game)
                self._go_on(challenge_id, game, children=children)
            case court.PieceShown(challenge_id, game=game, piece=piece) if challenge_id in self._records:
                self._note(challenge_id, game=game)
                self._go_on(challenge_id, game, piece=piece)
            case court.InputsShown(challenge_id, game=game, inputs=inputs) if challenge_id in self._records:
                self._note(challenge_id, game=game, inputs=inputs)
                told = Inputs(inputs.weight, inputs.momentum, unpack(inputs.terms))
                self._go_on(challenge_id, game, inputs=told)
            case court.VersionDescended() | court.ChildPicked() | court.IntegerNamed():
                if event.challenge_id in self._records:
                    self._note(event.challenge_id, game=event.game)
                    self._go_on(event.challenge_id, event.game)
            case court.VersionSettled(challenge_id) if challenge_id in self._records:
                record = self._records[challenge_id]
                self._records[challenge_id] = dataclasses.replace(record, ended=True)

    def _note(self, challenge_id: int, **shown: Any) -> None:
        self._shown[challenge_id] = dataclasses.replace(self._shown[challenge_id], **shown)

    def _go_on(self, challenge_id: int, game: structs.AggregateGame, **told: Any) -> None:
        """The next stage, with what the event tells beside the game that the judge keeps the hash of."""
        record = self._records[challenge_id]
        kept = {
            name: getattr(record.game, name) for name in ("matter", "claim", "children", "piece", "inputs")
        }
        kept |= told
        changed = dataclasses.replace(_game(game, kept.pop("matter")), **kept)
        self._records[challenge_id] = dataclasses.replace(record, game=changed)

    def _matter(self, matter: structs.AggregateMatter) -> Matter:
        params = self._params_of(matter.task)
        return Matter(matter.version, matter.digest, matter.back, matter.posted_at, params)


async def read_version_terms(judge: AggregateJudge) -> Terms:
    """What the judge was deployed with. ChainUnavailable."""
    rule = await judge.rule()
    aggregation = Aggregation(
        rule.learning_rate_numerator,
        rule.learning_rate_denominator,
        rule.momentum_numerator,
        rule.momentum_denominator,
    )
    clock, grace = await judge.clock_seconds(), await judge.grace_seconds()
    return Terms(rule.parameters, aggregation, rule.max_exponent_offset, clock, grace)


def _game(game: structs.AggregateGame, matter: Matter) -> Game:
    return Game(
        accused_seconds=game.accused_seconds,
        challenger_seconds=game.challenger_seconds,
        moved_at=game.moved_at,
        matter=matter,
        stage=Stage(game.stage),
        node=game.node,
        level=game.level,
        index=game.index,
        offset=game.offset,
    )


def _claim(claim: structs.AggregateClaim, nodes: tuple[str, ...], manifests: tuple[bytes, ...]) -> Claim:
    return Claim(
        version=claim.version,
        root=claim.root,
        parent_digest=claim.parent_digest,
        parent_root=claim.parent_root,
        file_bytes=claim.file_bytes,
        decided_at=claim.decided_at,
        given_up=claim.given_up,
        nodes=tuple(nodes),
        manifests=tuple(manifests),
    )


def _answer(move: moves.Answer) -> structs.AggregateAnswer:
    return structs.AggregateAnswer(
        manifest=move.manifest,
        parent_at=move.parent_at,
        parent_manifest=move.parent_manifest,
        earliest=_NOBODY if move.earliest is None else _entry(move.earliest),
        entries=tuple(map(_entry, move.entries)),
        faults=tuple(map(_fault, move.faults)),
        unreadable=move.unreadable,
    )


def _entry(entry: Entry) -> structs.AggregateEntry:
    return structs.AggregateEntry(entry.node, structs.Commitment(*dataclasses.astuple(entry.commitment)))


def _fault(fault: moves.Fault) -> structs.AggregateFault:
    return structs.AggregateFault(fault.entry, fault.manifest, fault.offset, _opening(fault.piece))


def _opening(opening: moves.PieceOpening) -> structs.PieceOpening:
    return structs.PieceOpening(opening.data, opening.proof)


def _inputs(inputs: Inputs) -> structs.AggregateInputs:
    return structs.AggregateInputs(inputs.weight, inputs.momentum, inputs.packed())
