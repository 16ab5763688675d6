"""Assignment: other policies, problems and seeds than the chain's are found."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.rollout import PolicyRef
from cupel.verifier.checks.assignment import Assignment, PolicyDigest

KIND = ObjectiveKind.WRONG_ASSIGNMENT


def run(submission: Any) -> Any:
    return Assignment().run(submission, (), None)


def test_an_honest_submission_passes(world: Any) -> None:
    assert run(world.submission()) is None


@pytest.mark.parametrize("version", [3, 5])
def test_every_version_within_the_staleness_passes(world: Any, version: int) -> None:
    policy = PolicyRef(version, bytes([version]) * 32)
    assert run(world.submission(manifest={"policy": policy})) is None


@pytest.mark.parametrize(("version", "allowed"), [(2, "3"), (6, "5")])
def test_a_policy_out_of_range_is_found(world: Any, version: int, allowed: str) -> None:
    finding = run(world.submission(manifest={"policy": PolicyRef(version, bytes(32))}))
    assert (finding.reason, finding.rollout, finding.objective) == (Reason.POLICY_VERSION, 0, KIND)
    assert (finding.observed, finding.allowed) == (str(version), allowed)


def test_another_digest_of_an_allowed_version_is_found(world: Any) -> None:
    submission = world.submission(manifest={"policy": PolicyRef(4, b"\x09" * 32)})
    finding = PolicyDigest().run(submission, (0,), world.recomputed(submission, (0,)))
    assert finding is not None
    assert (finding.reason, finding.objective) == (Reason.POLICY_DIGEST, None)
    honest = world.submission()
    assert PolicyDigest().run(honest, (0,), world.recomputed(honest, (0,))) is None


def test_a_chosen_problem_is_found(world: Any) -> None:
    other = world.rollouts[0].problem
    finding = run(world.submission(world.changed(6, problem=other)))
    assert (finding.reason, finding.rollout, finding.objective) == (Reason.WRONG_PROBLEM, 6, KIND)
    assert (finding.observed, finding.allowed) == (str(other), str(world.rollouts[6].problem))


def test_a_chosen_seed_is_found(world: Any) -> None:
    finding = run(world.submission(world.changed(3, seed=world.rollouts[2].seed)))
    assert (finding.reason, finding.rollout, finding.objective) == (Reason.WRONG_SEED, 3, KIND)
    assert finding.observed == "0x" + world.rollouts[2].seed.hex()


def test_another_genesis_is_objective(world: Any) -> None:
    submission = world.submission(manifest={"policy": PolicyRef(0, b"\x09" * 32)})
    early = dataclasses.replace(submission, work=dataclasses.replace(submission.work, round=1))
    finding = run(early)
    assert (finding.reason, finding.rollout, finding.objective) == (Reason.POLICY_DIGEST, 0, KIND)
