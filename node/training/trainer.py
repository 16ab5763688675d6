"""A node's training between two aggregations: some AdamW steps on its own rollouts of the round.

The result is a pseudo-gradient, the canonical weights minus the node's own afterwards. AdamW's moments stay at the
node from round to round (DiLoCo keeps inner optimiser state), and so does what quantisation left out of the last
update. On one machine and one thread the same inputs give the same bits: every step sees the whole round, so there
is no order to draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cupel.node.training.flat import AdamW, FlatPolicy
from cupel.node.training.grpo import group_advantages, token_log_probabilities, token_loss
from cupel.node.training.state import TrainerState
from cupel.protocol.model.generate import replay_input
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.task import BILLION, MILLION, ModelShape, TaskParams, TaskSpec

# Rollouts of one backward pass: bounds memory whatever the size of a round. Gradients add up over the slices.
SLICE_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class Batch:
    """A round's rollouts, group after group: N rollouts, prompts of P tokens, completions of at most T.

    prompts int64 [N, P]; tokens int32 [N, T], -1 behind the end; lengths int32 [N]; rewards int32 [N], millionths.
    """

    prompts: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]
    rewards: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a round's training needs beside the recipe."""

    learning_rate: float
    temperature: float
    group_size: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a round's training went; losses, shares and gradients are means over its steps."""

    mean_reward: float
    """Of all rollouts, in [0, 1]."""
    groups_with_signal: int
    steps: int
    loss: float
    clipped_share: float
    gradient_norm: float
    """Before clipping."""
    update_norm: float
    """Euclidean length of the pseudo-gradient."""


def schedule_of(params: TaskParams, spec: TaskSpec, round_index: int) -> Schedule:
    """Schedule of a round of a task."""
    rate = learning_rate(spec.recipe, round_index, params.rounds)
    return Schedule(rate, spec.sampling.temperature_millionths / MILLION, params.group_size)


def learning_rate(recipe: Recipe, round_index: int, rounds: int) -> float:
    """Rate of a round: linear from the recipe's first rate in round 0 to its final one in the last round."""
    done = round_index / max(1, rounds - 1)
    first, last = recipe.learning_rate_billionths, recipe.final_learning_rate_billionths
    return (first + (last - first) * done) / BILLION


def train_round(
    shape: ModelShape,
    weights: npt.NDArray[np.float32],
    batch: Batch,
    recipe: Recipe,
    schedule: Schedule,
    state: TrainerState,
    sampler: npt.NDArray[np.float32] | None = None,
) -> tuple[npt.NDArray[np.float32], TrainerState, Metrics]:
    """Take the recipe's inner steps from `weights` (float32 [parameters]) on one round's rollouts.

    `sampler`: weights of the version that sampled the rollouts, where that is an older one. Old log-probabilities
    are recomputed from it, never taken from the generation, whose sums run in another order. Returns the
    pseudo-gradient float32 [parameters], the state to keep and the metrics. Without any group whose rewards differ
    nothing is learned: the pseudo-gradient is zero and the moments stay.
    """
    examples = _examples(batch, recipe, schedule)
    mean_reward = float(batch.rewards.mean()) / MILLION
    if examples is None:
        return np.zeros_like(weights), state, Metrics(mean_reward, 0, 0, 0.0, 0.0, 0.0, 0.0)
    model = FlatPolicy(shape)
    model.set_weights(weights if sampler is None else sampler)
    old = _old_log_probabilities(model, examples, schedule)
    model.set_weights(weights)
    optimiser = _restore(model, state)
    traces = np.zeros((recipe.inner_steps, 3))
    for trace in traces:
        trace[:2] = _accumulate(model, examples, old, recipe, schedule)
        trace[2] = model.clip_gradient(recipe.gradient_clip_millionths / MILLION)
        optimiser.step(schedule.learning_rate)
    pseudo_gradient = weights - model.weights.numpy()
    loss, clipped_share, gradient_norm = traces.mean(axis=0).tolist()
    metrics = Metrics(
        mean_reward=mean_reward,
        groups_with_signal=examples.tokens.shape[0] // schedule.group_size,
        steps=recipe.inner_steps,
        loss=loss,
        clipped_share=clipped_share,
        gradient_norm=gradient_norm,
        update_norm=float(np.linalg.norm(pseudo_gradient)),
    )
    return pseudo_gradient, _capture(optimiser, state, recipe.inner_steps), metrics


