"""A node's training between two aggregations: some AdamW steps on its own rollouts of the round.

The result is a pseudo-gradient, the canonical weights minus the node's own afterwards. AdamW's moments stay at the
node from round to round (DiLoCo keeps inner optimiser state), and so does what quantisation left out of the last
update. On one machine and one thread the same inputs give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load, save
from torch import Tensor

from cupel.node.training.grpo import group_advantages, token_log_probabilities, token_loss
from cupel.protocol.model.checkpoint import Layout, layout_of, load_weights
from cupel.protocol.model.generate import replay_input
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.spec.task import BILLION, MILLION, ModelShape, Recipe

BETAS: Final = (0.9, 0.95)
EPSILON: Final = 1e-8


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
class Settings:
    """What a round's training follows from the task and the round's number."""

    recipe: Recipe
    group_size: int
    temperature: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a round's training went; losses and shares are means over its steps."""

    mean_reward: float
    """Of all rollouts, in [0, 1]."""
    groups_with_signal: int
    steps: int
    loss: float
    clipped_share: float
    gradient_norm: float
    update_norm: float
    """Euclidean length of the pseudo-gradient."""


def settings_of(params: TaskParams, spec: TaskSpec, round_index: int) -> Settings:
    """Settings of a round of a task."""
    rate = learning_rate(spec.recipe, round_index, params.rounds)
    return Settings(spec.recipe, params.group_size, spec.sampling.temperature_millionths / MILLION, rate)


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
) -> tuple[npt.NDArray[np.float32], TrainerState, Metrics]:
    """`recipe.inner_steps` AdamW steps from canonical `weights` (float32 [parameters]) on a round's rollouts.

    Returns the pseudo-gradient (canonical minus trained), the state to keep, and metrics. Old log-probabilities are
    recomputed from `weights`, which sampled the batch. Groups of equal rewards are left out; if all are, nothing is
    learned and the pseudo-gradient is zero.
    """
    layout = layout_of(shape)
    policy = TinyPolicy(shape)
    load_weights(policy, layout, weights)
    data = _prepare(policy, batch, recipe, schedule)
    optimizer = _AdamW(weights, state, schedule.learning_rate)
    losses, clipped, norms = [], [], []
    for rows in _minibatches(data.signal, schedule, recipe.inner_steps):
        loss, silenced = _loss(policy, data, rows, recipe, schedule.temperature)
        gradient = _gradient(policy, loss, layout)
        norms.append(float(np.linalg.norm(gradient)))
        optimizer.step(gradient * min(1.0, recipe.gradient_clip_millionths / MILLION / max(norms[-1], 1e-12)))
        load_weights(policy, layout, optimizer.weights)
        losses.append(float(loss.detach()))
        clipped.append(float(silenced))
    update = weights - optimizer.weights
    metrics = Metrics(
        mean_reward=float(batch.rewards.mean()) / MILLION,
        groups_with_signal=len(data.signal) // schedule.group_size,
        steps=len(losses),
        loss=float(np.mean(losses)) if losses else 0.0,
        clipped_share=float(np.mean(clipped)) if clipped else 0.0,
        gradient_norm=float(np.mean(norms)) if norms else 0.0,
        update_norm=float(np.linalg.norm(update)),
    )
    kept = TrainerState(optimizer.first, optimizer.second, state.remainder, optimizer.steps)
    return update, kept, metrics


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a round's training needs beside the recipe."""

    learning_rate: float
    temperature: float
    group_size: int
    seed: int
    """Order of the groups."""


@dataclass(frozen=True, slots=True)
class _Data:
    inputs: Tensor
    """int64 [N, P + T - 1]."""
    tokens: Tensor
    """int64 [N, T], zero behind the end."""
    inside: Tensor
    advantages: Tensor
    old: Tensor
    prompt_tokens: int
    signal: npt.NDArray[np.int64]
    """Rows of groups that teach something, group after group."""


