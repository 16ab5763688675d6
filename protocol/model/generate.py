"""Sampling completions from a policy, and replaying them in one pass.

Both deliver the state behind every sampled token: row t is the final-norm state whose scores chose token t.
The two differ only in the order of float32 sums, which is what TOPLOC's thresholds and the sampling tolerance absorb.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.protocol.model.policy import Cache, Policy
from cupel.protocol.model.recorder import StateSink

PAD = -1


@dataclass(frozen=True, slots=True)
class Completions:
    """Completions of N prompts, at most T tokens each.

    tokens int32 [N, T], PAD behind the end; lengths int32 [N], the end token counted.
    """

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Generation(Completions):
    """Completions and all their states: hidden float32 [N, T, width], zero behind the end."""

    hidden: NDArray[np.float32]


class Partner(Protocol):
    """Who writes into completions beside the policy, and says when they end."""

    def write(
        self, chosen: NDArray[np.int64], running: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The tokens of a step, where the policy chose `chosen`, and which of the running completions go on: both [N].

        Called once a step, from the first on.
        """


class Prefill(Protocol):
    """Reads finished completions in one pass: `replay` itself, or another engine that computes the policy."""

    def __call__(
        self, policy: Policy, prompts: NDArray[np.int64], tokens: NDArray[np.int32]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `replay`."""


class _AllStates:
    """A `StateSink` that keeps everything."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def append(self, states: torch.Tensor, running: torch.Tensor) -> None:
        """See `StateSink.append`."""
        self.steps.append(states.masked_fill(~running[:, None], 0.0))


def generate(
    policy: Policy,
    prompts: NDArray[np.int64],
    noise: NDArray[np.float64],
    eos: int,
    temperature: float,
    partner: Partner | None = None,
) -> Generation:
    """`sample`, keeping every state."""
    kept = _AllStates()
    made = sample(policy, prompts, noise, eos, temperature, kept, partner)
    hidden = np.zeros((*noise.shape[:2], policy.shape.width), np.float32)
    hidden[:, : len(kept.steps)] = torch.stack(kept.steps, dim=1).numpy()
    return Generation(made.tokens, made.lengths, hidden)


@torch.inference_mode()
def sample(
    policy: Policy,
    prompts: NDArray[np.int64],
    noise: NDArray[np.float64],
    eos: int,
    temperature: float,
    sink: StateSink,
    partner: Partner | None = None,
) -> Completions:
    """Sample one completion per row: token t is argmax(scores_t / temperature + noise_t), in float64.

    prompts [N, P], noise [N, T, vocabulary]. A completion ends with `eos` or after T tokens, or where its `partner`
    says, who may also put another token in place of the sampled one. `sink` gets the state behind every token.
    """
    rows, limit, _ = noise.shape
    tokens = np.full((rows, limit), PAD, np.int32)
    cache, state = _read_prompts(policy, prompts)
    running = np.ones(rows, bool)
    for step in range(limit):
        scores = policy.logits(state).numpy().astype(np.float64) / temperature + noise[:, step]
        chosen = scores.argmax(axis=1)
        goes_on = running & (chosen != eos)
        if partner is not None:
            chosen, goes_on = partner.write(chosen, running)
        tokens[running, step] = chosen[running]
        sink.append(state, torch.from_numpy(running))
        running = goes_on
        if step + 1 == limit or not running.any():
            break
        # Finished rows keep their place in the batch: at this size dropping them costs more than it saves.
        state = policy(torch.from_numpy(chosen)[:, None], cache)[:, -1]
    return Completions(tokens, (tokens != PAD).sum(axis=1).astype(np.int32))


def _read_prompts(policy: Policy, prompts: NDArray[np.int64]) -> tuple[Cache, torch.Tensor]:
    """Cache and last state of every row. The rollouts of a group share a prompt, which is read once."""
    distinct, rows = np.unique(prompts, axis=0, return_inverse=True)
    cache = policy.new_cache()
    state = policy(torch.from_numpy(distinct), cache)[:, -1]
    index = torch.from_numpy(rows.reshape(-1))
    return cache.select(index), state[index]


def prefill(
    policy: Policy, prompts: NDArray[np.int64], tokens: NDArray[np.int32], lengths: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`replay` as arrays, zero at and behind each completion's length [N]."""
    states, scores = replay(policy, prompts, tokens)
    inside = np.arange(tokens.shape[1]) < lengths[:, None]
    return states.numpy() * inside[..., None], scores.numpy() * inside[..., None]


@torch.inference_mode()
def replay(
    policy: Policy, prompts: NDArray[np.int64], tokens: NDArray[np.int32]
) -> tuple[torch.Tensor, torch.Tensor]:
    """States [N, T, width] and scores [N, T, vocabulary] behind every token of finished completions, in one pass.

    They lie on the policy's device. Rows at or behind a completion's length mean nothing.
    """
    states = policy(torch.from_numpy(replay_input(prompts, tokens)))[:, prompts.shape[1] - 1 :]
    return states, policy.logits(states)


def replay_input(prompts: NDArray[np.int64], tokens: NDArray[np.int32]) -> NDArray[np.int64]:
    """Prompt and completion joined, without the last token, whose state nothing reads: int64 [N, P + T - 1].

    Padding becomes token 0: causal attention keeps it out of every state that counts.
    """
    return np.concatenate((prompts, np.maximum(tokens[:, :-1], 0).astype(np.int64)), axis=1)