@dataclass(frozen=True, slots=True)
class _Examples:
    """The rollouts of the groups that carry signal, as tensors."""

    inputs: Tensor
    """int64 [rows, P + T - 1]"""
    tokens: Tensor
    """int64 [rows, T], 0 behind the end"""
    inside: Tensor
    """bool [rows, T]"""
    advantages: Tensor
    """float32 [rows]"""


def _examples(batch: Batch, recipe: Recipe, schedule: Schedule) -> _Examples | None:
    """None if no group carries signal."""
    rewards = batch.rewards.astype(np.float32) / np.float32(MILLION)
    advantages = group_advantages(rewards, schedule.group_size, recipe.advantage_std)
    # A group of equal rewards moves nothing and would only dilute the mean over tokens.
    signal = np.repeat(advantages.reshape(-1, schedule.group_size).any(axis=1), schedule.group_size)
    if not signal.any():
        return None
    tokens = batch.tokens[signal]
    inside = np.arange(tokens.shape[1]) < batch.lengths[signal, None]
    return _Examples(
        torch.from_numpy(replay_input(batch.prompts[signal], tokens)),
        torch.from_numpy(np.maximum(tokens, 0).astype(np.int64)),
        torch.from_numpy(inside),
        torch.from_numpy(advantages[signal]),
    )


@torch.no_grad()
def _old_log_probabilities(model: FlatPolicy, examples: _Examples, schedule: Schedule) -> Tensor:
    rows = range(0, examples.tokens.shape[0], SLICE_ROWS)
    slices = [slice(start, start + SLICE_ROWS) for start in rows]
    return torch.cat([_log_probabilities(model, examples, part, schedule.temperature) for part in slices])


def _log_probabilities(model: FlatPolicy, examples: _Examples, part: slice, temperature: float) -> Tensor:
    tokens = examples.tokens[part]
    states = model.policy(examples.inputs[part])[:, -tokens.shape[1] :]
    return token_log_probabilities(model.policy.logits(states), tokens, temperature)


def _accumulate(
    model: FlatPolicy, examples: _Examples, old: Tensor, recipe: Recipe, schedule: Schedule
) -> tuple[float, float]:
    """Gradient of the mean loss over all tokens, slice by slice; returns the loss and the clipped share."""
    clip, max_ratio = recipe.clip_millionths / MILLION, recipe.max_ratio_millionths / MILLION
    total = examples.inside.sum()
    loss_sum = share_sum = 0.0
    model.gradient.zero_()
    for start in range(0, examples.tokens.shape[0], SLICE_ROWS):
        part = slice(start, start + SLICE_ROWS)
        inside = examples.inside[part]
        new = _log_probabilities(model, examples, part, schedule.temperature)
        loss, share = token_loss(new, old[part], examples.advantages[part], inside, clip, max_ratio)
        weight = inside.sum() / total
        (loss * weight).backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        loss_sum += float(loss.detach() * weight)
        share_sum += float(share * weight)
    return loss_sum, share_sum


def _restore(model: FlatPolicy, state: TrainerState) -> AdamW:
    first, second = torch.from_numpy(state.first_moment.copy()), torch.from_numpy(state.second_moment.copy())
    return AdamW(model, first, second, state.steps)


def _capture(optimiser: AdamW, before: TrainerState, steps: int) -> TrainerState:
    first, second = optimiser.first_moment.numpy(), optimiser.second_moment.numpy()
    return TrainerState(first, second, before.remainder, before.steps + steps)
