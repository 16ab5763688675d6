"""Pooled: weights that pass in every chunk and not in the mean of all."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.model.quantise import quantised
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.task import Pooling
from cupel.protocol.spec.toploc import pooled
from cupel.verifier.checks.pooled import Pooled, pool_of
from cupel.verifier.checks.toploc import Toploc

ALL = tuple(range(8))
LIMIT = 2_000
"""Far above the honest mean of this policy, which is zero or one step in thousands of points."""


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight short rollouts have fewer chunks than an audit."""
    monkeypatch.setattr(pooled, "POOLED_CHUNKS", 16)


def limited(submission: Any, limit: int = LIMIT) -> Any:
    spec = dataclasses.replace(submission.rules.spec, pooling=Pooling(limit))
    return dataclasses.replace(submission, rules=dataclasses.replace(submission.rules, spec=spec))


def rounded(world: Any) -> Any:
    """A submission of the policy with weights of 18 bits."""
    return limited(world.submission(world.roll_out(quantised(world.policy, 18))))


@pytest.mark.usefixtures("few_are_enough")
def test_honest_work_passes(world: Any) -> None:
    submission = limited(world.submission())
    assert Pooled().run(submission, ALL, world.recomputed(submission, ALL)) is None


@pytest.mark.usefixtures("few_are_enough")
def test_small_errors_everywhere_are_found(world: Any) -> None:
    submission = rounded(world)
    recomputed = world.recomputed(submission, ALL)
    assert Toploc().run(submission, ALL, recomputed) is None, "no chunk shows it"
    finding = Pooled().run(submission, ALL, recomputed)
    assert finding is not None
    assert (finding.reason, finding.rollout, finding.chunk) == (Reason.TOPLOC_POOLED, None, None)
    assert (finding.objective, finding.allowed) == (None, str(LIMIT))
    assert int(finding.observed) == pool_of(submission, recomputed).mean_millionths > LIMIT
    at_limit = limited(submission, int(finding.observed))
    assert Pooled().run(at_limit, ALL, recomputed) is None


def test_few_chunks_say_nothing(world: Any) -> None:
    submission = rounded(world)
    assert Pooled().run(submission, ALL, world.recomputed(submission, ALL)) is None


def test_the_pool_is_of_the_drawn_rollouts(world: Any) -> None:
    submission = rounded(world)
    parts = [
        pool_of(submission, world.recomputed(submission, drawn)) for drawn in ((0, 3), (1, 2, 4, 5, 6, 7))
    ]
    assert parts[0] + parts[1] == pool_of(submission, world.recomputed(submission, ALL))
    assert parts[0].chunks == len(submission.rollouts[0].proofs) + len(submission.rollouts[3].proofs)


def test_proofs_that_are_refused_alone_are_not_added(world: Any) -> None:
    proofs = world.rollouts[2].proofs
    null = bytes(len(proofs[0]))
    submission = world.submission(world.changed(2, proofs=(null,) * len(proofs)))
    assert pool_of(submission, world.recomputed(submission, (2,))).chunks == 0
