"""How either side of a dispute about a version plays: pure, from the versions and updates that it holds.

The honest accused shows what it computed from and is never in the wrong. The honest challenger goes back to the first
version that is not its own, and then to the first byte of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cupel.protocol.spec import pieces
from cupel.protocol.spec.aggregate import files
from cupel.protocol.spec.aggregate.game import Claim, Entry, Game, Stage, Terms
from cupel.protocol.spec.aggregate.integers import Inputs, Term
from cupel.protocol.spec.aggregate.moves import (
    AccusedMove,
    Answer,
    ChallengerMove,
    Counted,
    Decided,
    Descend,
    Fault,
    GoBack,
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
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import PIECE_BYTES, Head


@dataclass(frozen=True)
class Checkpoint:
    """A version's manifest and file."""

    manifest: bytes
    file: bytes

    @cached_property
    def levels(self) -> list[list[bytes]]:
        """Of the tree over its pieces, from the leaves up."""
        return pieces.levels(self.file)

    def opening(self, offset: int) -> PieceOpening:
        """The piece that holds a byte."""
        return _opening(self.file, offset)

    def integer(self, place: files.Place) -> int:
        """One of its integers."""
        return files.integer(self.file, place.start, place)


@dataclass(frozen=True, slots=True)
class Contribution:
    """An accepted commitment, and what became of its update."""

    entry: Entry
    manifest: bytes
    file: bytes | None
    """What lies under its manifest's head; None where the manifest leads to no file."""

    def fault(self, number: int, terms: Terms) -> Fault | None:
        """Why its update is none, where the chain can see it."""
        try:
            head = Head.from_manifest(self.manifest)
        except Rejected:
            return Fault(number, self.manifest)
        if head.file_bytes != files.update_bytes(terms.parameters):
            return Fault(number, self.manifest)
        if self.file is None:
            return None
        offset = files.find_fault(self.file, terms.parameters, terms.max_exponent)
        return None if offset is None else Fault(number, self.manifest, offset, _opening(self.file, offset))

    def term(self, coordinate: int, parameters: int) -> Term:
        """What it adds to a coordinate."""
        assert self.file is not None, "it counts"
        places = files.mantissa_at(parameters, coordinate), files.exponent_at(parameters, coordinate)
        mantissa, exponent = (int.from_bytes(self.file[at : at + 1], signed=True) for at in places)
        return Term(mantissa, exponent)


@dataclass(frozen=True)
class Making:
    """A version, and what it is made of, as a side of the dispute computed it."""

    version: Checkpoint
    parent: Checkpoint
    earliest: Entry | None
    """The first posting of this version or a later one, if that is not the accused's."""
    decided_at: int
    accepted: tuple[Contribution, ...]
    """By node, ascending."""

    def faults(self, terms: Terms) -> tuple[Fault, ...]:
        """Of accepted commitments whose update is none."""
        found = (one.fault(number, terms) for number, one in enumerate(self.accepted))
        return tuple(fault for fault in found if fault is not None)

    def counted(self, terms: Terms) -> tuple[Contribution, ...]:
        """The updates that count."""
        return tuple(one for one in self.accepted if one.file is not None and one.fault(0, terms) is None)

    def inputs(self, offset: int, terms: Terms) -> Inputs:
        """What the integer there is made from."""
        size = len(self.version.file)
        place = files.locate(size, terms.parameters, offset)
        assert place is not None, "an integer was named"
        weight = files.weight_at(size, terms.parameters, place.coordinate)
        momentum = files.momentum_at(size, terms.parameters, place.coordinate)
        added = (one.term(place.coordinate, terms.parameters) for one in self.counted(terms))
        return Inputs(self.parent.integer(weight), self.parent.integer(momentum), tuple(added))


Makings = Mapping[int, Making]
"""By version: the posted one, and those that it rests on as far as they are at hand."""


def accused_move(game: Game, terms: Terms, making: Making) -> AccusedMove:
    """What the accused says next. making: of the version in dispute."""
    match game.stage:
        case Stage.ANSWER:
            return _answer(making, terms)
        case Stage.NODE:
            return OpenNode(_below(making.version, game))
        case Stage.PIECE:
            start = game.index * PIECE_BYTES
            return ShowPiece(making.version.file[start : start + PIECE_BYTES])
        case Stage.INPUTS:
            return ShowInputs(making.inputs(game.offset, terms))
    raise AssertionError(f"the challenger moves at {game.stage.name}")


