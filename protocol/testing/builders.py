"""Small valid documents for tests."""

from __future__ import annotations

from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.task import (
    Aggregation,
    EnvironmentRef,
    ModelShape,
    Pooling,
    Sampling,
    TaskSpec,
    Thresholds,
)


def example_spec() -> TaskSpec:
    """A valid TaskSpec of the sorting environment."""
    return TaskSpec(
        name="sort eight digits",
        environment=EnvironmentRef("cupel/sorting", 1),
        model=ModelShape(
            "cupel/tiny-transformer-v1",
            vocabulary=64,
            layers=2,
            width=64,
            heads=4,
            feed_forward=192,
            positions=32,
        ),
        sampling=Sampling(temperature_millionths=1_000_000, tolerance_millionths=1_000),
        thresholds=Thresholds(4, 500, 500),
        pooling=Pooling(250_000),
        recipe=Recipe(
            inner_steps=4,
            learning_rate_billionths=800_000,
            final_learning_rate_billionths=100_000,
            clip_millionths=200_000,
            max_ratio_millionths=4_000_000,
            advantage_std=True,
            gradient_clip_millionths=1_000_000,
            max_exponent_offset=24,
        ),
        aggregation=Aggregation(1, 1, 0, 1),
    )
