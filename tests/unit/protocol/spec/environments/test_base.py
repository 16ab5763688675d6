"""A task's environment, model, lengths and reward rule go together, or the task is refused."""

import dataclasses

import pytest

from cupel.protocol.spec.assignment import Assigned
from cupel.protocol.spec.environments.base import (
    ARITHMETIC,
    GUESSING,
    SORTING,
    assigned_prompt,
    check_fit,
    get_environment,
)
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.task import NOTHING_PINNED, EnvironmentRef, TaskParams, TaskSpec
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params

RULE = LengthRule("max", 300, 500_000, least_target=4, target_step=2, num_targets=3)


def fits(params: TaskParams, spec: TaskSpec) -> None:
    check_fit(params, spec, get_environment(spec.environment))


def test_a_known_task_fits() -> None:
    fits(example_params(), example_spec())
    arithmetic = dataclasses.replace(example_spec(), environment=ARITHMETIC, length=RULE)
    fits(dataclasses.replace(example_params(), reward_rule=NOTHING_PINNED), arithmetic)


@pytest.mark.parametrize(
    ("params", "spec", "model", "words"),
    [
        ({}, {}, {"vocabulary": 63}, "vocabulary"),
        # 10 prompt tokens and 9 of the completion, whose last is never read.
        ({}, {}, {"positions": 17}, "positions"),
        ({}, {"length": RULE}, {"positions": 18}, "positions"),
        ({}, {"length": dataclasses.replace(RULE, num_targets=51)}, {}, "50 target lengths"),
        ({}, {"environment": ARITHMETIC}, {}, "no contract computes"),
    ],
)
def test_what_does_not_fit_is_refused(
    params: dict[str, object], spec: dict[str, object], model: dict[str, object], words: str
) -> None:
    changed = dataclasses.replace(
        example_spec(),
        model=dataclasses.replace(example_spec().model, **model),  # type: ignore[arg-type]  # by name
        **spec,  # type: ignore[arg-type]  # by name
    )
    with pytest.raises(Rejected, match=words) as caught:
        fits(dataclasses.replace(example_params(), **params), changed)  # type: ignore[arg-type]  # by name
    assert caught.value.reason is Reason.TASK_PARAMETERS


def test_supervised_answers_fit_into_a_completion() -> None:
    recipe = dataclasses.replace(example_spec().recipe, objective="sft")
    spec = dataclasses.replace(example_spec(), recipe=recipe)
    fits(example_params(), spec)
    with pytest.raises(Rejected, match="longest answer"):
        fits(dataclasses.replace(example_params(), max_tokens=8), spec)


@pytest.mark.parametrize(
    ("params", "spec", "words"),
    [
        # Three turns of two tokens, and two replies of one.
        ({"max_tokens": 7}, {}, "fewer tokens than all turns and replies"),
        # Only the chain's judge of computation needs a rule for the prompts, and there is none: the jury decides.
        ({"reward_rule": example_params().reward_rule}, {}, "no contract computes"),
        ({}, {"length": RULE}, "several turns"),
        ({}, {"recipe": dataclasses.replace(example_spec().recipe, objective="sft")}, "supervised"),
    ],
)
def test_a_dialogue_fits_or_is_refused(
    params: dict[str, object], spec: dict[str, object], words: str
) -> None:
    task = dataclasses.replace(example_spec(), environment=GUESSING)
    terms = dataclasses.replace(example_params(), reward_rule=NOTHING_PINNED, max_tokens=8)
    fits(terms, task)
    with pytest.raises(Rejected, match=words):
        fits(
            dataclasses.replace(terms, **params),  # type: ignore[arg-type]  # by name
            dataclasses.replace(task, **spec),  # type: ignore[arg-type]  # by name
        )


def test_eighteen_positions_are_enough_without_lengths() -> None:
    model = dataclasses.replace(example_spec().model, positions=18)
    fits(example_params(), dataclasses.replace(example_spec(), model=model))


@pytest.mark.parametrize("reference", [SORTING, ARITHMETIC])
def test_a_target_stands_before_the_prompt_and_changes_nothing_else(reference: EnvironmentRef) -> None:
    environment = get_environment(reference)
    plain = assigned_prompt(environment, Assigned(7, bytes(32), None))
    stated = [assigned_prompt(environment, Assigned(7, bytes(32), target)) for target in range(3)]
    assert plain == environment.prompt(7)
    assert len({prompt[0] for prompt in stated}) == 3
    assert [prompt[1:] for prompt in stated] == [plain] * 3
    assert not {prompt[0] for prompt in stated} & set(plain)
