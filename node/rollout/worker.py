"""A round's rollouts: assigned problems, seeded completions, rewards and TOPLOC proofs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cupel.protocol.model.generate import Completions, sample
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import ChunkRecorder, StateSink
from cupel.protocol.spec.assignment import Assigned, assigned_work
from cupel.protocol.spec.environments.base import Environment, assigned_prompt
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import MILLION, TaskParams, TaskSpec
from cupel.protocol.spec.toploc.build import prove

# Completions sampled at once: bounds memory and lets progress be told.
BATCH_ROLLOUTS: Final = 256

Score = Callable[[Environment, int, Sequence[int]], int]


def environment_reward(environment: Environment, problem: int, tokens: Sequence[int]) -> int:
    """The reward the environment gives, in millionths."""
    return environment.reward(problem, tokens)


@dataclass(frozen=True, slots=True)
class RolloutWorker:
    """Generates what a node owes a round."""

    params: TaskParams
    spec: TaskSpec
    environment: Environment
    score: Score = environment_reward

    def produce(
        self, policy: Policy, round_seed: bytes, progress: Callable[[int, int], None]
    ) -> tuple[Rollout, ...]:
        """All rollouts of the round in index order; `progress(done, total)` is called after every batch."""
        total = self.params.units_per_round
        rollouts: list[Rollout] = []
        for start in range(0, total, BATCH_ROLLOUTS):
            indices = range(start, min(start + BATCH_ROLLOUTS, total))
            rollouts += self._batch(policy, round_seed, indices)
            progress(len(rollouts), total)
        return tuple(rollouts)

    def _batch(self, policy: Policy, round_seed: bytes, indices: range) -> list[Rollout]:
        params = self.params
        assigned = assigned_work(round_seed, params, indices, self.spec.length)
        recorder = ChunkRecorder(params.chunk_tokens, params.topk)
        completions = self._sample(policy, assigned, recorder)
        proofs = prove(recorder.finish(completions.lengths))
        rollouts = []
        for row, owed in enumerate(assigned):
            tokens = tuple(completions.tokens[row, : completions.lengths[row]].tolist())
            reward = self.score(self.environment, owed.problem, tokens)
            rollouts.append(Rollout(owed.problem, owed.seed, tokens, reward, tuple(proofs[row])))
        return rollouts

    def _sample(self, policy: Policy, assigned: Sequence[Assigned], sink: StateSink) -> Completions:
        shape = (self.params.max_tokens, self.environment.vocabulary)
        prompts: NDArray[np.int64] = np.array(
            [assigned_prompt(self.environment, owed) for owed in assigned], dtype=np.int64
        )
        noise = np.stack([gumbel_noise(owed.seed, *shape) for owed in assigned])
        temperature = self.spec.sampling.temperature_millionths / MILLION
        return sample(policy, prompts, noise, self.environment.end_token, temperature, sink)
