"""What the two sides of a dispute about a version can say."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.spec.aggregate.game import Entry
from cupel.protocol.spec.aggregate.integers import Inputs


@dataclass(frozen=True, slots=True)
class PieceOpening:
    """A piece of a file under the root in its manifest."""

    data: bytes
    proof: tuple[bytes, ...]


NO_PIECE = PieceOpening(b"", ())


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an accepted commitment's update is none."""

    entry: int
    """Of the answer's entries, or of the manifests that count."""
    manifest: bytes
    """If it has no head, or that of a file of another length, this is enough."""
    offset: int = 0
    """Else a byte of the file that no update has there."""
    piece: PieceOpening = NO_PIECE


@dataclass(frozen=True, slots=True)
class Answer:
    """Accused: the version in dispute, and what it is made of."""

    manifest: bytes
    parent_at: int
    """Where in it the parent's digest begins."""
    parent_manifest: bytes
    earliest: Entry | None
    """The first posting of this version or a later one; None if it is the accused's own."""
    entries: tuple[Entry, ...]
    """By node, ascending."""
    faults: tuple[Fault, ...]
    unreadable: bool
    """Whether there is an update of a manifest that leads to no file, which the chain cannot see."""


@dataclass(frozen=True, slots=True)
class Omitted:
    """Challenger: an accepted commitment is missing."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Decided:
    """Challenger: the version was decided in an earlier round."""

    earlier: Entry


@dataclass(frozen=True, slots=True)
class Counted:
    """Challenger: an update that counts is none."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class GoBack:
    """Challenger: the version before is wrong already."""


@dataclass(frozen=True, slots=True)
class Descend:
    """Challenger: the checkpoint is wrong."""


@dataclass(frozen=True, slots=True)
class OpenNode:
    """Accused: the nodes up to four levels below the one in dispute."""

    children: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PickChild:
    """Challenger: the first child that differs from its own."""

    child: int


@dataclass(frozen=True, slots=True)
class ShowPiece:
    """Accused: the piece in dispute."""

    piece: bytes


@dataclass(frozen=True, slots=True)
class WrongHeader:
    """Challenger: the checkpoint has another header than its parent's."""

    offset: int
    parent_piece: PieceOpening


@dataclass(frozen=True, slots=True)
class NameInteger:
    """Challenger: the integer that begins there is wrong."""

    offset: int


@dataclass(frozen=True, slots=True)
class ShowInputs:
    """Accused: what the integer is made of."""

    inputs: Inputs


@dataclass(frozen=True, slots=True)
class RefuteParent:
    """Challenger: the version before has another weight, or momentum."""

    is_weight: bool
    opening: PieceOpening
    """Of the parent's checkpoint."""


@dataclass(frozen=True, slots=True)
class RefuteTerm:
    """Challenger: an update has another mantissa, or exponent."""

    term: int
    is_mantissa: bool
    manifest: bytes
    """Of the update's commitment."""
    piece: PieceOpening
    """Of the update."""


ChallengerMove = (
    Omitted
    | Decided
    | Counted
    | GoBack
    | Descend
    | PickChild
    | WrongHeader
    | NameInteger
    | RefuteParent
    | RefuteTerm
)
AccusedMove = Answer | OpenNode | ShowPiece | ShowInputs
Move = ChallengerMove | AccusedMove
