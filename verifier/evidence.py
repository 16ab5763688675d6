"""A finding as others can check it: a content-addressed document, and the bytes a judge asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.spec import fraud, merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.evidence_document import MAX_EVIDENCE_BYTES as MAX_EVIDENCE_BYTES
from cupel.protocol.spec.evidence_document import EvidenceDocument as EvidenceDocument
from cupel.protocol.spec.fraud import ObjectiveKind, OpenedChunk, OpenedLeaf
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.jury_evidence import WHOLE_SUBMISSION as WHOLE_SUBMISSION
from cupel.protocol.spec.jury_evidence import JuryEvidence as JuryEvidence
from cupel.protocol.spec.rollout import Commitment, leaf_hash, leaf_preimage
from cupel.protocol.spec.task import Pinned, TaskParams
from cupel.verifier.checks.base import FetchedSubmission, Finding, Rules

ABOUT_ALL: Final = frozenset({Reason.TERMINATION, Reason.TOKEN_DISTRIBUTION, Reason.TOPLOC_POOLED})
"""Reasons of charges that may be about all rollouts together, and are then judged by all."""
ABOUT_TRAINING: Final = frozenset({Reason.TRAINING, Reason.ZERO_UPDATE})
"""Reasons of charges that are judged by training again."""


@dataclass(frozen=True, slots=True)
class Judges:
    """The judges this build knows how to address, as far as the task trusts them."""

    objective: str | None
    jury: str | None
    data: str | None = None
    canonical: str | None = None

    @classmethod
    def among(
        cls, pinned: Sequence[Pinned], objective: str, jury: str, data: str, canonical: str | None = None
    ) -> Judges:
        """Those of a deployment's judges that are also among a task's."""
        trusted = {judge.code for judge in pinned}
        known = (judge if judge in trusted else None for judge in (objective, jury, data, canonical))
        return cls(*known)

    def name_of(self, judge: str) -> str:
        """Which of them an address is; empty for none."""
        names = {
            self.objective: "objective",
            self.jury: "jury",
            self.data: "data",
            self.canonical: "canonical",
        }
        return names.get(judge, "")


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


def asked_rollouts(evidence: bytes, units: int) -> tuple[int, ...]:
    """The rollouts that a jury is asked to recompute by any challenger's bytes: one, all for some reasons, or none."""
    try:
        charge = JuryEvidence.from_bytes(evidence)
    except Rejected:
        return ()
    if charge.rollout is None:
        return tuple(range(units)) if charge.reason in ABOUT_ALL else ()
    return (charge.rollout,) if charge.rollout < units else ()


def is_about_training(evidence: bytes) -> bool:
    """Whether a jury is asked, by any challenger's bytes, whether an update follows from its rollouts."""
    try:
        return JuryEvidence.from_bytes(evidence).reason in ABOUT_TRAINING
    except Rejected:
        return False


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
    finding: Finding,
    document: EvidenceDocument,
    judges: Judges,
    submission: FetchedSubmission | None,
    twin: FetchedSubmission | None = None,
    refutation: bytes | None = None,
) -> Accusation | None:
    """The challenge a finding calls for, before the judge that needs the least trust.

    submission: where it was found, None for a posted checkpoint; twin: as for `objective_evidence`; refutation:
    evidence for the CanonicalJudge, if it settles this. None if the task has no judge for it: the finding is then
    known, but cannot be acted upon.
    """
    node, commitment, reason = document.node, document.commitment, finding.reason
    if finding.objective is not None and judges.objective is not None and submission is not None:
        evidence = objective_evidence(finding, submission, twin)
        return Accusation(node, commitment, judges.objective, evidence, reason)
    if refutation is not None and judges.canonical is not None:
        return Accusation(node, commitment, judges.canonical, refutation, reason)
    if judges.jury is not None:
        evidence = JuryEvidence(finding.rollout, reason.value, document.digest).to_bytes()
        return Accusation(node, commitment, judges.jury, evidence, reason)
    return None


def objective_evidence(
    finding: Finding, submission: FetchedSubmission, twin: FetchedSubmission | None = None
) -> bytes:
    """Evidence for the ObjectiveJudge.

    twin: the commitment of `finding.twin`, if that is another than the submission's.
    """
    assert finding.rollout is not None, "an objective finding names its rollout"
    index = finding.rollout
    match finding.objective:
        case ObjectiveKind.EMPTY_LEAF:
            holes = (merkle.EMPTY_LEAF,) * (submission.work.units - len(submission.leaves))
            return fraud.empty_leaf(index, merkle.proof((*submission.leaf_hashes, *holes), index))
        case ObjectiveKind.MALFORMED_LEAF:
            return _malformed_leaf(index, submission)
        case ObjectiveKind.WRONG_REWARD:
            return fraud.wrong_reward(_opened(submission, index), submission.rollouts[index].tokens)
        case ObjectiveKind.MALFORMED_PROOF:
            assert finding.chunk is not None, "a malformed proof has a chunk"
            proofs = submission.rollouts[index].proofs
            siblings = merkle.proof([merkle.leaf_hash(proof) for proof in proofs], finding.chunk)
            chunk = OpenedChunk(finding.chunk, proofs[finding.chunk], siblings)
            return fraud.malformed_proof(_opened(submission, index), chunk)
        case ObjectiveKind.REPEATED_PROOF:
            assert finding.twin is not None, "a repeated proof has a twin"
            other = submission if finding.twin.sequence == submission.work.sequence else twin
            assert other is not None, "the twin's commitment is needed to show it"
            opened, twins = _opened(submission, index), _opened(other, finding.twin.index)
            return fraud.repeated_proof(opened, other.commitment, twins)
        case ObjectiveKind.WRONG_ASSIGNMENT:
            return fraud.wrong_assignment(_opened(submission, index))
    raise AssertionError(f"no check of files finds {finding.objective}")


def _malformed_leaf(index: int, submission: FetchedSubmission) -> bytes:
    """A leaf behind the units, or one of the commitment that the manifest speaks of instead of this one."""
    leaves = submission.leaves
    is_own = merkle.root(submission.leaf_hashes) == submission.work.root
    context = submission.context if is_own else submission.claimed_context
    hashes = [leaf_hash(context, leaf) for leaf in leaves]
    return fraud.malformed_leaf(index, leaf_preimage(context, leaves[index]), merkle.proof(hashes, index))


def _opened(submission: FetchedSubmission, index: int) -> OpenedLeaf:
    return OpenedLeaf(submission.leaves[index], merkle.proof(submission.leaf_hashes, index))
