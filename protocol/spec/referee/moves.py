"""What the two sides of a dispute about computation can say."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.spec.rollout import Commitment, RolloutLeaf


@dataclass(frozen=True, slots=True)
class RowOpening:
    """A whole row under the root of a tree over rows: the data of its blocks, and the children of every node above
    its leaf, bottom up."""

    blocks: tuple[bytes, ...]
    nodes: tuple[tuple[bytes, ...], ...]


@dataclass(frozen=True, slots=True)
class TokenOpening:
    """A chunk of a completion's tokens under its leaf's root."""

    chunk: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Accused: what the disputed chunk is, the trace of its sequence, and its support."""

    leaf: RolloutLeaf
    leaf_proof: tuple[bytes, ...]
    """Under the commitment's root."""
    proof: bytes
    """The chunk's TOPLOC proof; empty if the rollout has no such chunk."""
    proof_siblings: tuple[bytes, ...]
    """Under the leaf's root."""
    trace_root: bytes
    support: bytes
    """As `toploc.support` writes it."""


@dataclass(frozen=True, slots=True)
class Attend:
    """Accused, of an answer of an audit task: what it looked at, and the answer."""

    node: str
    """Whose commitment."""
    target: Commitment
    audited: RolloutLeaf
    """Of the rollout that was drawn."""
    audited_proof: tuple[bytes, ...]
    """Under the target's root."""
    trace_root: bytes
    answer_proof: tuple[bytes, ...]
    """Of the answer's leaf, under the root of the accused's own commitment."""


@dataclass(frozen=True, slots=True)
class Omitted:
    """Challenger: an activation of the chunk belongs on the list and is not there."""

    element: int
    """Of the chunk."""
    opening: RowOpening
    """The final row that holds it."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """Challenger: a point of the list has another pattern than the trace's activation."""

    point: int
    """Place on the list."""
    opening: RowOpening
    """The final row that holds its element."""


@dataclass(frozen=True, slots=True)
class Descend:
    """Challenger: a row of the trace is wrong."""


@dataclass(frozen=True, slots=True)
class OpenNode:
    """Accused: the children of the node in dispute."""

    children: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PickChild:
    """Challenger: the first child that differs from its own."""

    child: int


@dataclass(frozen=True, slots=True)
class OpenRow:
    """Accused: the row in dispute."""

    kind: int
    length: int
    blocks: tuple[bytes, ...]
    """Hashes."""


@dataclass(frozen=True, slots=True)
class PickBlock:
    """Challenger: the first block that differs from its own."""

    block: int


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """Accused: the data of the block in dispute."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Execute:
    """Challenger: one entry of the block is not what its step gives."""

    entry: int
    """Within the block."""
    sources: tuple[RowOpening, ...]
    """Of `layout.sources`, under the accused's trace root."""
    weights: tuple[RowOpening, ...] = ()
    """Of `layout.weight_rows`, under the version's canonical root."""
    manifest: bytes = b""
    """Of the version, where there are weights."""
    token: TokenOpening | None = None
    """Where the step embeds a token of the completion."""


ChallengerMove = Omitted | Unlike | Descend | PickChild | PickBlock | Execute
AccusedMove = Answer | Attend | OpenNode | OpenRow | OpenBlock
Move = ChallengerMove | AccusedMove
