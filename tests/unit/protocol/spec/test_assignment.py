"""Assignment: every input changes the seed, and problems never repeat within a round."""

import dataclasses
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.assignment import (
    Assigned,
    assigned_work,
    problem_index,
    round_seed,
    sample_seed,
    target_index,
)
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.testing.vectors import BEACON, CHAIN_ID, HUB, NODE, TASK, example_params

RULE = LengthRule("exact", 300, 0, least_target=1000, target_step=1000, num_targets=4)


def test_every_input_changes_the_round_seed() -> None:
    seeds = {
        round_seed(CHAIN_ID, HUB, TASK, NODE, 1, BEACON),
        round_seed(CHAIN_ID + 1, HUB, TASK, NODE, 1, BEACON),
        round_seed(CHAIN_ID, NODE, TASK, NODE, 1, BEACON),
        round_seed(CHAIN_ID, HUB, BEACON, NODE, 1, BEACON),
        round_seed(CHAIN_ID, HUB, TASK, HUB, 1, BEACON),
        round_seed(CHAIN_ID, HUB, TASK, NODE, 2, BEACON),
        round_seed(CHAIN_ID, HUB, TASK, NODE, 1, TASK),
    }
    assert len(seeds) == 7


def test_problems_are_a_permutation() -> None:
    for count in (1, 2, 3, 16, 37, 100):
        assert sorted(problem_index(BEACON, slot, count) for slot in range(count)) == list(range(count))


def test_sample_seeds_differ() -> None:
    assert len({sample_seed(BEACON, index) for index in range(100)}) == 100


def test_targets_are_all_drawn_and_about_equally_often() -> None:
    counts = Counter(target_index(BEACON, slot, 4) for slot in range(4000))
    assert sorted(counts) == [0, 1, 2, 3]
    # Four standard deviations of a fair draw: 4 * sqrt(4000 * 3 / 16) = 110.
    assert max(abs(count - 1000) for count in counts.values()) < 110


def test_a_group_shares_problem_and_target_and_no_rollout_a_seed() -> None:
    params = dataclasses.replace(example_params(), problems_per_round=6, group_size=4)
    owed = assigned_work(BEACON, params, range(24), RULE)
    for slot in range(6):
        group = owed[slot * 4 : slot * 4 + 4]
        assert {(one.problem, one.target) for one in group} == {
            (problem_index(BEACON, slot, params.problem_count), target_index(BEACON, slot, 4))
        }
    assert len({one.problem for one in owed}) == 6
    assert [one.seed for one in owed] == [sample_seed(BEACON, index) for index in range(24)]
    assert {one.target for one in assigned_work(BEACON, params, range(24), None)} == {None}


@given(st.binary(min_size=32, max_size=32), st.lists(st.integers(0, 511), max_size=20))
def test_a_part_of_the_round_is_assigned_as_in_the_whole(seed: bytes, indices: list[int]) -> None:
    whole = assigned_work(seed, example_params(), range(512), RULE)
    assert assigned_work(seed, example_params(), indices, RULE) == tuple(whole[index] for index in indices)


def test_what_a_leaf_commits_to_is_assigned_alike_with_and_without_targets() -> None:
    """A task with target lengths is judged by the same contract."""
    with_targets = assigned_work(BEACON, example_params(), range(40), RULE)
    without = assigned_work(BEACON, example_params(), range(40), None)
    assert [dataclasses.replace(one, target=None) for one in with_targets] == list(without)
    assert isinstance(without[0], Assigned)
