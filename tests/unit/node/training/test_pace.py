"""As many steps as a round has time for, whatever the machine does meanwhile."""

import dataclasses
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from cupel.node.training.pace import steps_in_time
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.testing.builders import example_spec

FIXED = dataclasses.replace(example_spec().recipe, inner_steps=20)
NEARLY = 1e-9
LENGTHS = st.lists(st.floats(0.1, 10.0), min_size=20, max_size=20)


def run(recipe: Recipe, lengths: list[float], deadline: float | None) -> int:
    """Steps that a round takes on a machine whose steps are so long, from second 0 on."""
    clock = [0.0]
    steps = steps_in_time(recipe, lambda: clock[0], deadline)
    done = 0
    while steps.goes_on(done):
        clock[0] += lengths[done]
        done += 1
    return done


def recipe_of(least: int) -> Recipe:
    return dataclasses.replace(FIXED, least_inner_steps=least)


@given(LENGTHS, st.floats(-50.0, 300.0))
def test_without_a_least_number_or_a_deadline_everybody_does_all(
    lengths: list[float], deadline: float
) -> None:
    assert run(FIXED, lengths, deadline) == 20
    assert run(recipe_of(1), lengths, None) == 20


@given(LENGTHS, st.floats(-50.0, 300.0), st.integers(1, 20))
def test_a_node_does_what_it_has_time_for_within_the_recipes_bounds(
    lengths: list[float], deadline: float, least: int
) -> None:
    done, ends = run(recipe_of(least), lengths, deadline), list(accumulate(lengths))
    assert least <= done <= 20
    if done > least:
        assert ends[done - 2] + lengths[done - 2] <= deadline + NEARLY
    if done < 20:
        assert ends[done - 1] + lengths[done - 1] > deadline - NEARLY


@given(LENGTHS, st.floats(0.0, 300.0), st.floats(0.0, 300.0))
def test_more_time_is_never_fewer_steps(lengths: list[float], one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert run(recipe_of(1), lengths, short) <= run(recipe_of(1), lengths, long)


@given(st.floats(0.1, 10.0), st.floats(1.0, 20.0), st.floats(0.0, 300.0))
def test_a_slower_machine_does_no_more_steps(length: float, slower: float, deadline: float) -> None:
    assert run(recipe_of(1), 20 * [length * slower], deadline) <= run(
        recipe_of(1), 20 * [length], deadline + NEARLY
    )


def test_a_machine_that_becomes_slower_stops_in_time() -> None:
    assert run(recipe_of(1), 20 * [1.0], deadline=12.0) == 12
    assert run(recipe_of(1), 4 * [1.0] + 16 * [3.0], deadline=12.0) == 6
    assert run(recipe_of(1), 20 * [100.0], deadline=12.0) == 1
