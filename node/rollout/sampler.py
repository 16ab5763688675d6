"""What samples a node's completions: the policy itself, or vLLM. `engines.check_engine` says which may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cupel.protocol.config import ConfigError
from cupel.protocol.model.engines import TORCH, VLLM
from cupel.protocol.model.generate import Completions, Partner, sample
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import StateSink
from cupel.protocol.spec.environments.base import Dialogue, Environment
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import ModelShape


@dataclass(frozen=True, slots=True)
class Asked:
    """prompts int64 [N, P] and a seed of 32 bytes for each; T = limit tokens at most, of a vocabulary, to `end`.

    partner: the environment of a dialogue, for a sampler that `check_dialogue` lets pass.
    """

    prompts: NDArray[np.int64]
    seeds: Sequence[bytes]
    limit: int
    vocabulary: int
    end: int
    temperature: float
    partner: Partner | None = None


class Sampler(Protocol):
    """Samples by the protocol's rule; `sink` gets the state behind every token."""

    def __call__(self, policy: Policy, asked: Asked, sink: StateSink) -> Completions:
        """One completion a prompt."""


def sample_with_policy(policy: Policy, asked: Asked, sink: StateSink) -> Completions:
    """As `Sampler`: with the policy itself, on PyTorch."""
    noise = np.stack([gumbel_noise(seed, asked.limit, asked.vocabulary) for seed in asked.seeds])
    return sample(policy, asked.prompts, noise, asked.end, asked.temperature, sink, asked.partner)


def sampler_of(engine: str, shape: ModelShape) -> Sampler:
    """A new one, ready for a policy of this shape: vLLM takes a minute or more to start. The engine has passed
    `check_engine`."""
    if engine != VLLM:
        return sample_with_policy
    from cupel.node.rollout.vllm_sampler import VllmSampler

    return VllmSampler(shape)


def check_dialogue(engine: str, environment: Environment) -> None:
    """ConfigError unless the engine's sampler lets an environment reply."""
    if engine == VLLM and isinstance(environment, Dialogue):
        remedy = f"Set engine = {TORCH!r}, or join a task of single turns"
        raise ConfigError(
            "engine", f"{VLLM} samples single turns, and the task's environment replies", remedy
        )
