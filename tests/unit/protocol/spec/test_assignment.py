"""Assignment: every input changes the seed, and problems never repeat within a round."""

from cupel.protocol.spec.assignment import problem_index, round_seed, sample_seed
from cupel.protocol.testing.vectors import BEACON, CHAIN_ID, HUB, NODE, TASK


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