def challenger_move(game: Game, terms: Terms, making: Making) -> ChallengerMove | None:
    """What the challenger says next; None if it has no case. making: of the version in dispute."""
    assert game.claim is not None, "answered"
    match game.stage:
        case Stage.CHARGE:
            return _charge(game.claim, terms, making)
        case Stage.CHILD:
            own = _below(making.version, game)
            return PickChild(_first_difference(own, game.children))
        case Stage.ENTRY:
            return _entry(game, terms, making)
        case Stage.REFUTATION:
            return _refute(game, terms, making)
    raise AssertionError(f"the accused moves at {game.stage.name}")


def _answer(making: Making, terms: Terms) -> Answer:
    faults, counted = making.faults(terms), making.counted(terms)
    at = files.parent_at(making.version.manifest)
    assert at is not None, "version 0 is the task's own"
    return Answer(
        manifest=making.version.manifest,
        parent_at=at,
        parent_manifest=making.parent.manifest,
        earliest=making.earliest,
        entries=tuple(one.entry for one in making.accepted),
        faults=faults,
        unreadable=len(faults) + len(counted) < len(making.accepted),
    )


def _charge(claim: Claim, terms: Terms, making: Making) -> ChallengerMove | None:
    if claim.parent_digest != sha256(making.parent.manifest):
        return GoBack()
    if making.earliest is not None and making.decided_at < claim.decided_at:
        return Decided(making.earliest)
    for one in making.accepted:
        if one.entry.node not in claim.nodes:
            return Omitted(one.entry)
    for fault in making.faults(terms):
        digest = making.accepted[fault.entry].entry.commitment.manifest
        if digest in claim.manifests:
            return Counted(Fault(claim.manifests.index(digest), fault.manifest, fault.offset, fault.piece))
    return None if claim.root == making.version.levels[-1][0] else Descend()


def _entry(game: Game, terms: Terms, making: Making) -> ChallengerMove:
    start = game.index * PIECE_BYTES
    offset = start + _first_difference(making.version.file[start : start + PIECE_BYTES], game.piece)
    place = files.locate(len(making.version.file), terms.parameters, offset)
    if place is None:
        return WrongHeader(offset, making.parent.opening(offset))
    return NameInteger(place.start)


def _refute(game: Game, terms: Terms, making: Making) -> ChallengerMove | None:
    told, own = game.inputs, making.inputs(game.offset, terms)
    assert told is not None, "shown"
    size = len(making.version.file)
    place = files.locate(size, terms.parameters, game.offset)
    assert place is not None, "an integer was named"
    coordinate = place.coordinate
    if told.weight != own.weight:
        start = files.weight_at(size, terms.parameters, coordinate).start
        return RefuteParent(is_weight=True, opening=making.parent.opening(start))
    if told.momentum != own.momentum:
        start = files.momentum_at(size, terms.parameters, coordinate).start
        return RefuteParent(is_weight=False, opening=making.parent.opening(start))
    for number, (theirs, ours) in enumerate(zip(told.terms, own.terms, strict=True)):
        if theirs != ours:
            is_mantissa = theirs.mantissa != ours.mantissa
            find = files.mantissa_at if is_mantissa else files.exponent_at
            update = making.counted(terms)[number]
            assert update.file is not None, "it counts"
            piece = _opening(update.file, find(terms.parameters, coordinate))
            return RefuteTerm(number, is_mantissa, update.manifest, piece)
    return None


def _below(version: Checkpoint, game: Game) -> tuple[bytes, ...]:
    """The nodes up to four levels below the one in dispute."""
    level, stride = game.level - game.stride, game.stride
    start = game.index << stride
    return tuple(version.levels[level][start : start + (1 << stride)])


def _opening(file: bytes, offset: int) -> PieceOpening:
    return PieceOpening(*pieces.piece(file, offset // PIECE_BYTES))


def _first_difference(own: tuple[bytes, ...] | bytes, told: tuple[bytes, ...] | bytes) -> int:
    """Place of the first difference; the last place where there is none: who has no case may still move."""
    pairs = enumerate(zip(own, told, strict=False))
    return next((place for place, (ours, theirs) in pairs if ours != theirs), len(told) - 1)
