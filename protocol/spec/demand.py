"""Demands for what a node committed to, and the answers to them; twin of contracts/judges/DataJudge.sol.

Who cannot fetch a submission, or a posted version, demands parts of it before the DataJudge. The node, or anyone who
has the files, answers with the part and the path that leads from it to the commitment; what has been shown is public
from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cupel.protocol.spec import merkle, pieces, rollout_file
from cupel.protocol.spec.encoding import WORD_BYTES, words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import (
    MAX_MANIFEST_BYTES,
    TOKEN_BYTES,
    LeafContext,
    RolloutLeaf,
    SubmissionManifest,
    leaf_hash,
    make_leaf,
    token_chunks,
)
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES
from cupel.protocol.spec.task import TaskParams

MAX_DATA_BYTES: Final = 4096
"""No longer chunk can be demanded."""
PRICE_FACTOR: Final = 2
MANIFEST_GAS: Final = 81_300
LEAF_GAS: Final = 91_000
CHUNK_GAS: Final = 96_900
PIECE_GAS: Final = 87_400
SIBLING_GAS: Final = 1_280
BYTE_GAS: Final = 30
"""Of a chunk."""
FILE_BYTE_GAS: Final = 25
"""Of a manifest or a piece."""
NEW_SLOT_GAS: Final = 17_100


class Part(IntEnum):
    """What can be demanded of a commitment; numbers as in Solidity.

    Of work all but CHECKPOINT, of a posted version MANIFEST and CHECKPOINT.
    """

    LEAF = 1
    TOKENS = 2
    PROOF = 3
    MANIFEST = 4
    UPDATE = 5
    CHECKPOINT = 6


@dataclass(frozen=True, slots=True)
class DataDemand:
    """One part of a submission, or of a posted version."""

    part: Part
    index: int = 0
    """Rollout, or piece of the update or the checkpoint; zero for the manifest."""
    chunk: int = 0
    """Chunk of that rollout's tokens or TOPLOC proofs; zero for everything else."""

    def to_bytes(self) -> bytes:
        """Evidence as the DataJudge takes it."""
        return words(self.part, self.index, self.chunk)

    @classmethod
    def from_bytes(cls, evidence: bytes) -> DataDemand:
        """Inverse of `to_bytes`, for any challenger's bytes. Rejected(ENCODING)."""
        if len(evidence) != 3 * WORD_BYTES:
            raise Rejected(Reason.ENCODING, f"a demand has {3 * WORD_BYTES} bytes, not {len(evidence)}")
        part, index, chunk = (
            int.from_bytes(evidence[start : start + WORD_BYTES], "big")
            for start in range(0, len(evidence), WORD_BYTES)
        )
        if part not in set(Part):
            raise Rejected(Reason.ENCODING, f"{part} is no part that can be demanded")
        return cls(Part(part), index, chunk)

    @property
    def of_chunk(self) -> bool:
        """Whether a chunk is demanded."""
        return self.part in (Part.TOKENS, Part.PROOF)

    @property
    def of_piece(self) -> bool:
        """Whether a piece of a file is demanded."""
        return self.part in (Part.UPDATE, Part.CHECKPOINT)


@dataclass(frozen=True, slots=True)
class LeafAnswer:
    """A leaf and the path to the commitment's root."""

    leaf: RolloutLeaf
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
    """A chunk, the path to its leaf's root, and the leaf's to the commitment's."""

    leaf: RolloutLeaf
    proof: tuple[bytes, ...]
    data: bytes
    chunk_proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ManifestAnswer:
    """The preimage of the commitment's manifest digest."""

    manifest: bytes


@dataclass(frozen=True, slots=True)
class PieceAnswer:
    """The preimage of the manifest digest, a piece of its file, and the path to the root that it begins with."""

    manifest: bytes
    piece: bytes
    proof: tuple[bytes, ...]


Answer = LeafAnswer | ChunkAnswer | ManifestAnswer | PieceAnswer


def answer(
    demand: DataDemand, manifest: bytes, rollouts: bytes, params: TaskParams, context: LeafContext
) -> Answer:
    """What the DataJudge accepts about manifest and rollouts, from those two files.

    The leaf alone where the rollout has no such chunk. Rejected as `SubmissionManifest.from_bytes` and
    `rollout_file.decode`, for files that no honest node publishes.
    """
    if demand.part is Part.MANIFEST:
        return ManifestAnswer(manifest)
    policy = SubmissionManifest.from_bytes(manifest).policy
    made = rollout_file.decode(rollouts, params)
    leaves = [
        make_leaf(index, rollout, policy.version, policy.digest, params.chunk_tokens)
        for index, rollout in enumerate(made)
    ]
    leaf, rollout = leaves[demand.index], made[demand.index]
    proof = merkle.proof([leaf_hash(context, one) for one in leaves], demand.index)
    of_tokens = demand.part is Part.TOKENS
    chunks = token_chunks(rollout.tokens, params.chunk_tokens) if of_tokens else rollout.proofs
    if demand.part is Part.LEAF or demand.chunk >= len(chunks):
        return LeafAnswer(leaf, proof)
    hashes = [merkle.leaf_hash(chunk) for chunk in chunks]
    return ChunkAnswer(leaf, proof, chunks[demand.chunk], merkle.proof(hashes, demand.chunk))


