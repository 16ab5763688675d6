"""Demands for what a node committed to, and the answers to them; twin of contracts/judges/DataJudge.sol.

Who cannot fetch a submission demands parts of it before the DataJudge. The node, or anyone who has the files, answers
with the part and the path that leads from it to the commitment; what has been shown is public from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cupel.protocol.spec import merkle, rollout_file
from cupel.protocol.spec.encoding import WORD_BYTES, words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import (
    TOKEN_BYTES,
    LeafContext,
    RolloutLeaf,
    SubmissionManifest,
    leaf_hash,
    make_leaf,
    token_chunks,
)
from cupel.protocol.spec.task import TaskParams

MAX_DATA_BYTES: Final = 4096
"""Nothing longer can be demanded."""
PRICE_FACTOR: Final = 2
MANIFEST_GAS: Final = 75_600
LEAF_GAS: Final = 90_700
CHUNK_GAS: Final = 96_500
SIBLING_GAS: Final = 1_280
BYTE_GAS: Final = 30
NEW_SLOT_GAS: Final = 17_100


class Part(IntEnum):
    """What can be demanded of a commitment to rollouts; numbers as in Solidity."""

    LEAF = 1
    TOKENS = 2
    PROOF = 3
    MANIFEST = 4


@dataclass(frozen=True, slots=True)
class DataDemand:
    """One part of a submission."""

    part: Part
    index: int = 0
    """Rollout; zero for the manifest."""
    chunk: int = 0
    """Chunk of that rollout's tokens or TOPLOC proofs; zero for the leaf or the manifest."""

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
        """Whether a chunk is demanded, and not a leaf or the manifest."""
        return self.part in (Part.TOKENS, Part.PROOF)


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


Answer = LeafAnswer | ChunkAnswer | ManifestAnswer


def answer(
    demand: DataDemand, manifest: bytes, rollouts: bytes, params: TaskParams, context: LeafContext
) -> Answer:
    """What the DataJudge accepts, from the two files that were published with the commitment.

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
            return PRICE_FACTOR * (gas + MANIFEST_GAS + BYTE_GAS * MAX_DATA_BYTES)
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