def _prepare(policy: TinyPolicy, batch: Batch, recipe: Recipe, schedule: Schedule) -> _Data:
    rewards = batch.rewards.astype(np.float32) / np.float32(MILLION)
    advantages = group_advantages(rewards, schedule.group_size, recipe.advantage_std)
    groups = np.flatnonzero(advantages.reshape(-1, schedule.group_size).any(axis=1))
    rows = (groups[:, None] * schedule.group_size + np.arange(schedule.group_size)).reshape(-1)
    inputs = torch.from_numpy(replay_input(batch.prompts, batch.tokens))
    tokens = torch.from_numpy(np.maximum(batch.tokens, 0).astype(np.int64))
    inside = torch.from_numpy(np.arange(batch.tokens.shape[1]) < batch.lengths[:, None])
    prompt_tokens = batch.prompts.shape[1]
    with torch.no_grad():
        old = _log_probabilities(policy, inputs, tokens, prompt_tokens, schedule.temperature)
    return _Data(inputs, tokens, inside, torch.from_numpy(advantages), old, prompt_tokens, rows)


def _minibatches(
    signal: npt.NDArray[np.int64], schedule: Schedule, steps: int
) -> list[npt.NDArray[np.int64]]:
    """Whole groups in a seeded order, spread evenly over the steps; with fewer groups than steps, fewer steps."""
    groups = signal.reshape(-1, schedule.group_size)
    order = np.random.default_rng(schedule.seed).permutation(len(groups))
    parts = np.array_split(groups[order], min(steps, len(groups))) if len(groups) else []
    return [part.reshape(-1) for part in parts]


def _loss(
    policy: TinyPolicy, data: _Data, rows: npt.NDArray[np.int64], recipe: Recipe, temperature: float
) -> tuple[Tensor, Tensor]:
    index = torch.from_numpy(rows)
    new = _log_probabilities(policy, data.inputs[index], data.tokens[index], data.prompt_tokens, temperature)
    return token_loss(
        new,
        data.old[index],
        data.advantages[index],
        data.inside[index],
        recipe.clip_millionths / MILLION,
        recipe.max_ratio_millionths / MILLION,
    )


def _log_probabilities(
    policy: TinyPolicy, inputs: Tensor, tokens: Tensor, prompt_tokens: int, temperature: float
) -> Tensor:
    states = policy(inputs)[:, prompt_tokens - 1 :]
    return token_log_probabilities(policy.logits(states), tokens, temperature)


def _gradient(policy: TinyPolicy, loss: Tensor, layout: Layout) -> npt.NDArray[np.float32]:
    parameters = dict(policy.named_parameters())
    ordered = [parameters[tensor.name] for tensor in layout.tensors]
    pieces = torch.autograd.grad(loss, ordered)
    return torch.cat([piece.reshape(-1) for piece in pieces]).numpy()


class _AdamW:
    """AdamW without weight decay on flat arrays, so that its state is two arrays and a count."""

    def __init__(self, weights: npt.NDArray[np.float32], state: TrainerState, rate: float) -> None:
        self.weights = weights.copy()
        self.first = state.first_moment.copy()
        self.second = state.second_moment.copy()
        self.steps = state.steps
        self._rate = np.float32(rate)

    def step(self, gradient: npt.NDArray[np.float32]) -> None:
        """One step against `gradient` (float32 [parameters])."""
        self.steps += 1
        beta1, beta2 = (np.float32(beta) for beta in BETAS)
        self.first = beta1 * self.first + (1 - beta1) * gradient
        self.second = beta2 * self.second + (1 - beta2) * gradient * gradient
        first = self.first / np.float32(1 - BETAS[0] ** self.steps)
        second = self.second / np.float32(1 - BETAS[1] ** self.steps)
        self.weights = self.weights - self._rate * first / (np.sqrt(second) + np.float32(EPSILON))


def state_to_bytes(state: TrainerState) -> bytes:
    """The state as a safetensors file, for the journal."""
    return save(
        {
            "first_moment": state.first_moment,
            "second_moment": state.second_moment,
            "remainder": state.remainder,
            "steps": np.array([state.steps], dtype=np.int64),
        }
    )


def state_from_bytes(file: bytes) -> TrainerState:
    """Inverse of `state_to_bytes`, for a file of our own."""
    arrays = load(file)
    return TrainerState(
        arrays["first_moment"], arrays["second_moment"], arrays["remainder"], int(arrays["steps"][0])
    )