def piece_answer(index: int, manifest: bytes, file: bytes) -> PieceAnswer | ManifestAnswer:
    """What the DataJudge accepts for a piece of the file that a manifest begins with.

    The manifest alone where the file has no such piece.
    """
    if index >= pieces.num_pieces(len(file)):
        return ManifestAnswer(manifest)
    return PieceAnswer(manifest, *pieces.piece(file, index))


def shown_file(answers: Mapping[DataDemand, Answer]) -> bytes | None:
    """The whole file that answers about its pieces show; None until every piece was shown."""
    shown = {asked.index: one for asked, one in answers.items() if isinstance(one, PieceAnswer)}
    if not shown:
        return None
    count = pieces.Head.from_manifest(next(iter(shown.values())).manifest).num_pieces
    if len(shown) < count:
        return None
    return b"".join(shown[index].piece for index in range(count))


def shown_leaves(answers: Mapping[DataDemand, Answer]) -> tuple[bytes, ...]:
    """The leaves of a file, as files are cut (`unixfs`), of which answers show every piece, in the file's order."""
    shown = {asked.index: one for asked, one in answers.items() if isinstance(one, PieceAnswer)}
    if not shown:
        return ()
    count = pieces.Head.from_manifest(next(iter(shown.values())).manifest).num_pieces
    leaf_pieces = CHUNK_BYTES // pieces.PIECE_BYTES
    leaves = []
    for first in sorted({index - index % leaf_pieces for index in shown}):
        indices = range(first, min(first + leaf_pieces, count))
        if all(index in shown for index in indices):
            leaves.append(b"".join(shown[index].piece for index in indices))
    return tuple(leaves)


def demands_for(indices: Sequence[int], params: TaskParams) -> tuple[DataDemand, ...]:
    """Everything about these rollouts that can be demanded, for one who holds nothing of them.

    Nobody can know before how many chunks a rollout has; those that are not there are answered by the leaf.
    """
    return tuple(
        DataDemand(part, index, chunk)
        for index in indices
        for part in (Part.LEAF, Part.TOKENS, Part.PROOF)
        for chunk in range(1 if part is Part.LEAF else _max_chunks(params))
    )


def is_answerable(demand: DataDemand, params: TaskParams) -> bool:
    """Whether the task's parts of this kind are short enough to be demanded."""
    return not demand.of_chunk or _chunk_bytes(demand.part, params) <= MAX_DATA_BYTES


def price_in_gas(demand: DataDemand, params: TaskParams, units: int) -> int:
    """What the DataJudge charges for a demand, divided by the base fee of its block."""
    assert is_answerable(demand, params), f"the task's {demand.part.name} cannot be demanded"
    gas = 2 * NEW_SLOT_GAS
    match demand.part:
        case Part.MANIFEST:
            return PRICE_FACTOR * (gas + MANIFEST_GAS + FILE_BYTE_GAS * MAX_MANIFEST_BYTES)
        case Part.UPDATE | Part.CHECKPOINT:
            gas += PIECE_GAS + SIBLING_GAS * merkle.depth(pieces.MAX_PIECES)
            return PRICE_FACTOR * (gas + FILE_BYTE_GAS * (MAX_MANIFEST_BYTES + pieces.PIECE_BYTES))
        case Part.LEAF:
            gas += LEAF_GAS
        case _:
            gas += CHUNK_GAS + SIBLING_GAS * merkle.depth(_max_chunks(params))
            gas += BYTE_GAS * _chunk_bytes(demand.part, params)
    return PRICE_FACTOR * (gas + SIBLING_GAS * merkle.depth(units))


def _max_chunks(params: TaskParams) -> int:
    return -(-params.max_tokens // params.chunk_tokens)


def _chunk_bytes(part: Part, params: TaskParams) -> int:
    """Bytes of the longest chunk the task allows."""
    if part is Part.TOKENS:
        return TOKEN_BYTES * min(params.chunk_tokens, params.max_tokens)
    return 2 + 2 * params.topk
