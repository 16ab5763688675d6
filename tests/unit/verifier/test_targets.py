"""A task that asks for lengths: a verifier knows from chain data which length every prompt stated."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.spec.length_reward import LengthRule
from cupel.verifier.audit import examine, recheck

RULE = LengthRule("exact", 300, 0, least_target=4, target_step=2, num_targets=3)


@pytest.fixture(scope="module")
def asking(world: Any) -> Any:
    rules = world.rules
    return dataclasses.replace(
        world, rules=dataclasses.replace(rules, spec=dataclasses.replace(rules.spec, length=RULE))
    )


def test_whoever_states_the_assigned_length_passes(asking: Any) -> None:
    submission = asking.submission()
    assert examine(submission) is None
    assert len({one.target for one in submission.assigned}) > 1
    assert recheck(submission, asking.recomputed(submission, range(8))).finding is None


def test_whoever_states_another_is_found(asking: Any) -> None:
    owed = asking.submission().assigned
    easier = [dataclasses.replace(one, target=(one.target or 0) - 1) for one in owed]
    easier = [dataclasses.replace(one, target=(one.target or 0) % RULE.num_targets) for one in easier]
    submission = asking.submission(asking.roll_out(asking.policy, easier))
    assert examine(submission) is None
    assert recheck(submission, asking.recomputed(submission, range(8))).finding is not None


def test_and_so_is_whoever_states_none(asking: Any, world: Any) -> None:
    submission = asking.submission(world.rollouts)
    assert recheck(submission, asking.recomputed(submission, range(8))).finding is not None
