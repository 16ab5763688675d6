"""Shown rollouts: put together from answers, and accused of what the chain can judge."""

import dataclasses
from typing import Any

import pytest
from eth_abi.abi import decode

from cupel.protocol.spec import fraud
from cupel.protocol.spec.demand import (
    Answer,
    DataDemand,
    LeafAnswer,
    ManifestAnswer,
    Part,
    answer,
    demands_for,
)
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import EVIDENCE_ABI, ObjectiveKind, kind_of
from cupel.verifier.checks.base import FetchedSubmission
from cupel.verifier.checks.disclosed import Shown, accusable, shown_rollouts


def answers_of(submission: FetchedSubmission, *indices: int) -> dict[DataDemand, Answer]:
    """What a node shows when everything about these rollouts is demanded."""
    rollouts = submission.rollouts_file
    assert isinstance(rollouts, bytes)
    params, context = submission.rules.params, submission.context
    return {
        demand: answer(demand, submission.manifest_file, rollouts, params, context)
        for demand in (DataDemand(Part.MANIFEST), *demands_for(indices, params))
    }


def shown(submission: FetchedSubmission, *indices: int) -> tuple[Shown, ...]:
    return shown_rollouts(answers_of(submission, *indices), submission.rules.params.chunk_tokens)


def accused(submission: FetchedSubmission, index: int) -> tuple[Reason, bytes] | None:
    (one,) = shown(submission, index)
    return accusable(one, submission.rules, submission.work, submission.beacon)


def test_answers_make_whole_rollouts(world: Any) -> None:
    submission = world.submission()
    for one, index in zip(shown(submission, 6, 1), (1, 6), strict=True):
        rollout = submission.rollouts[index]
        assert one.opened.leaf == submission.leaves[index]
        assert one.tokens == rollout.tokens
        assert tuple(chunk.data for chunk in one.proofs) == rollout.proofs


def test_missing_answers_leave_gaps(world: Any) -> None:
    submission = world.submission()
    answers = answers_of(submission, 1)
    leaf = answers[DataDemand(Part.LEAF, 1)]
    assert isinstance(leaf, LeafAnswer)
    chunk_tokens = submission.rules.params.chunk_tokens
    assert shown_rollouts({DataDemand(Part.MANIFEST): ManifestAnswer(b"")}, chunk_tokens) == ()
    del answers[DataDemand(Part.TOKENS, 1, 0)]
    (one,) = shown_rollouts(answers, chunk_tokens)
    assert one.tokens is None
    (bare,) = shown_rollouts({DataDemand(Part.LEAF, 1): leaf}, chunk_tokens)
    assert bare == Shown(fraud.OpenedLeaf(leaf.leaf, leaf.proof), None, ())


def test_honest_work_is_not_accused(world: Any) -> None:
    submission = world.submission()
    for index in range(submission.work.units):
        assert accused(submission, index) is None


@pytest.mark.parametrize(
    ("changes", "reason", "kind"),
    [
        ({"seed": bytes(32)}, Reason.WRONG_SEED, ObjectiveKind.WRONG_ASSIGNMENT),
        ({"problem": 7}, Reason.WRONG_PROBLEM, ObjectiveKind.WRONG_ASSIGNMENT),
        ({"reward": 999_999}, Reason.WRONG_REWARD, ObjectiveKind.WRONG_REWARD),
    ],
)
def test_lies_are_accused(world: Any, changes: dict[str, Any], reason: Reason, kind: ObjectiveKind) -> None:
    found = accused(world.submission(world.changed(5, **changes)), 5)
    assert found is not None
    assert (found[0], kind_of(found[1])) == (reason, kind)


def test_a_malformed_proof_is_accused_by_its_place(world: Any) -> None:
    proofs = world.rollouts[5].proofs
    submission = world.submission(world.changed(5, proofs=(*proofs[:-1], bytes(len(proofs[0])))))
    found = accused(submission, 5)
    assert found is not None
    assert found[0] is Reason.TOPLOC_MODULUS
    kind, payload = decode(EVIDENCE_ABI, found[1])
    assert kind == ObjectiveKind.MALFORMED_PROOF
    assert decode(fraud.PAYLOAD_ABI[ObjectiveKind.MALFORMED_PROOF], payload)[2] == len(proofs) - 1


def test_policies_and_lengths_out_of_bounds_are_accused(world: Any) -> None:
    submission = world.submission()
    (one,) = shown(submission, 0)
    for changes, reason in (
        ({"policy_version": 6}, Reason.POLICY_VERSION),
        ({"policy_version": 2}, Reason.POLICY_VERSION),
        ({"num_tokens": 0}, Reason.TERMINATION),
        ({"num_tokens": 10}, Reason.TERMINATION),
    ):
        leaf = dataclasses.replace(one.opened.leaf, **changes)
        lying = dataclasses.replace(one, opened=fraud.OpenedLeaf(leaf, one.opened.siblings))
        found = accusable(lying, submission.rules, submission.work, submission.beacon)
        assert found is not None
        assert (found[0], kind_of(found[1])) == (reason, ObjectiveKind.WRONG_ASSIGNMENT)


def test_without_a_rule_on_chain_a_reward_is_nobodys_to_judge(world: Any) -> None:
    nobody = dataclasses.replace(world.rules.params.reward_rule, code="0x" + "00" * 20)
    params = dataclasses.replace(world.rules.params, reward_rule=nobody)
    submission = world.submission(world.changed(5, reward=999_999))
    (one,) = shown(submission, 5)
    rules = dataclasses.replace(submission.rules, params=params)
    assert accusable(one, rules, submission.work, submission.beacon) is None
