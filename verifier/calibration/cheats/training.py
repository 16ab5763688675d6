"""Policies near the canonical one: some optimiser steps away, or a smaller one trained to give the same states.

Plain loops: a cheater need not train as the recipe says.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.generate import Generation, replay_input
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.tiny import initialise
from cupel.verifier.calibration.cheats.base import generation_of
from cupel.verifier.calibration.cheats.layers import transplant
from cupel.verifier.calibration.setting import Setting, derive_seed

BATCH_ROLLOUTS: Final = 64
# As protocol/training: the recipe of every task.
_BETAS: Final = (0.9, 0.95)
_STUDENT_RATE: Final = 3e-3
_LEAST_DEVIATION: Final = 1e-4


def stepped(setting: Setting, policy: Policy, steps: int, rate: float, generator: torch.Generator) -> Policy:
    """A copy of the policy after some steps of AdamW on the policy gradient of its own rollouts.

    Where all rewards are equal there is no gradient; random advantages then stand for them: an Adam step has the same
    size whatever its direction.
    """
    moving = copy.deepcopy(policy)
    optimiser = torch.optim.AdamW(moving.parameters(), lr=rate, betas=_BETAS, weight_decay=0.0)
    for _ in range(steps):
        generation, prompts, rewards = _rollouts(setting, moving, generator)
        advantages = rewards - rewards.mean()
        if rewards.std() < _LEAST_DEVIATION:
            advantages = torch.randn(len(rewards), generator=generator)
        scores = moving.logits(_states(moving, prompts, generation)) / setting.temperature
        tokens = torch.from_numpy(np.maximum(generation.tokens, 0).astype(np.int64))
        chosen = functional.log_softmax(scores, dim=-1).gather(-1, tokens[..., None])[..., 0]
        loss = -(advantages[:, None] * chosen * _inside(generation)).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's has no types
        optimiser.step()
    return moving.eval()


def distilled(setting: Setting, policy: Policy, steps: int, generator: torch.Generator) -> Policy:
    """A policy of one layer (of a quarter of the feed-forward width, if the policy has no more) that imitates its
    final states on its own text, and has its embeddings, final norm and head."""
    shape = policy.shape
    narrow = max(1, shape.feed_forward // 4)
    smaller = dataclasses.replace(
        shape, layers=1, feed_forward=shape.feed_forward if shape.layers > 1 else narrow
    )
    student = new_policy(smaller)
    initialise(student, generator)
    transplant(policy, student, ())
    optimiser = torch.optim.Adam(student.parameters(), lr=_STUDENT_RATE)
    for step in range(steps):
        generation, prompts, _ = _rollouts(setting, policy, generator)
        with torch.no_grad():
            aim = _states(policy, prompts, generation)
        away = (_states(student, prompts, generation) - aim).square().mean(dim=-1)
        loss = (away * _inside(generation)).sum() / _inside(generation).sum()
        for group in optimiser.param_groups:
            group["lr"] = _STUDENT_RATE * (1 - step / steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's has no types
        optimiser.step()
    return student.eval()


def _rollouts(
    setting: Setting, policy: Policy, generator: torch.Generator
) -> tuple[Generation, np.ndarray[tuple[int, ...], np.dtype[np.int64]], torch.Tensor]:
    """Fresh rollouts of a policy with their prompts and rewards, each [up to BATCH_ROLLOUTS]."""
    number = int(torch.randint(2**62, (1,), generator=generator))
    assigned = setting.assign(derive_seed(number, "training"), setting.at_once(BATCH_ROLLOUTS))
    generation = generation_of(setting, policy, assigned)
    rewards = setting.rewards(assigned.problems, generation.tokens, generation.lengths)
    return generation, setting.prompts(assigned.problems), torch.from_numpy(rewards).float()


def _states(
    policy: Policy, prompts: np.ndarray[tuple[int, ...], np.dtype[np.int64]], generation: Generation
) -> torch.Tensor:
    joined = torch.from_numpy(replay_input(prompts, generation.tokens))
    states: torch.Tensor = policy(joined)[:, prompts.shape[1] - 1 :]
    return states


def _inside(generation: Generation) -> torch.Tensor:
    inside = np.arange(generation.tokens.shape[1]) < generation.lengths[:, None]
    return torch.from_numpy(inside.astype(np.float32))
