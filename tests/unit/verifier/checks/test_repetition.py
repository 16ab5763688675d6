"""Repetition: one root of proofs for two problems is found, within a submission and across a node's commitments."""

import dataclasses
from typing import Any

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.repetition import Place, ProvenWork
from cupel.verifier.checks.base import Finding
from cupel.verifier.checks.repetition import Repetition


def run(submission: Any) -> Finding | None:
    return Repetition().run(submission, (), None)


def repeating(world: Any, index: int, of: int) -> list[Any]:
    """The honest rollouts, but `index` has the completion and proofs of `of`."""
    source = world.rollouts[of]
    return world.changed(index, tokens=source.tokens, proofs=source.proofs)  # type: ignore[no-any-return]


def test_an_honest_submission_passes(world: Any) -> None:
    assert run(world.submission()) is None


def test_the_proofs_of_another_problem_are_found(world: Any) -> None:
    problems = [rollout.problem for rollout in world.rollouts]
    assert run(world.submission(repeating(world, 5, 2))) == Finding(
        "toploc",
        Reason.TOPLOC_REPEATED,
        f"the proofs of rollout 2, which is of problem {problems[2]}",
        5,
        observed=str(problems[5]),
        allowed=str(problems[2]),
        objective=ObjectiveKind.REPEATED_PROOF,
        twin=Place(3, 2, problems[2]),
    )


def test_one_completion_twice_for_one_problem_is_honest(world: Any) -> None:
    assert run(world.submission(repeating(world, 1, 0))) is None


def test_the_proofs_of_an_earlier_commitment_are_found(world: Any) -> None:
    earlier = dataclasses.replace(world, round=4, sequence=2)
    known = ProvenWork().add(2, earlier.submission().leaves).beside(3)
    assert run(dataclasses.replace(world.submission(), proven=known)) is None
    copied = earlier.rollouts[6]
    lie = world.submission(world.changed(1, tokens=copied.tokens, proofs=copied.proofs))
    assert run(lie) is None
    finding = run(dataclasses.replace(lie, proven=known))
    assert finding is not None
    assert finding.twin is not None
    assert (finding.rollout, finding.twin.sequence, finding.twin.problem) == (1, 2, copied.problem)
    assert finding.detail.endswith(f"of commitment 2, which is of problem {copied.problem}")
