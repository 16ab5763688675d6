"""A round as arrays: what was assigned, what it is worth, and what is too old to train on."""

import dataclasses

import numpy as np
import pytest

from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.environments.base import SORTING, get_environment
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.testing.vectors import BEACON, example_params
from cupel.protocol.training.batch import Batch, batch_of, fresh_groups, with_answers

ENVIRONMENT = get_environment(SORTING)
PARAMS = dataclasses.replace(example_params(), problems_per_round=2, group_size=2, max_staleness=2)
RULE = LengthRule("exact", 100_000, 0, least_target=3, target_step=1, num_targets=2)


def round_of(rule: LengthRule | None = None) -> Batch:
    owed = assigned_work(BEACON, PARAMS, range(4), rule)
    texts = [(1, 2, 11), (1,) * 9, (11,), (5, 11)]
    rollouts = [
        Rollout(one.problem, one.seed, text, reward, ())
        for one, text, reward in zip(owed, texts, (10, 0, 1_000_000, 0), strict=True)
    ]
    return batch_of(rollouts, owed, ENVIRONMENT, 5, PARAMS.max_tokens, rule)


def test_rows_are_padded_and_stamped() -> None:
    batch = round_of()
    assert batch.tokens[0].tolist() == [1, 2, 11] + [-1] * 6
    assert batch.lengths.tolist() == [3, 9, 1, 2]
    assert batch.rewards.tolist() == [10, 0, 1_000_000, 0]
    assert batch.versions is not None
    assert batch.versions.tolist() == [5] * 4
    assert batch.targets is None
    assert np.array_equal(batch.prompts[0], batch.prompts[1])
    assert not np.array_equal(batch.prompts[0], batch.prompts[2])


def test_a_length_rule_changes_what_is_trained_on_and_not_what_is_committed() -> None:
    batch = round_of(RULE)
    assert batch.targets is not None
    owed = assigned_work(BEACON, PARAMS, range(4), RULE)
    assert batch.targets.tolist() == [3 + (one.target or 0) for one in owed]
    assert batch.rewards.tolist() == round_of().rewards.tolist()
    expected = [
        reward / 1e6 - 0.1 * abs(target - length)
        for reward, target, length in zip(batch.rewards, batch.targets, batch.lengths, strict=True)
    ]
    assert batch.trained_rewards(RULE).tolist() == pytest.approx(expected, abs=1e-6)
    assert batch.trained_rewards(None).tolist() == pytest.approx([1e-5, 0, 1, 0])


def test_answers_take_the_place_of_completions() -> None:
    owed = assigned_work(BEACON, PARAMS, range(4), None)
    batch = with_answers(round_of(), owed, ENVIRONMENT)
    assert tuple(batch.tokens[2]) == ENVIRONMENT.answer(owed[2].problem)
    assert batch.lengths.tolist() == [9] * 4
    assert batch.rewards.tolist() == round_of().rewards.tolist()


@pytest.mark.parametrize(
    ("versions", "kept", "refused"),
    [
        ([7, 7, 7, 7], [0, 1, 2, 3], []),
        ([5, 5, 7, 6], [0, 1, 2, 3], []),
        ([4, 4, 7, 7], [2, 3], ["policy version 4, round 7 accepts 5 to 7"]),
        # A group is compared within itself: it goes as a whole.
        ([7, 4, 7, 7], [2, 3], ["policy version 4, round 7 accepts 5 to 7"]),
        (
            [4, 4, 8, 7],
            [],
            ["policy version 4, round 7 accepts 5 to 7", "policy version 8, round 7 accepts 5 to 7"],
        ),
    ],
)
def test_work_over_age_is_refused_with_a_reason(
    versions: list[int], kept: list[int], refused: list[str]
) -> None:
    batch = dataclasses.replace(round_of(), versions=np.array(versions, np.int32))
    fresh, reasons = fresh_groups(batch, PARAMS, 7)
    assert np.array_equal(fresh.tokens, batch.tokens[kept])
    assert [reason.detail for reason in reasons] == refused
    assert {reason.reason for reason in reasons} <= {Reason.POLICY_VERSION}
