"""What an inner step moves: every weight, or adapters of low rank that the round merges."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

import torch

from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.task import MILLION
from cupel.protocol.training.adapters import Adapters
from cupel.protocol.training.flat import AdamW, FlatPolicy, clip
from cupel.protocol.training.state import TrainerState


class Learner(Protocol):
    """Moves a policy's weights."""

    def step(self, limit: float, rate: float) -> float:
        """One step along the policy's gradient, cut to length `limit` first; returns the length before."""

    def state(self, before: TrainerState, steps: int) -> TrainerState:
        """What to keep after `steps` steps of this round."""


def learner_of(model: FlatPolicy, recipe: Recipe, state: TrainerState) -> Learner:
    """The learner that a recipe asks for, over the policy's present weights."""
    return LowRank(model, recipe, state) if recipe.lora_rank else FullRank(model, state)


class FullRank:
    """Every weight; AdamW's moments live on from round to round."""

    def __init__(self, model: FlatPolicy, state: TrainerState) -> None:
        first, second = (
            torch.from_numpy(state.first_moment.copy()),
            torch.from_numpy(state.second_moment.copy()),
        )
        self._model: Final = model
        self._optimiser: Final = AdamW(model, first, second, state.steps)

    def step(self, limit: float, rate: float) -> float:
        """See `Learner.step`."""
        norm = self._model.clip_gradient(limit)
        self._optimiser.step(rate)
        return norm

    def state(self, before: TrainerState, steps: int) -> TrainerState:
        """See `Learner.state`."""
        first, second = self._optimiser.first_moment.numpy(), self._optimiser.second_moment.numpy()
        return TrainerState(first, second, before.remainder, before.steps + steps)


class LowRank:
    """Adapters that live for a round: what they learned goes into the update, whose sum over nodes has no low rank."""

    def __init__(self, model: FlatPolicy, recipe: Recipe, state: TrainerState) -> None:
        # Other directions every round, the same ones after a restart.
        generator = torch.Generator().manual_seed(state.steps)
        scale = recipe.lora_scale_millionths / MILLION
        self._adapters: Final = Adapters(model, recipe.lora_rank, scale, generator)
        self._optimiser: Final = AdamW.fresh(self._adapters)

    def step(self, limit: float, rate: float) -> float:
        """See `Learner.step`."""
        self._adapters.collect()
        norm = clip(self._adapters.gradient, limit)
        self._optimiser.step(rate)
        self._adapters.merge()
        return norm

    def state(self, before: TrainerState, steps: int) -> TrainerState:
        """See `Learner.state`."""
        return replace(before, steps=before.steps + steps)
