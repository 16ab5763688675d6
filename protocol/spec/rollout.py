"""A rollout, the leaf that commits to it on-chain, and the manifest of a round's submission.

`leaf_hash` is the twin of contracts/libraries/RolloutLeaves.sol. A leaf binds chain, hub, task, node, sequence and
round, so a copied root or leaf is worthless under any other name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec import documents, merkle
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import domain, keccak256, sha256
from cupel.protocol.spec.pieces import HEAD_BYTES, Head, pieces_root
from cupel.protocol.spec.shardcast.unixfs import file_dag

LEAF: Final = domain("cupel.rollout-leaf.v1")
CHECKPOINT: Final = domain("cupel.checkpoint.v1")
TOKEN_BYTES: Final = 4
MAX_MANIFEST_BYTES: Final = 1024
"""What the chain takes, and more than the longest numbers fill."""
_MANIFEST_KIND: Final = "cupel.submission.v1"


@dataclass(frozen=True, slots=True)
class LeafContext:
    """Where a leaf belongs: what makes it worthless anywhere else."""

    chain_id: int
    hub: str
    task: bytes
    node: str
    sequence: int
    round: int


@dataclass(frozen=True, slots=True)
class RolloutLeaf:
    """What a node commits to of one rollout; field order as in Solidity."""

    index: int
    policy_version: int
    policy_digest: bytes
    problem: int
    seed: bytes
    num_tokens: int
    tokens_root: bytes
    toploc_root: bytes
    reward: int
    """Millionths."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One completion with everything that is committed of it."""

    problem: int
    seed: bytes
    tokens: tuple[int, ...]
    """Completion token ids, end token included; of a dialogue the environment's too."""
    reward: int
    """Millionths."""
    proofs: tuple[bytes, ...]
    """One TOPLOC proof per chunk of tokens."""
    spans: tuple[int, ...] = ()
    """Of a dialogue, how many tokens each turn and each reply has (`spec.dialogue`)."""


def token_chunks(tokens: Sequence[int], chunk_tokens: int) -> list[bytes]:
    """Chunks of token ids, four bytes each, big-endian; the last chunk may be short."""
    data = b"".join(token.to_bytes(TOKEN_BYTES, "big") for token in tokens)
    step = chunk_tokens * TOKEN_BYTES
    return [data[start : start + step] for start in range(0, len(data), step)]


def tokens_root(tokens: Sequence[int], chunk_tokens: int) -> bytes:
    """Merkle root over a completion's chunks of token ids."""
    return merkle.root([merkle.leaf_hash(chunk) for chunk in token_chunks(tokens, chunk_tokens)])


def toploc_root(proofs: Sequence[bytes]) -> bytes:
    """Merkle root over a rollout's TOPLOC proofs."""
    return merkle.root([merkle.leaf_hash(proof) for proof in proofs])


def make_leaf(
    index: int, rollout: Rollout, policy_version: int, policy_digest: bytes, chunk_tokens: int
) -> RolloutLeaf:
    """The leaf of a round's rollout `index`."""
    return RolloutLeaf(
        index=index,
        policy_version=policy_version,
        policy_digest=policy_digest,
        problem=rollout.problem,
        seed=rollout.seed,
        num_tokens=len(rollout.tokens),
        tokens_root=tokens_root(rollout.tokens, chunk_tokens),
        toploc_root=toploc_root(rollout.proofs),
        reward=rollout.reward,
    )


def make_leaves(rollouts: Sequence[Rollout], policy: PolicyRef, chunk_tokens: int) -> tuple[RolloutLeaf, ...]:
    """The leaves of a round's rollouts, in index order."""
    return tuple(
        make_leaf(index, rollout, policy.version, policy.digest, chunk_tokens)
        for index, rollout in enumerate(rollouts)
    )


def leaf_preimage(context: LeafContext, leaf: RolloutLeaf) -> bytes:
    """The data of a rollout's Merkle leaf: sixteen words."""
    return words(
        LEAF,
        context.chain_id,
        context.hub,
        context.task,
        context.node,
        context.sequence,
        context.round,
        leaf.index,
        leaf.policy_version,
        leaf.policy_digest,
        leaf.problem,
        leaf.seed,
        leaf.num_tokens,
        leaf.tokens_root,
        leaf.toploc_root,
        leaf.reward,
    )


def leaf_hash(context: LeafContext, leaf: RolloutLeaf) -> bytes:
    """Merkle leaf hash of a rollout in its context."""
    return merkle.leaf_hash(leaf_preimage(context, leaf))


def checkpoint_root(version: int, digest: bytes) -> bytes:
    """Root of the commitment (of zero units) that a posted checkpoint makes."""
    return keccak256(words(CHECKPOINT, version, digest))


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment as the hub hashes it into its ring; units == 0 marks a posted checkpoint."""

    sequence: int
    round: int
    root: bytes
    manifest: bytes
    units: int
    time: int

    def hash(self) -> bytes:
        """The ring slot's content."""
        return keccak256(words(self.sequence, self.round, self.root, self.manifest, self.units, self.time))


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """A canonical version by number and manifest digest."""

    version: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class FileRef:
    """A content-addressed file."""

    cid: str
    size: int


@dataclass(frozen=True, slots=True)
class PiecedRef:
    """A content-addressed file that can be demanded on the chain."""

    cid: str
    size: int
    pieces: bytes
    """Root over its pieces."""


def file_reference(file: bytes) -> FileRef:
    """The reference to a file."""
    return FileRef(str(file_dag(file)[0]), len(file))


def pieced_reference(file: bytes) -> PiecedRef:
    """The reference to a file of one byte or more, with what its manifest begins with."""
    return PiecedRef(str(file_dag(file)[0]), len(file), pieces_root(file))


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the node says of its round: for screens, never for pay."""

    reward_millionths: int
    loss_millionths: int


@dataclass(frozen=True, slots=True)
class SubmissionManifest:
    """Everything a node publishes of a round, by CID; its SHA-256 is on-chain.

    The bytes begin with the head of the update, for the chain; the document behind it tells of it too.
    """

    task: bytes
    node: str
    round: int
    sequence: int
    policy: PolicyRef
    rollouts: FileRef
    update: PiecedRef
    units: int
    metrics: Metrics
    inner_steps: int = 0
    """Behind the update, if they are fewer than the recipe's (`Recipe.steps_behind`)."""

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        head = Head(self.update.pieces, self.update.size)
        return head.to_bytes() + documents.encode(_MANIFEST_KIND, self)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> SubmissionManifest:
        """Inverse of `to_bytes`. Rejected(SIZE, ENCODING, SCHEMA)."""
        if len(data) > MAX_MANIFEST_BYTES:
            raise Rejected(
                Reason.SIZE, f"manifest of {len(data)} bytes, at most {MAX_MANIFEST_BYTES} allowed"
            )
        head = Head.from_manifest(data)
        manifest = documents.decode(cls, _MANIFEST_KIND, data[HEAD_BYTES:], MAX_MANIFEST_BYTES)
        if head != Head(manifest.update.pieces, manifest.update.size):
            raise Rejected(Reason.SCHEMA, "the manifest does not begin with the head of its update")
        return manifest
