"""What each move of the dispute about a version leads to. See `game.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from cupel.protocol.spec import merkle
from cupel.protocol.spec.aggregate import files
from cupel.protocol.spec.aggregate.game import (
    MAX_BACK,
    Claim,
    Entry,
    Game,
    Matter,
    Outcome,
    Rings,
    Stage,
    Terms,
    deadline,
    require_young,
)
from cupel.protocol.spec.aggregate.integers import Inputs, next_integers
from cupel.protocol.spec.aggregate.moves import (
    Answer,
    Counted,
    Decided,
    Descend,
    Fault,
    GoBack,
    Move,
    NameInteger,
    Omitted,
    OpenNode,
    PickChild,
    PieceOpening,
    RefuteParent,
    RefuteTerm,
    ShowInputs,
    ShowPiece,
    WrongHeader,
)
from cupel.protocol.spec.diloco.blocks import MAX_MANTISSA, MIN_EXPONENT
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import PIECE_BYTES, Head, num_pieces
from cupel.protocol.spec.referee.game import Verdict, require
from cupel.protocol.spec.shardcast.manifest import MAX_MANIFEST_BYTES


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Where a game is played: the judge's terms, and the hub beside it."""

    terms: Terms
    rings: Rings


def play(game: Game, table: Table, move: Move, now: int) -> Outcome:
    """What a move leads to. Rejected(REFEREE_MOVE) for one that may not be made."""
    require(now < deadline(game, table.terms), "too late")
    stage, rule = _RULES[type(move)]
    require(game.stage is stage, f"not at stage {game.stage.name}")
    outcome = rule(game, table, move)
    if isinstance(outcome, Verdict):
        return outcome
    if outcome.matter != game.matter:
        require_young(table.terms, outcome.matter, now)
    spent = now - game.moved_at
    if game.is_challengers:
        left = max(0, game.challenger_seconds - spent)
        return dataclasses.replace(outcome, challenger_seconds=left, moved_at=now)
    return dataclasses.replace(outcome, accused_seconds=max(0, game.accused_seconds - spent), moved_at=now)


def _answer(game: Game, table: Table, move: Answer) -> Outcome:
    matter = game.matter
    head, parent_head = _head(move.manifest), _head(move.parent_manifest)
    require(sha256(move.manifest) == matter.digest, "not the version's manifest")
    parent = sha256(move.parent_manifest)
    require(files.names_parent(move.manifest, move.parent_at, parent), "not the parent's manifest")
    is_genesis = matter.version != 1 or parent == matter.params.genesis_digest
    if not is_genesis or head.file_bytes != parent_head.file_bytes:
        return Verdict.GUILTY
    first = matter.posted_at if move.earliest is None else _posting(matter, table, move.earliest)
    decided = matter.decided_at(first)
    given_up = decided >= matter.given_up_at
    require(not (given_up and move.entries), "the round was given up")
    nodes = [int(entry.node, 16) for entry in move.entries]
    require(nodes == sorted(set(nodes)), "out of order")
    for entry in move.entries:
        require(_is_accepted(matter, table, decided, entry), "a commitment that is not accepted")
    faulty = [fault.entry for fault in move.faults]
    require(faulty == sorted(set(faulty)), "faults out of order")
    for fault in move.faults:
        require(0 <= fault.entry < len(move.entries), "no such entry")
        _check_fault(table.terms, move.entries[fault.entry].commitment.manifest, fault)
    if move.unreadable:
        return Verdict.DISMISSED
    claim = Claim(
        version=matter.version,
        root=head.root,
        parent_digest=parent,
        parent_root=parent_head.root,
        file_bytes=head.file_bytes,
        decided_at=decided,
        given_up=given_up,
        nodes=tuple(entry.node for entry in move.entries),
        manifests=tuple(
            entry.commitment.manifest for number, entry in enumerate(move.entries) if number not in faulty
        ),
    )
    return dataclasses.replace(game, stage=Stage.CHARGE, claim=claim)


def _omitted(game: Game, table: Table, move: Omitted) -> Outcome:
    claim = _claim(game)
    is_accepted = _is_accepted(game.matter, table, claim.decided_at, move.entry)
    require(is_accepted and not claim.given_up and move.entry.node not in claim.nodes, "nothing is missing")
    return Verdict.GUILTY


def _decided(game: Game, table: Table, move: Decided) -> Outcome:
    decided = game.matter.decided_at(_posting(game.matter, table, move.earlier))
    require(decided < _claim(game).decided_at, "it was not decided earlier")
    return Verdict.GUILTY