def train_round(
    shape: ModelShape,
    weights: npt.NDArray[np.float32],
    batch: Batch,
    state: TrainerState,
    settings: Settings,
    sampler: npt.NDArray[np.float32] | None = None,
) -> tuple[npt.NDArray[np.float32], TrainerState, Metrics]:
    """Take the recipe's inner steps from `weights` (float32 [parameters]) on one round's rollouts.

    `sampler`: weights of the version that sampled the rollouts, where that is an older one. Old log-probabilities
    are recomputed from it, never taken from the generation, whose sums run in another order. Returns the
    pseudo-gradient float32 [parameters], the state to keep and the metrics. Without any group whose rewards differ
    nothing is learned: the pseudo-gradient is zero and the moments stay.
    """
    mean_reward = float(batch.rewards.mean()) / MILLION
    examples = _examples(batch, settings)
    if examples is None:
        metrics = Metrics(mean_reward, 0, 0, 0.0, 0.0, 0.0, 0.0)
        return np.zeros_like(weights), state, metrics
    model = FlatPolicy(shape)
    model.set_weights(weights if sampler is None else sampler)
    old = _old_log_probabilities(model, examples, settings.temperature)
    model.set_weights(weights)
    optimiser = _restore(model, state, settings.learning_rate)
    losses, shares, norms = [], [], []
    for _ in range(settings.recipe.inner_steps):
        loss, share = _accumulate(model, examples, old, settings)
        norms.append(model.clip_gradient(settings.recipe.gradient_clip_millionths / MILLION))
        optimiser.step()
        losses.append(loss)
        shares.append(share)
    pseudo_gradient = weights - model.weights.numpy()
    groups = examples.tokens.shape[0] // settings.group_size
    length = float(np.linalg.norm(pseudo_gradient))
    means = (float(np.mean(values)) for values in (losses, shares, norms))
    metrics = Metrics(mean_reward, groups, settings.recipe.inner_steps, *means, update_norm=length)
    return pseudo_gradient, _capture(optimiser, model, state, settings.recipe.inner_steps), metrics


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


def _examples(batch: Batch, settings: Settings) -> _Examples | None:
    """None if no group carries signal."""
    rewards = batch.rewards.astype(np.float32) / np.float32(MILLION)
    advantages = group_advantages(rewards, settings.group_size, settings.recipe.advantage_std)
    # A group of equal rewards moves nothing and would only dilute the mean over tokens.
    signal = np.repeat(advantages.reshape(-1, settings.group_size).any(axis=1), settings.group_size)
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
def _old_log_probabilities(model: FlatPolicy, examples: _Examples, temperature: float) -> Tensor:
    rows = range(0, examples.tokens.shape[0], SLICE_ROWS)
    slices = [slice(start, start + SLICE_ROWS) for start in rows]
    return torch.cat([_log_probabilities(model, examples, part, temperature) for part in slices])


def _log_probabilities(model: FlatPolicy, examples: _Examples, part: slice, temperature: float) -> Tensor:
    tokens = examples.tokens[part]
    states = model.policy(examples.inputs[part])[:, -tokens.shape[1] :]
    return token_log_probabilities(model.policy.logits(states), tokens, temperature)


def _accumulate(model: FlatPolicy, examples: _Examples, old: Tensor, settings: Settings) -> tuple[float, float]:
    """Gradient of the mean loss over all tokens, slice by slice; returns the loss and the clipped share."""
    recipe = settings.recipe
    clip, max_ratio = recipe.clip_millionths / MILLION, recipe.max_ratio_millionths / MILLION
    total = examples.inside.sum()
    loss_sum = share_sum = 0.0
    model.gradient.zero_()
    for start in range(0, examples.tokens.shape[0], SLICE_ROWS):
        part = slice(start, start + SLICE_ROWS)
        inside = examples.inside[part]
        new = _log_probabilities(model, examples, part, settings.temperature)
        loss, share = token_loss(new, old[part], examples.advantages[part], inside, clip, max_ratio)
        weight = inside.sum() / total
        (loss * weight).backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        loss_sum += float(loss.detach() * weight)
        share_sum += float(share * weight)
    return loss_sum, share_sum


def _restore(model: FlatPolicy, state: TrainerState, rate: float) -> torch.optim.AdamW:
    optimiser = adamw(model, rate)
    optimiser.state[model.parameter] = {
        "step": torch.tensor(float(state.steps)),
        "exp_avg": torch.from_numpy(state.first_moment.copy()),
        "exp_avg_sq": torch.from_numpy(state.second_moment.copy()),
    }
    return optimiser


def _capture(
    optimiser: torch.optim.AdamW, model: FlatPolicy, before: TrainerState, steps: int
) -> TrainerState:
    moments = optimiser.state[model.parameter]
    first, second = moments["exp_avg"].numpy(), moments["exp_avg_sq"].numpy()
    return TrainerState(first, second, before.remainder, before.steps + steps)
