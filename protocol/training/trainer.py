"""A node's training between two aggregations: some steps of the recipe on its own rollouts of the round.

The result is a pseudo-gradient, the canonical weights minus the node's own afterwards. AdamW's moments stay at the
node from round to round (DiLoCo keeps inner optimiser state), and so does what quantisation left out of the last
update. On one machine and one thread the same inputs give the same bits: every step sees the whole round, so there
is no order to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.task import BILLION, MILLION, ModelShape, TaskParams, TaskSpec
from cupel.protocol.training.batch import Batch
from cupel.protocol.training.examples import Examples, examples_of
from cupel.protocol.training.flat import FlatPolicy
from cupel.protocol.training.grpo import token_log_probabilities
from cupel.protocol.training.learner import learner_of
from cupel.protocol.training.objective import Piece, loss_of
from cupel.protocol.training.packing import packed_states
from cupel.protocol.training.spread import Spread
from cupel.protocol.training.state import TrainerState

# Rollouts of one backward pass: bounds memory whatever the size of a round. Gradients add up over the slices.
# Even, so that no preference pair is cut.
SLICE_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a round's training needs beside the recipe."""

    learning_rate: float
    temperature: float
    group_size: int
    length: LengthRule | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """How many inner steps a round's training takes."""

    least: int
    most: int
    another_fits: Callable[[int], bool] = lambda _: True
    """Whether there is time for one more after so many. Asked before every step, so that it can time them."""

    def goes_on(self, done: int) -> bool:
        """Whether one more is taken after so many."""
        fits = self.another_fits(done)
        return done < self.least or (done < self.most and fits)


def exactly(number: int) -> Steps:
    """So many, however long they take."""
    return Steps(number, number)


@dataclass(frozen=True, slots=True)
class PastWeights:
    """Weights float32 [parameters] of other versions than the one trained on."""

    samplers: Mapping[int, npt.NDArray[np.float32]] = field(default_factory=dict)
    """By version, of those that sampled some of the rollouts."""
    genesis: npt.NDArray[np.float32] | None = None
    """The task's initial weights, where the recipe compares with them."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a round's training went; losses, shares and gradients are means over its steps."""

    mean_reward: float
    """Of all rollouts, in [0, 1]."""
    groups_with_signal: int
    """Groups trained on; problems under SFT."""
    steps: int
    loss: float
    clipped_share: float
    """Of the tokens, silenced by the trust region; of the pairs, ordered wrongly, under DPO."""
    gradient_norm: float
    """Before clipping."""
    update_norm: float
    """Euclidean length of the pseudo-gradient."""
    divergence: float = 0.0
    """From the policy that sampled, in nats a token (k3), as the last step found it."""
    entropy: float = 0.0
    """Of the next token, in nats, as the last step found it."""