def _counted(game: Game, table: Table, move: Counted) -> Outcome:
    manifests = _claim(game).manifests
    require(0 <= move.fault.entry < len(manifests), "no such update")
    _check_fault(table.terms, manifests[move.fault.entry], move.fault)
    return Verdict.GUILTY


def _go_back(game: Game, table: Table, move: GoBack) -> Outcome:
    matter = game.matter
    require(matter.back < MAX_BACK and matter.version > 1, "no way back")
    earlier = dataclasses.replace(
        matter, version=matter.version - 1, digest=_claim(game).parent_digest, back=matter.back + 1
    )
    return dataclasses.replace(game, stage=Stage.ANSWER, matter=earlier, claim=None)


def _descend(game: Game, table: Table, move: Descend) -> Outcome:
    claim = _claim(game)
    level = merkle.depth(num_pieces(claim.file_bytes))
    stage = Stage.NODE if level else Stage.PIECE
    return dataclasses.replace(game, stage=stage, node=claim.root, level=level, index=0)


def _open_node(game: Game, table: Table, move: OpenNode) -> Outcome:
    require(len(move.children) == 1 << game.stride, "another number of children")
    require(merkle.root(move.children) == game.node, "not the node in dispute")
    return dataclasses.replace(game, stage=Stage.CHILD, children=move.children)


def _pick_child(game: Game, table: Table, move: PickChild) -> Outcome:
    require(0 <= move.child < len(game.children), "no such child")
    level = game.level - game.stride
    index = (game.index << game.stride) + move.child
    require(index << level < num_pieces(_claim(game).file_bytes), "no piece is there")
    stage = Stage.NODE if level else Stage.PIECE
    return dataclasses.replace(game, stage=stage, node=game.children[move.child], level=level, index=index)


def _show_piece(game: Game, table: Table, move: ShowPiece) -> Outcome:
    require(sha256(move.piece) == game.node, "not the piece in dispute")
    if len(move.piece) != min(PIECE_BYTES, _claim(game).file_bytes - game.index * PIECE_BYTES):
        return Verdict.GUILTY
    return dataclasses.replace(game, stage=Stage.ENTRY, piece=move.piece)


def _wrong_header(game: Game, table: Table, move: WrongHeader) -> Outcome:
    claim, place = _claim(game), move.offset - game.index * PIECE_BYTES
    require(0 <= place < len(game.piece), "not in the piece")
    require(files.locate(claim.file_bytes, table.terms.parameters, move.offset) is None, "not in the header")
    data = _piece(claim.parent_root, claim.file_bytes, move.offset, move.parent_piece)
    require(data[place] != game.piece[place], "the byte is right")
    return Verdict.GUILTY


def _name_integer(game: Game, table: Table, move: NameInteger) -> Outcome:
    require(0 <= move.offset - game.index * PIECE_BYTES < len(game.piece), "not in the piece")
    place = files.locate(_claim(game).file_bytes, table.terms.parameters, move.offset)
    require(place is not None and place.start == move.offset, "no integer begins there")
    return dataclasses.replace(game, stage=Stage.INPUTS, offset=move.offset)


def _show_inputs(game: Game, table: Table, move: ShowInputs) -> Outcome:
    claim, terms = _claim(game), table.terms
    require(len(move.inputs.terms) == len(claim.manifests), "another number of terms")
    for term in move.inputs.terms:
        is_term = term.mantissa >= -MAX_MANTISSA and MIN_EXPONENT <= term.exponent <= terms.max_exponent
        require(is_term, "no update has such a term")
    place = files.locate(claim.file_bytes, terms.parameters, game.offset)
    assert place is not None, "an integer was named"
    weight, momentum = next_integers(move.inputs, terms.aggregation)
    found = files.integer(game.piece, game.offset % PIECE_BYTES, place)
    if found != (weight if place.is_weight else momentum):
        return Verdict.GUILTY
    return dataclasses.replace(game, stage=Stage.REFUTATION, inputs=move.inputs)


def _refute_parent(game: Game, table: Table, move: RefuteParent) -> Outcome:
    claim, inputs, coordinate = _claim(game), _inputs(game), _coordinate(game, table)
    find = files.weight_at if move.is_weight else files.momentum_at
    place = find(claim.file_bytes, table.terms.parameters, coordinate)
    data = _piece(claim.parent_root, claim.file_bytes, place.start, move.opening)
    told = inputs.weight if move.is_weight else inputs.momentum
    require(files.integer(data, place.start % PIECE_BYTES, place) != told, "the integer is right")
    return Verdict.GUILTY


