"""The audit: cheapest lie first, nothing recomputed in vain, honest work passes, our own errors stay errors."""

from collections.abc import Sequence
from typing import Any

import pytest

from cupel.verifier.audit import audit
from cupel.verifier.checks import CHECK_NAMES
from cupel.verifier.checks.base import FetchedSubmission, Recomputed

ALL = tuple(range(8))


def never(submission: FetchedSubmission, drawn: Sequence[int]) -> Recomputed:
    raise LookupError("no policy here")


def test_honest_work_passes_every_check(world: Any) -> None:
    assert CHECK_NAMES == ("integrity", "assignment", "reward", "toploc", "sampling")
    assert audit(world.submission(), ALL, world.recomputed) is None


def test_the_cheapest_lie_is_reported_and_spares_the_recomputation(world: Any) -> None:
    lie = world.changed(1, reward=1_000_000, seed=bytes(32))
    finding = audit(world.submission(lie), ALL, never)
    assert finding is not None
    assert finding.check == "assignment"
    finding = audit(world.submission(lie, units=9), ALL, never)
    assert finding is not None
    assert finding.check == "integrity"


def test_a_stale_policy_is_caught(world: Any, stale_rollouts: Any) -> None:
    finding = audit(world.submission(stale_rollouts), (0,), world.recomputed)
    assert finding is not None
    assert finding.check == "toploc"


def test_tokens_of_another_policy_under_honest_proofs_are_caught(world: Any) -> None:
    """The last token influences no state before it, so only sampling sees it."""
    index = next(i for i, rollout in enumerate(world.rollouts) if len(rollout.tokens) == 9)
    tokens = (*world.rollouts[index].tokens[:-1], (world.rollouts[index].tokens[-1] + 1) % 10)
    finding = audit(world.submission(world.changed(index, tokens=tokens)), ALL, world.recomputed)
    assert finding is not None
    assert (finding.check, finding.rollout) == ("sampling", index)


def test_our_own_failure_is_no_finding(world: Any) -> None:
    with pytest.raises(LookupError):
        audit(world.submission(), ALL, never)
