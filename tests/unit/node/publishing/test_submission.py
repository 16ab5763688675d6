"""A submission binds what it publishes, and refuses work that would cost the stake although it is honest."""

import dataclasses

import pytest

from cupel.node.publishing.submission import (
    RepeatedWork,
    distinct_rollouts,
    make_submission,
    published_leaves,
)
from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.repetition import Place, ProvenWork
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef, Rollout, leaf_hash, toploc_root
from cupel.protocol.submissions import SubmissionFiles
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, TASK, example_params

PARAMS = dataclasses.replace(example_params(), problems_per_round=3, group_size=2, topk=4)
CONTEXT = LeafContext(CHAIN_ID, HUB, TASK, NODE, 3, 5)
POLICY = PolicyRef(4, b"\4" * 32)
METRICS = Metrics(0, 0)


def proof(number: int) -> tuple[bytes, ...]:
    return (number.to_bytes(10, "big"),)


ROLLOUTS = tuple(Rollout(index // 2, bytes([index]) * 32, (1, 2, 11), 0, proof(index)) for index in range(6))


def proving(index: int, number: int) -> tuple[Rollout, ...]:
    """The rollouts, one of them with another's proofs."""
    rollouts = list(ROLLOUTS)
    rollouts[index] = dataclasses.replace(rollouts[index], proofs=proof(number))
    return tuple(rollouts)


def test_the_root_and_the_manifest_bind_the_files() -> None:
    made = make_submission(PARAMS, CONTEXT, POLICY, ROLLOUTS, b"update", METRICS, {})
    assert made.root == merkle.root([leaf_hash(CONTEXT, leaf) for leaf in made.leaves])
    assert (made.manifest.units, made.manifest.sequence, made.manifest.update.size) == (6, 3, 6)
    files = SubmissionFiles(made.manifest.to_bytes(), made.rollouts_file, b"update")
    assert published_leaves(PARAMS, files) == made.leaves


def test_files_that_are_gone_are_no_memory() -> None:
    lost = Rejected(Reason.DAG, "not a file")
    with pytest.raises(Rejected):
        published_leaves(PARAMS, SubmissionFiles(b"update", lost, lost))


def test_one_proof_for_two_problems_is_refused_before_anything_is_made() -> None:
    with pytest.raises(RepeatedWork) as refusal:
        make_submission(PARAMS, CONTEXT, POLICY, proving(4, 1), b"update", METRICS, {})
    assert refusal.value.key == "task"
    assert "rollout 4 of commitment 3 (problem 2) has the proofs of rollout 1" in refusal.value.problem
    assert refusal.value.remedy.endswith("leave the task")


def test_a_proof_of_an_earlier_commitment_is_refused() -> None:
    proven = {toploc_root(proof(4)): Place(1, 0, 77)}
    with pytest.raises(RepeatedWork, match=r"rollout 0 of commitment 1 \(problem 77\)"):
        make_submission(PARAMS, CONTEXT, POLICY, ROLLOUTS, b"update", METRICS, proven)
    own = {toploc_root(proof(4)): Place(1, 0, ROLLOUTS[4].problem)}
    assert make_submission(PARAMS, CONTEXT, POLICY, ROLLOUTS, b"update", METRICS, own).manifest.units == 6


def test_one_proof_for_one_problem_is_committed_to() -> None:
    assert make_submission(PARAMS, CONTEXT, POLICY, proving(1, 0), b"update", METRICS, {}).manifest.units == 6


@pytest.mark.parametrize(("index", "of", "kept"), [(5, 0, 4), (4, 0, 4), (3, 1, 2), (2, 0, 2)])
def test_the_groups_before_a_repetition_remain(index: int, of: int, kept: int) -> None:
    rollouts, repeated = distinct_rollouts(PARAMS, CONTEXT, POLICY, proving(index, of), {})
    assert rollouts == ROLLOUTS[:kept]
    assert repeated is not None
    assert (repeated.repetition.place.index, repeated.repetition.twin.index) == (index, of)
    assert make_submission(PARAMS, CONTEXT, POLICY, rollouts, b"update", METRICS, {}).manifest.units == kept


def test_distinct_rollouts_all_remain() -> None:
    proven = ProvenWork().beside(3)
    assert distinct_rollouts(PARAMS, CONTEXT, POLICY, ROLLOUTS, proven) == (ROLLOUTS, None)
