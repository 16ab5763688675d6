"""The audit: cheapest lie first, and honest work passes."""

from typing import Any

import pytest

from cupel.verifier.audit import examine, recheck
from cupel.verifier.checks import CHECK_NAMES, DEEP

ALL = tuple(range(8))


def test_honest_work_passes_every_check(world: Any) -> None:
    names = (
        "integrity",
        "termination",
        "assignment",
        "reward",
        "toploc",
        "sampling",
        "distribution",
        "pooled",
    )
    assert names == CHECK_NAMES
    submission = world.submission()
    assert examine(submission) is None
    rechecked = recheck(submission, world.recomputed(submission, ALL))
    assert rechecked.finding is None
    assert rechecked.pool.chunks == sum(len(rollout.proofs) for rollout in world.rollouts)


def test_the_cheapest_lie_is_the_one_reported(world: Any) -> None:
    lie = world.changed(1, reward=1_000_000, seed=bytes(32))
    finding = examine(world.submission(lie))
    assert finding is not None
    assert finding.check == "assignment"
    finding = examine(world.submission(lie, units=9))
    assert finding is not None
    assert finding.check == "integrity"


def test_a_stale_policy_is_caught(world: Any, stale_rollouts: Any) -> None:
    submission = world.submission(stale_rollouts)
    assert examine(submission) is None
    finding = recheck(submission, world.recomputed(submission, (0,))).finding
    assert finding is not None
    assert finding.check == "toploc"


def test_tokens_of_another_policy_under_honest_proofs_are_caught(world: Any) -> None:
    """The last token influences no state before it, so only sampling sees it."""
    index = next(i for i, rollout in enumerate(world.rollouts) if len(rollout.tokens) == 9)
    tokens = (*world.rollouts[index].tokens[:-1], (world.rollouts[index].tokens[-1] + 1) % 10)
    submission = world.submission(world.changed(index, tokens=tokens))
    assert examine(submission) is None
    finding = recheck(submission, world.recomputed(submission, ALL)).finding
    assert finding is not None
    assert (finding.check, finding.rollout) == ("sampling", index)


def test_deep_checks_never_run_without_a_recomputation(world: Any) -> None:
    for check in DEEP:
        with pytest.raises(AssertionError):
            check.run(world.submission(), ALL, None)
