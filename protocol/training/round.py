"""A round's training from its committed rollouts: the one way for the node that does it and for whoever replays it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.environments.base import Environment
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.recipe import SFT, Recipe
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.task import TaskParams, TaskSpec
from cupel.protocol.training.batch import Batch, batch_of, fresh_groups, with_answers
from cupel.protocol.training.state import TrainerState
from cupel.protocol.training.trainer import Metrics, PastWeights, Steps, schedule_of, train_round

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RoundWork:
    """A round's rollouts, whole and in index order, and what they were made under."""

    params: TaskParams
    spec: TaskSpec
    environment: Environment
    round: int
    seed: bytes
    """The round's, of which problems and sampling seeds follow."""
    sampler: int
    """Version that sampled."""
    base: int
    """Version that training starts from."""
    rollouts: tuple[Rollout, ...]


@dataclass(frozen=True, slots=True)
class TrainedRound:
    """What training gives. `state` does not know yet what quantisation leaves out."""

    pseudo_gradient: Weights
    state: TrainerState
    metrics: Metrics
    refused: tuple[Rejected, ...]
    """Why groups were left out, a reason for every version."""


def needed_versions(recipe: Recipe, sampler: int, base: int) -> tuple[int, ...]:
    """Versions whose weights training takes, ascending."""
    return tuple(sorted({base, sampler} | ({0} if recipe.needs_genesis else set())))


def train(
    work: RoundWork, weights: Mapping[int, Weights], state: TrainerState, steps: Steps | None = None
) -> TrainedRound:
    """Follow the recipe. weights: float32 [parameters] of `needed_versions`. The same bits on one machine.

    steps: the recipe's inner steps if left out.
    """
    batch, refused = _batch(work)
    past = PastWeights({work.sampler: weights[work.sampler]}, weights.get(0))
    gradient, state, metrics = train_round(
        work.spec.model,
        weights[work.base],
        batch,
        work.spec.recipe,
        schedule_of(work.params, work.spec, work.round),
        state,
        past,
        steps,
    )
    return TrainedRound(gradient, state, metrics, refused)


def _batch(work: RoundWork) -> tuple[Batch, tuple[Rejected, ...]]:
    params, spec = work.params, work.spec
    assigned = assigned_work(work.seed, params, range(len(work.rollouts)), spec.length)
    batch = batch_of(work.rollouts, assigned, work.environment, work.sampler, params.max_tokens, spec.length)
    if spec.recipe.objective == SFT:
        batch = with_answers(batch, assigned, work.environment)
    return fresh_groups(batch, params, work.round)
