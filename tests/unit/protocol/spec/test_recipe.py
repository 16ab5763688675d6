"""A recipe says what to do in words everybody knows, and means the same when nothing is said."""

import dataclasses

import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.recipe import DPO, GENESIS, GRPO, SAMPLER, SFT, check_recipe
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.testing.builders import example_spec

# Of the example, from before recipes had optional keys: tasks of that time keep their digest.
DIGEST_BEFORE = "089b73cb1a97e467d14c2dd66fca8c6823bde9907071ee3067997cbf03bfaf14"


def test_a_recipe_that_says_nothing_new_keeps_its_digest() -> None:
    assert example_spec().digest.hex() == DIGEST_BEFORE


def test_every_choice_survives_the_document() -> None:
    recipe = dataclasses.replace(
        example_spec().recipe,
        objective=DPO,
        trust_region="mask",
        reference=SAMPLER,
        kl_millionths=1,
        kl_estimator="k1",
        drop_silent_groups=False,
        packed_tokens=64,
        lora_rank=4,
        least_inner_steps=2,
    )
    spec = dataclasses.replace(example_spec(), recipe=recipe)
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"objective": "ppo"}, "one of grpo, sft, dpo"),
        ({"max_exponent_offset": 33}, "recipe.max_exponent_offset is above 32"),
        ({"trust_region": "none"}, "one of clip, mask"),
        ({"reference": "newest"}, "one of genesis, sampler"),
        ({"kl_estimator": "k4"}, "one of k1, k2, k3"),
        ({"inner_steps": 0}, "inner_steps"),
        ({"mask_millionths": 1_000_001}, "difference of probabilities"),
        ({"least_solve_rate_millionths": 6, "most_solve_rate_millionths": 5}, "above most"),
        ({"dpo_beta_millionths": 0}, "dpo_beta"),
        ({"lora_scale_millionths": 0}, "lora_scale"),
        ({"lora_rank": 65}, "above the model's width"),
        ({"inner_steps": 4, "least_inner_steps": 5}, "least_inner_steps is above inner_steps"),
    ],
)
def test_what_nobody_can_follow_is_refused(change: dict[str, object], words: str) -> None:
    recipe = dataclasses.replace(example_spec().recipe, **change)  # type: ignore[arg-type]  # by name
    with pytest.raises(Rejected, match=words) as caught:
        TaskSpec.from_bytes(dataclasses.replace(example_spec(), recipe=recipe).to_bytes())
    assert caught.value.reason is Reason.TASK_SPEC


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({}, False),
        ({"kl_millionths": 1}, True),
        ({"kl_millionths": 1, "reference": SAMPLER}, False),
        ({"objective": DPO}, True),
        ({"objective": DPO, "reference": SAMPLER}, False),
        ({"objective": SFT, "kl_millionths": 1}, False),
    ],
)
def test_only_a_comparison_needs_the_initial_weights(change: dict[str, object], needed: bool) -> None:
    recipe = dataclasses.replace(example_spec().recipe, **change)  # type: ignore[arg-type]  # by name
    check_recipe(recipe)
    assert (recipe.objective, recipe.reference) == (
        change.get("objective", GRPO),
        change.get("reference", GENESIS),
    )
    assert recipe.needs_genesis is needed


@pytest.mark.parametrize(
    ("least", "stated", "behind"), [(0, 0, 8), (3, 0, 8), (3, 3, 3), (3, 7, 7), (8, 0, 8)]
)
def test_a_manifest_states_steps_only_where_they_are_fewer(least: int, stated: int, behind: int) -> None:
    recipe = dataclasses.replace(example_spec().recipe, inner_steps=8, least_inner_steps=least)
    assert recipe.steps_behind(stated) == behind


@pytest.mark.parametrize(
    ("least", "stated"), [(0, 1), (0, 8), (3, 2), (3, 8), (3, 9), (8, 8), (3, 2**63 - 1)]
)
def test_steps_that_the_recipe_does_not_allow_are_refused(least: int, stated: int) -> None:
    recipe = dataclasses.replace(example_spec().recipe, inner_steps=8, least_inner_steps=least)
    with pytest.raises(Rejected) as caught:
        recipe.steps_behind(stated)
    assert caught.value.reason is Reason.MANIFEST
