"""Evidence: what the judges decode, and documents that round-trip."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from eth_abi.abi import decode

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.repetition import ProvenWork
from cupel.protocol.spec.rollout import Commitment, RolloutLeaf, leaf_preimage, tokens_root, toploc_root
from cupel.protocol.spec.task import Pinned
from cupel.verifier.checks import CHEAP
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.checks.checkpoint import check_checkpoint
from cupel.verifier.evidence import (
    Accusation,
    EvidenceDocument,
    Judges,
    JuryEvidence,
    accuse,
    asked_rollouts,
    document_of,
)

LEAF = "(uint32,uint32,bytes32,uint32,bytes32,uint32,bytes32,bytes32,uint32)"
COMMITMENT_ABI = "(uint32,uint32,bytes32,bytes32,uint32,uint40)"
OBJECTIVE, JURY, ME, DATA = ("0x" + digit * 20 for digit in ("0a", "0b", "0c", "0d"))
BOTH = Judges(OBJECTIVE, JURY)


def find(submission: FetchedSubmission) -> Finding:
    return next(found for check in CHEAP if (found := check.run(submission, (), None)))


def document(finding: Finding, submission: FetchedSubmission) -> EvidenceDocument:
    return document_of(finding, submission.rules, submission.work.node, submission.commitment, ME)


def charge(submission: FetchedSubmission, judges: Judges = BOTH) -> Accusation | None:
    finding = find(submission)
    return accuse(finding, document(finding, submission), judges, submission)


def payload(submission: FetchedSubmission, kind: int, *types: str) -> tuple[Any, ...]:
    """What the ObjectiveJudge decodes, after its own check of the leaf against the root."""
    finding = find(submission)
    accusation = charge(submission)
    assert accusation is not None
    assert (accusation.judge, accusation.node) == (OBJECTIVE, submission.work.node)
    assert accusation.commitment.hash() == submission.commitment.hash()
    decoded_kind, data = decode(["uint8", "bytes"], accusation.evidence)
    assert decoded_kind == kind
    leaf, proof, *rest = decode([LEAF, "bytes32[]", *types], data)
    index = finding.rollout
    assert index is not None
    assert RolloutLeaf(*leaf) == submission.leaves[index]
    assert merkle.verify(
        submission.work.root, submission.leaf_hashes[index], index, submission.work.units, proof
    )
    return (submission.leaves[index], *rest)


def shown(submission: FetchedSubmission, kind: int, *types: str) -> tuple[Any, ...]:
    """What the ObjectiveJudge decodes of evidence about a place instead of a leaf."""
    accusation = charge(submission)
    assert accusation is not None
    assert accusation.judge == OBJECTIVE
    decoded_kind, data = decode(["uint8", "bytes"], accusation.evidence)
    assert decoded_kind == kind
    values: tuple[Any, ...] = decode(types, data)
    return values


def test_a_wrong_seed_is_shown_by_its_leaf(world: Any) -> None:
    (leaf,) = payload(world.submission(world.changed(5, seed=bytes(32))), 1)
    assert (leaf.index, leaf.seed) == (5, bytes(32))


def test_a_wrong_reward_is_shown_with_the_tokens(world: Any) -> None:
    leaf, tokens = payload(world.submission(world.changed(6, reward=1_000_000)), 2, "uint32[]")
    assert leaf.reward == 1_000_000
    assert tokens_root(tokens, world.rules.params.chunk_tokens) == leaf.tokens_root


def test_a_malformed_proof_is_shown_with_its_place(world: Any) -> None:
    honest = world.rollouts[3].proofs
    proofs = (*honest[:-1], bytes(len(honest[0])))
    submission = world.submission(world.changed(3, proofs=proofs))
    leaf, chunk, proof, siblings = payload(submission, 3, "uint256", "bytes", "bytes32[]")
    assert (chunk, proof) == (len(honest) - 1, bytes(len(honest[0])))
    assert leaf.toploc_root == toploc_root(proofs)
    assert merkle.verify(leaf.toploc_root, merkle.leaf_hash(proof), chunk, len(honest), siblings)


def opens(root: bytes, leaf: bytes, index: int, siblings: Sequence[bytes]) -> bool:
    """Whether a hash lies at a place of a tree, whatever number of leaves the tree claims."""
    return merkle.verify(root, leaf, index, 1 << len(siblings), siblings)


def test_units_without_rollouts_are_shown_by_the_empty_leaf(world: Any) -> None:
    honest = world.submission(world.rollouts[:5])
    root = merkle.root((*honest.leaf_hashes, *(merkle.EMPTY_LEAF,) * 3))
    submission = world.submission(world.rollouts[:5], units=8, root=root)
    position, siblings = shown(submission, 6, "uint256", "bytes32[]")
    assert position == 5
    assert opens(root, merkle.EMPTY_LEAF, position, siblings)


def test_rollouts_behind_the_units_are_shown_by_the_surplus_leaf(world: Any) -> None:
    submission = world.submission(units=6)
    position, preimage, siblings = shown(submission, 4, "uint32", "bytes", "bytes32[]")
    assert position == 6
    assert preimage == leaf_preimage(submission.context, submission.leaves[6])
    assert opens(submission.work.root, merkle.leaf_hash(preimage), position, siblings)


def test_a_copied_commitment_is_shown_by_a_leaf_that_names_its_author(world: Any) -> None:
    author = world.submission()
    copied = dataclasses.replace(author, work=dataclasses.replace(author.work, node=ME))
    position, preimage, siblings = shown(copied, 4, "uint32", "bytes", "bytes32[]")
    assert preimage == leaf_preimage(author.context, author.leaves[position])
    assert opens(author.work.root, merkle.leaf_hash(preimage), position, siblings)


def test_a_repeated_proof_is_shown_with_its_twin(world: Any) -> None:
    proofs, tokens = world.rollouts[2].proofs, world.rollouts[2].tokens
    submission = world.submission(world.changed(5, proofs=proofs, tokens=tokens))
    leaf, other, twin, siblings = payload(submission, 7, COMMITMENT_ABI, LEAF, "bytes32[]")
    assert (leaf.index, RolloutLeaf(*twin)) == (5, submission.leaves[2])
    assert leaf.toploc_root == submission.leaves[2].toploc_root
    assert Commitment(*other) == submission.commitment
    assert opens(submission.work.root, submission.leaf_hashes[2], 2, siblings)


def test_a_proof_of_an_earlier_commitment_is_shown_from_both(world: Any) -> None:
    before = dataclasses.replace(world, round=4, sequence=2)
    earlier, copied = before.submission(), before.rollouts[6]
    lie = world.submission(world.changed(1, proofs=copied.proofs, tokens=copied.tokens))
    lie = dataclasses.replace(lie, proven=ProvenWork().add(2, earlier.leaves).beside(3))
    finding = find(lie)
    accusation = accuse(finding, document(finding, lie), BOTH, lie, earlier)
    assert accusation is not None
    kind, data = decode(["uint8", "bytes"], accusation.evidence)
    _, _, other, twin, siblings = decode([LEAF, "bytes32[]", COMMITMENT_ABI, LEAF, "bytes32[]"], data)
    assert (kind, accusation.judge, accusation.commitment) == (7, OBJECTIVE, lie.commitment)
    assert (Commitment(*other), RolloutLeaf(*twin)) == (earlier.commitment, earlier.leaves[6])
    assert opens(earlier.work.root, earlier.leaf_hashes[6], 6, siblings)


def test_what_only_a_jury_can_settle_goes_to_the_jury(world: Any) -> None:
    submission = world.submission(root=b"\1" * 32)
    accusation = charge(submission)
    assert accusation is not None
    assert (accusation.judge, accusation.reason) == (JURY, Reason.COMMITMENT_ROOT)
    assert JuryEvidence.from_bytes(accusation.evidence) == JuryEvidence(
        None, "commitment-root", document(find(submission), submission).digest
    )
    assert decode(["uint32", "string", "bytes32"], accusation.evidence)[0] == 2**32 - 1


def test_the_judge_is_one_the_task_trusts(world: Any) -> None:
    submission = world.submission(world.changed(5, seed=bytes(32)))
    fallback = charge(submission, Judges(None, JURY))
    assert fallback is not None
    assert (fallback.judge, JuryEvidence.from_bytes(fallback.evidence).rollout) == (JURY, 5)
    assert charge(submission, Judges(None, None)) is None
    assert Judges.among([Pinned(JURY, bytes(32))], OBJECTIVE, JURY, DATA) == Judges(None, JURY, None)
    assert Judges.among([Pinned(DATA, bytes(32))], OBJECTIVE, JURY, DATA) == Judges(None, None, DATA)


def test_judges_have_names() -> None:
    judges = Judges(OBJECTIVE, JURY, DATA)
    assert [judges.name_of(one) for one in (OBJECTIVE, JURY, DATA, ME)] == ["objective", "jury", "data", ""]


def test_documents_round_trip_and_hide_nothing(world: Any) -> None:
    submission = world.submission(world.changed(5, seed=bytes(32)))
    told = document(find(submission), submission)
    assert EvidenceDocument.from_bytes(told.to_bytes()) == told
    assert dataclasses.replace(told, detail="other").digest != told.digest
    with pytest.raises(Rejected):
        EvidenceDocument.from_bytes(told.to_bytes().replace(b'"rollout":5', b'"rollout":-5'))


@pytest.mark.parametrize("evidence", [b"", b"\1" * 31, b"\xff" * 96, b"\0" * 31 + b"\1" + b"\xff" * 64])
def test_hostile_jury_evidence_is_refused(evidence: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        JuryEvidence.from_bytes(evidence)
    assert refusal.value.reason is Reason.ENCODING


def test_a_false_checkpoint_goes_to_the_jury(world: Any) -> None:
    submission = world.submission()
    assert check_checkpoint(3, b"\1" * 32, b"\1" * 32) is None
    finding = check_checkpoint(3, b"\1" * 32, b"\2" * 32)
    assert finding is not None
    assert (finding.check, finding.reason, finding.objective) == ("checkpoint", Reason.CHECKPOINT, None)
    accusation = accuse(finding, document(finding, submission), BOTH, None)
    assert accusation is not None
    assert accusation.judge == JURY
    assert JuryEvidence.from_bytes(accusation.evidence).rollout is None


def test_a_false_checkpoint_goes_to_the_judge_of_versions_where_there_is_one(world: Any) -> None:
    finding = check_checkpoint(3, b"\1" * 32, b"\2" * 32)
    assert finding is not None
    submission = world.submission()
    judges = Judges(OBJECTIVE, JURY, canonical=DATA)
    accusation = accuse(finding, document(finding, submission), judges, None, refutation=b"")
    assert accusation is not None
    assert (accusation.judge, accusation.evidence) == (DATA, b"")


@pytest.mark.parametrize(
    ("rollout", "reason", "asked"),
    [
        (2, "sampling", (2,)),
        (3, "token-distribution", ()),
        (None, "sampling", ()),
        (None, "no such reason", ()),
        (None, "termination", (0, 1, 2)),
        (None, "token-distribution", (0, 1, 2)),
        (None, "toploc-pooled", (0, 1, 2)),
    ],
)
def test_a_jury_recomputes_what_a_charge_is_about(
    rollout: int | None, reason: str, asked: tuple[int, ...]
) -> None:
    assert asked_rollouts(JuryEvidence(rollout, reason, bytes(32)).to_bytes(), 3) == asked


def test_noise_asks_for_no_rollout() -> None:
    assert asked_rollouts(b"\xff" * 40, 3) == ()