def schedule_of(params: TaskParams, spec: TaskSpec, round_index: int) -> Schedule:
    """Schedule of a round of a task."""
    rate = learning_rate(spec.recipe, round_index, params.rounds)
    return Schedule(rate, spec.sampling.temperature_millionths / MILLION, params.group_size, spec.length)


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
    past: PastWeights | None = None,
    steps: Steps | None = None,
) -> tuple[npt.NDArray[np.float32], TrainerState, Metrics]:
    """Take inner steps from `weights` (float32 [parameters]) on one round's rollouts: the recipe's, or `steps`.

    Old log-probabilities are recomputed from the version that sampled, never taken from the generation, whose sums run
    in another order. Rollouts of a version that `past` does not hold were sampled by `weights`. Returns the
    pseudo-gradient float32 [parameters], the state to keep and the metrics. Without any group whose rewards differ
    nothing is learned: the pseudo-gradient is zero and the moments stay.
    """
    past = PastWeights() if past is None else past
    steps = exactly(recipe.inner_steps) if steps is None else steps
    examples = examples_of(batch, recipe, schedule.group_size, schedule.length)
    mean_reward = float(batch.rewards.mean()) / MILLION if batch.rewards.size else 0.0
    if examples is None:
        return np.zeros_like(weights), state, Metrics(mean_reward, 0, 0, 0.0, 0.0, 0.0, 0.0)
    model = FlatPolicy(shape)
    reader = _Reader(model, examples, recipe.packed_tokens, schedule.temperature)
    old = reader.by_version(past.samplers, weights)
    genesis = reader.by_weights(past.genesis) if recipe.needs_genesis else None
    model.set_weights(weights)
    learner = learner_of(model, recipe, state)
    traces: list[tuple[float, float, float]] = []
    spread = Spread()
    while steps.goes_on(len(traces)):
        # Any step from the least on may turn out to be the last.
        spread = Spread()
        watch = spread if len(traces) + 1 >= steps.least else None
        loss, clipped_share = _accumulate(reader, old, genesis, recipe, watch)
        norm = learner.step(recipe.gradient_clip_millionths / MILLION, schedule.learning_rate)
        traces.append((loss, clipped_share, norm))
    pseudo_gradient = weights - model.weights.numpy()
    loss, clipped_share, gradient_norm = np.mean(traces, axis=0).tolist()
    metrics = Metrics(
        mean_reward=mean_reward,
        groups_with_signal=examples.num_groups,
        steps=len(traces),
        loss=loss,
        clipped_share=clipped_share,
        gradient_norm=gradient_norm,
        update_norm=float(np.linalg.norm(pseudo_gradient)),
        divergence=spread.divergence,
        entropy=spread.entropy,
    )
    return pseudo_gradient, learner.state(state, len(traces)), metrics


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the examples with the model's present weights, slice by slice."""

    model: FlatPolicy
    examples: Examples
    packed_tokens: int
    temperature: float

    def read(self, part: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and the tokens' log-probabilities of the examples at rows `part`, int64."""
        tokens, inputs = self.examples.tokens[part], self.examples.inputs[part]
        prompt_tokens = inputs.shape[1] - tokens.shape[1] + 1
        if self.packed_tokens:
            lengths = (self.examples.lengths[part] + prompt_tokens - 1).numpy()
            states = packed_states(self.model.policy, inputs, lengths, self.packed_tokens)
        else:
            states = self.model.policy(inputs)
        logits = self.model.policy.logits(states[:, prompt_tokens - 1 :])
        return logits, token_log_probabilities(logits, tokens, self.temperature)

    @torch.no_grad()
    def by_version(
        self, samplers: Mapping[int, npt.NDArray[np.float32]], default: npt.NDArray[np.float32]
    ) -> Tensor:
        """Log-probabilities float32 [rows, T] under the version that sampled each row. Changes the weights."""
        found = torch.empty(self.examples.tokens.shape)
        for version in torch.unique(self.examples.versions).tolist():
            self.model.set_weights(samplers.get(version, default))
            for part in _slices(torch.nonzero(self.examples.versions == version)[:, 0]):
                found[part] = self.read(part)[1]
        return found

    @torch.no_grad()
    def by_weights(self, weights: npt.NDArray[np.float32] | None) -> Tensor:
        """Log-probabilities float32 [rows, T] under one version's weights. Changes the weights."""
        assert weights is not None, "the recipe compares with the initial weights"
        self.model.set_weights(weights)
        rows = torch.arange(len(self.examples.tokens))
        return torch.cat([self.read(part)[1] for part in _slices(rows)])


def _slices(rows: Tensor) -> tuple[Tensor, ...]:
    """Rows in slices of an even number that fits into memory."""
    size = max(2, SLICE_ROWS - SLICE_ROWS % 2)
    return tuple(rows[start : start + size] for start in range(0, len(rows), size))


def _accumulate(
    reader: _Reader, old: Tensor, genesis: Tensor | None, recipe: Recipe, watch: Spread | None
) -> tuple[float, float]:
    """Gradient of the mean loss, slice by slice; returns the loss and the silenced share."""
    examples = reader.examples
    loss_sum = share_sum = 0.0
    reader.model.gradient.zero_()
    for part in _slices(torch.arange(len(examples.tokens))):
        logits, new = reader.read(part)
        compared = None if genesis is None else genesis[part]
        piece = Piece(logits, new, old[part], compared, examples.advantages[part], examples.inside[part])
        loss, share = loss_of(recipe, reader.temperature, piece)
        weight = examples.weight(part)
        if watch is not None:
            watch.add(piece, reader.temperature, float(piece.inside.sum() / examples.inside.sum()))
        (loss * weight).backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        loss_sum += float(loss.detach() * weight)
        share_sum += float(share * weight)
    return loss_sum, share_sum
