"""A finding as others can check it: a content-addressed document, and the bytes a judge asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError

from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.spec import documents, merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256, sha256
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.task import Pinned, TaskParams
from cupel.verifier.checks.base import FetchedSubmission, Finding, ObjectiveKind, Rules

WHOLE_SUBMISSION: Final = 2**32 - 1
"""Rollout index that names none in particular."""
MAX_EVIDENCE_BYTES: Final = 16 * 1024
_KIND: Final = "cupel.evidence.v1"
_LEAF_ABI: Final = "(uint32,uint32,bytes32,uint32,bytes32,uint32,bytes32,bytes32,uint32)"
_JURY_ABI: Final = ("uint32", "string", "bytes32")


@dataclass(frozen=True, slots=True)
class EvidenceDocument:
    """What a verifier found, and where. Whoever fetches the commitment's files can find it again."""

    chain_id: int
    hub: str
    task: bytes
    node: str
    commitment: Commitment
    accuser: str
    check: str
    reason: str
    rollout: int
    """Index of the rollout, or WHOLE_SUBMISSION."""
    observed: str
    allowed: str
    detail: str

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return documents.encode(_KIND, self)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what a jury is told, and the document's address."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> EvidenceDocument:
        """Inverse of `to_bytes`. Rejected(SIZE, ENCODING, SCHEMA)."""
        return documents.decode(cls, _KIND, data, MAX_EVIDENCE_BYTES)


@dataclass(frozen=True, slots=True)
class Judges:
    """The judges this build knows how to address, as far as the task trusts them."""

    objective: str | None
    jury: str | None

    @classmethod
    def among(cls, pinned: Sequence[Pinned], objective: str, jury: str) -> Judges:
        """Those of a deployment's judges that are also among a task's."""
        trusted = {judge.code for judge in pinned}
        return cls(objective if objective in trusted else None, jury if jury in trusted else None)


@dataclass(frozen=True, slots=True)
class Accusation:
    """Everything a challenge is made of."""

    node: str
    commitment: Commitment
    judge: str
    evidence: bytes
    reason: Reason

    def as_challenge(self, task: bytes, params: TaskParams, challenger: str) -> Challenge:
        """The challenge that the hub would make of it, but for the deadline."""
        return Challenge(
            task=task,
            node=self.node,
            sequence=self.commitment.sequence,
            judge=self.judge,
            challenger=challenger,
            token=params.token,
            stake=params.stake,
            bond=params.bond,
            deadline=0,
            evidence_hash=keccak256(self.evidence),
        )


@dataclass(frozen=True, slots=True)
class JuryEvidence:
    """What a jury is told."""

    rollout: int | None
    reason: str
    digest: bytes
    """SHA-256 of an evidence document; says nothing about whether it can be fetched."""

    def to_bytes(self) -> bytes:
        """As the JuryJudge takes it."""
        index = WHOLE_SUBMISSION if self.rollout is None else self.rollout
        return abi_encode(_JURY_ABI, (index, self.reason, self.digest))

    @classmethod
    def from_bytes(cls, evidence: bytes) -> JuryEvidence:
        """Inverse of `to_bytes`, for any challenger's bytes. Rejected(ENCODING)."""
        try:
            index, reason, digest = abi_decode(_JURY_ABI, evidence)
        except (DecodingError, OverflowError, UnicodeDecodeError) as error:
            raise Rejected(Reason.ENCODING, f"not evidence for a jury: {error}") from None
        return cls(None if index == WHOLE_SUBMISSION else index, reason, digest)


def document_of(
    finding: Finding, rules: Rules, node: str, commitment: Commitment, accuser: str
) -> EvidenceDocument:
    """The document of a finding about a node's commitment."""
    return EvidenceDocument(
        chain_id=rules.chain_id,
        hub=rules.hub,
        task=rules.task,
        node=node,
        commitment=commitment,
        accuser=accuser,
        check=finding.check,
        reason=finding.reason.value,
        rollout=WHOLE_SUBMISSION if finding.rollout is None else finding.rollout,
        observed=finding.observed,
        allowed=finding.allowed,
        detail=finding.detail,
    )


def accuse(
    finding: Finding, document: EvidenceDocument, judges: Judges, submission: FetchedSubmission | None
) -> Accusation | None:
    """The challenge a finding calls for, before the judge that needs the least trust.

    submission: where it was found, None for a posted checkpoint. None if the task has no judge for it: the finding is
    then known, but cannot be acted upon.
    """
    node, commitment, reason = document.node, document.commitment, finding.reason
    if finding.objective is not None and judges.objective is not None and submission is not None:
        evidence = objective_evidence(finding, submission)
        return Accusation(node, commitment, judges.objective, evidence, reason)
    if judges.jury is not None:
        evidence = JuryEvidence(finding.rollout, reason.value, document.digest).to_bytes()
        return Accusation(node, commitment, judges.jury, evidence, reason)
    return None


def objective_evidence(finding: Finding, submission: FetchedSubmission) -> bytes:
    """Evidence for the ObjectiveJudge: `abi.encode(uint8 kind, bytes payload)`."""
    assert finding.objective is not None, "only objective findings have objective evidence"
    assert finding.rollout is not None, "an objective finding names its rollout"
    rollout = submission.rollouts[finding.rollout]
    types = [_LEAF_ABI, "bytes32[]"]
    values: list[Any] = [
        dataclasses.astuple(submission.leaves[finding.rollout]),
        merkle.proof(submission.leaf_hashes, finding.rollout),
    ]
    if finding.objective is ObjectiveKind.WRONG_REWARD:
        types.append("uint32[]")
        values.append(rollout.tokens)
    elif finding.objective is ObjectiveKind.MALFORMED_PROOF:
        assert finding.chunk is not None, "a malformed proof has a chunk"
        hashes = [merkle.leaf_hash(proof) for proof in rollout.proofs]
        types += ["uint256", "bytes", "bytes32[]"]
        values += [finding.chunk, rollout.proofs[finding.chunk], merkle.proof(hashes, finding.chunk)]
    return abi_encode(["uint8", "bytes"], [finding.objective.value, abi_encode(types, values)])
