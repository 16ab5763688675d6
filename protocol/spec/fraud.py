"""Evidence of every kind of fraud that the ObjectiveJudge settles in one transaction.

Twin of contracts/interfaces/IObjectiveJudge.sol, which says what each kind shows; the arguments why it never convicts
the honest stand in contracts/judges/objective. Evidence is `abi.encode(uint8 kind, bytes payload)`. Siblings are
bottom up, as `merkle.proof` gives them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import Commitment, RolloutLeaf

LEAF_ABI: Final = "(uint32,uint32,bytes32,uint32,bytes32,uint32,bytes32,bytes32,uint32)"
COMMITMENT_ABI: Final = "(uint32,uint32,bytes32,bytes32,uint32,uint40)"
EVIDENCE_ABI: Final = ("uint8", "bytes")


class ObjectiveKind(IntEnum):
    """What the ObjectiveJudge can settle; numbers as in Solidity."""

    WRONG_ASSIGNMENT = 1
    WRONG_REWARD = 2
    MALFORMED_PROOF = 3
    MALFORMED_LEAF = 4
    MALFORMED_TOKENS = 5
    EMPTY_LEAF = 6
    REPEATED_PROOF = 7
    EMPTY_CHUNK = 8


PAYLOAD_ABI: Final[dict[ObjectiveKind, tuple[str, ...]]] = {
    ObjectiveKind.WRONG_ASSIGNMENT: (LEAF_ABI, "bytes32[]"),
    ObjectiveKind.WRONG_REWARD: (LEAF_ABI, "bytes32[]", "uint32[]"),
    ObjectiveKind.MALFORMED_PROOF: (LEAF_ABI, "bytes32[]", "uint256", "bytes", "bytes32[]"),
    ObjectiveKind.MALFORMED_LEAF: ("uint32", "bytes", "bytes32[]"),
    ObjectiveKind.MALFORMED_TOKENS: (LEAF_ABI, "bytes32[]", "uint256", "bytes", "bytes32[]"),
    ObjectiveKind.EMPTY_LEAF: ("uint256", "bytes32[]"),
    ObjectiveKind.REPEATED_PROOF: (LEAF_ABI, "bytes32[]", COMMITMENT_ABI, LEAF_ABI, "bytes32[]"),
    ObjectiveKind.EMPTY_CHUNK: (LEAF_ABI, "bytes32[]", "bool", "uint256", "bytes32[]"),
}


@dataclass(frozen=True, slots=True)
class OpenedLeaf:
    """A rollout's leaf with the siblings that lead from it to its commitment's root."""

    leaf: RolloutLeaf
    siblings: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class OpenedChunk:
    """Data at a place in a leaf's tree of tokens or of TOPLOC proofs, with its siblings there."""

    index: int
    data: bytes
    siblings: Sequence[bytes]


def wrong_assignment(opened: OpenedLeaf) -> bytes:
    """Kind 1: not the problem, seed, policy or length that the chain assigned."""
    return _evidence(ObjectiveKind.WRONG_ASSIGNMENT, *_leaf(opened))


def wrong_reward(opened: OpenedLeaf, tokens: Sequence[int]) -> bytes:
    """Kind 2: the leaf's tokens earn another reward by the task's rule, or are not as many as it says."""
    return _evidence(ObjectiveKind.WRONG_REWARD, *_leaf(opened), tokens)


def malformed_proof(opened: OpenedLeaf, chunk: OpenedChunk) -> bytes:
    """Kind 3: a TOPLOC proof that no honest prover makes, or where none belongs."""
    return _evidence(ObjectiveKind.MALFORMED_PROOF, *_leaf(opened), *_chunk(chunk))


def malformed_leaf(position: int, preimage: bytes, siblings: Sequence[bytes]) -> bytes:
    """Kind 4: a leaf that is not a rollout of its commitment at its position."""
    return _evidence(ObjectiveKind.MALFORMED_LEAF, position, preimage, siblings)


def malformed_tokens(opened: OpenedLeaf, chunk: OpenedChunk) -> bytes:
    """Kind 5: a chunk of tokens of another length than its place calls for, or where none belongs."""
    return _evidence(ObjectiveKind.MALFORMED_TOKENS, *_leaf(opened), *_chunk(chunk))


def empty_leaf(position: int, siblings: Sequence[bytes]) -> bytes:
    """Kind 6: 32 zero bytes where one of the counted rollouts, or a node above it, belongs."""
    return _evidence(ObjectiveKind.EMPTY_LEAF, position, siblings)


def repeated_proof(opened: OpenedLeaf, other: Commitment, twin: OpenedLeaf) -> bytes:
    """Kind 7: a leaf, and a twin of the same node's commitment `other`, with one TOPLOC root for two problems."""
    return _evidence(ObjectiveKind.REPEATED_PROOF, *_leaf(opened), dataclasses.astuple(other), *_leaf(twin))


def empty_chunk(opened: OpenedLeaf, of_tokens: bool, chunk: int, siblings: Sequence[bytes]) -> bytes:
    """Kind 8: 32 zero bytes where a chunk of the leaf's tokens, or of its TOPLOC proofs, or a node above belongs."""
    return _evidence(ObjectiveKind.EMPTY_CHUNK, *_leaf(opened), of_tokens, chunk, siblings)


def kind_of(evidence: bytes) -> ObjectiveKind:
    """What any challenger's bytes claim to show. Rejected(ENCODING)."""
    try:
        return ObjectiveKind(abi_decode(EVIDENCE_ABI, evidence)[0])
    except (DecodingError, OverflowError, ValueError) as error:
        raise Rejected(Reason.ENCODING, f"not evidence for the objective judge: {error}") from None


def _evidence(kind: ObjectiveKind, *payload: Any) -> bytes:
    return abi_encode(EVIDENCE_ABI, (kind.value, abi_encode(PAYLOAD_ABI[kind], payload)))


def _leaf(opened: OpenedLeaf) -> tuple[Any, Sequence[bytes]]:
    return dataclasses.astuple(opened.leaf), opened.siblings


def _chunk(chunk: OpenedChunk) -> tuple[int, bytes, Sequence[bytes]]:
    return chunk.index, chunk.data, chunk.siblings
