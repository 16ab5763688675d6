"""What of a round's rollouts an objective trains on, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cupel.protocol.model.generate import replay_input
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.recipe import DPO, SFT, Recipe
from cupel.protocol.training.batch import Batch
from cupel.protocol.training.filtering import in_band, with_signal
from cupel.protocol.training.grpo import group_advantages
from cupel.protocol.training.preference import preference_pairs


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows to train on: prompts of P tokens, completions of at most T."""

    inputs: Tensor
    """int64 [rows, P + T - 1]"""
    tokens: Tensor
    """int64 [rows, T], 0 behind the end"""
    inside: Tensor
    """bool [rows, T], the tokens trained on"""
    lengths: Tensor
    """int64 [rows], of completions"""
    advantages: Tensor
    """float32 [rows]; zero where the objective knows none"""
    versions: Tensor
    """int64 [rows], the policies that sampled; -1 for the one trained on"""
    num_groups: int
    by_tokens: bool
    """Whether the loss is a mean over tokens, and not over rows."""

    def weight(self, part: Tensor) -> Tensor:
        """Share of rows `part`, int64, in the mean over everything."""
        if not self.by_tokens:
            return torch.tensor(len(part) / len(self.tokens))
        return self.inside[part].sum() / self.inside.sum()


def examples_of(batch: Batch, recipe: Recipe, group_size: int, rule: LengthRule | None) -> Examples | None:
    """The examples of a recipe, or None if the round teaches nothing.

    GRPO takes the groups in the band of solve rates, and of those the ones whose rewards differ, unless the recipe
    keeps the others; DPO pairs of different rewards from the groups in the band; SFT one row of every group.
    """
    if recipe.objective == SFT:
        rows = np.arange(0, len(batch.rewards), group_size)
        return _rows(batch, rows, np.zeros(len(rows), np.float32), len(rows), True) if len(rows) else None
    band = in_band(
        batch.rewards, group_size, recipe.least_solve_rate_millionths, recipe.most_solve_rate_millionths
    )
    batch = batch.select(np.repeat(band, group_size))
    rewards = batch.trained_rewards(rule)
    if recipe.objective == DPO:
        pairs = preference_pairs(rewards, group_size)
        if not pairs.size:
            return None
        num_groups = len(np.unique(pairs // group_size))
        return _rows(batch, pairs.reshape(-1), np.zeros(pairs.size, np.float32), num_groups, False)
    advantages = group_advantages(rewards, group_size, recipe.advantage_std)
    signal = with_signal(advantages, group_size)
    if not signal.any():
        return None
    # A group of equal rewards moves nothing and would only dilute the mean over tokens.
    taken = signal if recipe.drop_silent_groups else np.ones_like(signal)
    rows = np.flatnonzero(np.repeat(taken, group_size))
    return _rows(batch, rows, advantages[rows], int(signal.sum()), True)


def _rows(
    batch: Batch,
    rows: npt.NDArray[np.signedinteger],
    advantages: npt.NDArray[np.float32],
    num_groups: int,
    by_tokens: bool,
) -> Examples:
    tokens = batch.tokens[rows]
    versions = np.full(len(rows), -1) if batch.versions is None else batch.versions[rows]
    return Examples(
        torch.from_numpy(replay_input(batch.prompts[rows], tokens)),
        torch.from_numpy(np.maximum(tokens, 0).astype(np.int64)),
        torch.from_numpy(batch.inside[rows]),
        torch.from_numpy(batch.lengths[rows].astype(np.int64)),
        torch.from_numpy(advantages),
        torch.from_numpy(versions.astype(np.int64)),
        num_groups,
        by_tokens,
    )
