"""What a calibration holds for: the terms of a task that change how far honest work lies from its recomputation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.config import ConfigError
from cupel.protocol.environments.installed import check_environment
from cupel.protocol.spec.assignment import problem_index, sample_seed
from cupel.protocol.spec.dialogue import Writing
from cupel.protocol.spec.environments.base import Dialogue, Environment, longest_dialogue
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import MILLION, ModelShape
from cupel.protocol.task.plan import TaskPlan

_SCORES_AT_ONCE: Final = 1 << 25
"""Scores of tokens held at a time, each with 8 bytes of noise."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """N rollouts as a node is assigned them."""

    problems: tuple[int, ...]
    seeds: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A task without its money, its schedule and its thresholds."""

    chunk_tokens: int
    topk: int
    max_tokens: int
    problem_count: int
    temperature: float
    model: ModelShape
    recipe: Recipe
    environment: Environment

    def assign(self, seed: bytes, count: int) -> Assigned:
        """`count` different problems with their sampling seeds, all from one seed of 32 bytes."""
        problems = tuple(problem_index(seed, slot, self.problem_count) for slot in range(count))
        return Assigned(problems, tuple(sample_seed(seed, index) for index in range(count)))

    def at_once(self, rollouts: int) -> int:
        """How many of so many rollouts to sample in one go: no more than there are problems, or than fit in memory."""
        fitting = _SCORES_AT_ONCE // (self.max_tokens * self.model.vocabulary)
        return max(1, min(rollouts, self.problem_count, fitting))

    def prompts(self, problems: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Prompts of N problems: int64 [N, P]."""
        return np.array([self.environment.prompt(problem) for problem in problems], dtype=np.int64)

    def noise(self, seeds: tuple[bytes, ...]) -> npt.NDArray[np.float64]:
        """Sampling noise of N rollouts: float64 [N, T, vocabulary]."""
        return np.stack([gumbel_noise(seed, self.max_tokens, self.model.vocabulary) for seed in seeds])

    def writing(self, problems: Sequence[int]) -> Writing | None:
        """Who writes the replies into N dialogues; None where the environment makes none."""
        return Writing(self.environment, problems) if isinstance(self.environment, Dialogue) else None

    def rewards(
        self, problems: tuple[int, ...], tokens: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int64]:
        """What N completions earn, in millionths: int64 [N]."""
        rows = zip(problems, tokens.tolist(), lengths.tolist(), strict=True)
        earned = [self.environment.reward(problem, row[:length]) for problem, row, length in rows]
        return np.array(earned, dtype=np.int64)


def setting_of(plan: TaskPlan) -> Setting:
    """The setting of a plan. Rejected(UNKNOWN_ENVIRONMENT) as `open_environment`, ConfigError if it
    does not work."""
    terms, spec = plan.terms, plan.spec
    environment = check_environment(spec.environment)
    if isinstance(environment, Dialogue) and terms.max_tokens < longest_dialogue(environment):
        problem = f"{terms.max_tokens} tokens do not hold the longest dialogue"
        raise ConfigError("terms.max_tokens", problem, f"Allow {longest_dialogue(environment)}")
    return Setting(
        chunk_tokens=terms.chunk_tokens,
        topk=terms.topk,
        max_tokens=terms.max_tokens,
        problem_count=terms.problem_count,
        temperature=spec.sampling.temperature_millionths / MILLION,
        model=spec.model,
        recipe=spec.recipe,
        environment=environment,
    )


def derive_seed(seed: int, *labels: str | int) -> bytes:
    """32 bytes of their own for every use of the calibration's one seed."""
    return sha256("/".join(["cupel.calibrate", str(seed), *map(str, labels)]).encode())