def _refute_term(game: Game, table: Table, move: RefuteTerm) -> Outcome:
    claim, parameters, coordinate = _claim(game), table.terms.parameters, _coordinate(game, table)
    require(0 <= move.term < len(claim.manifests), "no such term")
    require(sha256(move.manifest) == claim.manifests[move.term], "not the update's manifest")
    head = _head(move.manifest)
    find = files.mantissa_at if move.is_mantissa else files.exponent_at
    offset = find(parameters, coordinate)
    data = _piece(head.root, head.file_bytes, offset, move.piece)
    term = _inputs(game).terms[move.term]
    told = term.mantissa if move.is_mantissa else term.exponent
    require(data[offset % PIECE_BYTES] != told & 0xFF, "the term is right")
    return Verdict.GUILTY


_RULES: Final[dict[type[Any], tuple[Stage, Callable[[Game, Table, Any], Outcome]]]] = {
    Answer: (Stage.ANSWER, _answer),
    Omitted: (Stage.CHARGE, _omitted),
    Decided: (Stage.CHARGE, _decided),
    Counted: (Stage.CHARGE, _counted),
    GoBack: (Stage.CHARGE, _go_back),
    Descend: (Stage.CHARGE, _descend),
    OpenNode: (Stage.NODE, _open_node),
    PickChild: (Stage.CHILD, _pick_child),
    ShowPiece: (Stage.PIECE, _show_piece),
    WrongHeader: (Stage.ENTRY, _wrong_header),
    NameInteger: (Stage.ENTRY, _name_integer),
    ShowInputs: (Stage.INPUTS, _show_inputs),
    RefuteParent: (Stage.REFUTATION, _refute_parent),
    RefuteTerm: (Stage.REFUTATION, _refute_term),
}


def _claim(game: Game) -> Claim:
    assert game.claim is not None, "answered"
    return game.claim


def _inputs(game: Game) -> Inputs:
    assert game.inputs is not None, "shown"
    return game.inputs


def _coordinate(game: Game, table: Table) -> int:
    place = files.locate(_claim(game).file_bytes, table.terms.parameters, game.offset)
    assert place is not None, "an integer was named"
    return place.coordinate


def _head(manifest: bytes) -> Head:
    require(len(manifest) <= MAX_MANIFEST_BYTES, "a manifest that is too long")
    try:
        return Head.from_manifest(manifest)
    except Rejected:
        require(False, "a manifest without a head")
        raise


def _piece(root: bytes, file_bytes: int, offset: int, opening: PieceOpening) -> bytes:
    """The piece that holds a byte of a file."""
    index, count = offset // PIECE_BYTES, num_pieces(file_bytes)
    length = min(PIECE_BYTES, file_bytes - index * PIECE_BYTES)
    is_shown = len(opening.data) == length and merkle.verify(
        root, sha256(opening.data), index, count, opening.proof
    )
    require(is_shown, "not the piece")
    return opening.data


def _is_accepted(matter: Matter, table: Table, decided: int, entry: Entry) -> bool:
    require(table.rings.holds(entry), "the hub knows no such commitment")
    slashed = table.rings.slashed_at(entry.node)
    is_of_round = entry.commitment.units > 0 and entry.commitment.round + 1 == matter.version
    return is_of_round and (slashed is None or slashed >= decided)


def _posting(matter: Matter, table: Table, posting: Entry) -> int:
    """When the version or a later one was first posted, as far as this shows."""
    require(table.rings.holds(posting), "the hub knows no such posting")
    posted = posting.commitment
    is_fit = posted.units == 0 and posted.round >= matter.version and posted.time <= matter.posted_at
    require(is_fit, "no posting of the version before the accused's")
    return posted.time


def _check_fault(terms: Terms, digest: bytes, fault: Fault) -> None:
    """Rejected(REFEREE_MOVE) unless the update under this manifest is none."""
    require(sha256(fault.manifest) == digest, "not the update's manifest")
    try:
        head = Head.from_manifest(fault.manifest)
    except Rejected:
        return
    if head.file_bytes != files.update_bytes(terms.parameters):
        return
    data = _piece(head.root, head.file_bytes, fault.offset, fault.piece)
    found = data[fault.offset % PIECE_BYTES]
    require(files.is_fault(terms.parameters, terms.max_exponent, fault.offset, found), "no fault")
