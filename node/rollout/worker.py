"""A round's rollouts: assigned problems, seeded completions, rewards and TOPLOC proofs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cupel.node.rollout.sampler import Asked, Sampler, sample_with_policy
from cupel.protocol.model.generate import Completions
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import ChunkRecorder, StateSink
from cupel.protocol.spec.assignment import Assigned, assigned_work
from cupel.protocol.spec.dialogue import Writing
from cupel.protocol.spec.environments.base import Dialogue, Environment, assigned_prompt
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.task import MILLION, TaskParams, TaskSpec
from cupel.protocol.spec.toploc.build import prove

# Completions sampled at once: bounds memory, lets progress be told, and is the most that a crash can cost.
BATCH_ROLLOUTS: Final = 256

Score = Callable[[Environment, int, Sequence[int]], int]


def environment_reward(environment: Environment, problem: int, tokens: Sequence[int]) -> int:
    """The reward the environment gives, in millionths."""
    return environment.reward(problem, tokens)


def num_batches(params: TaskParams) -> int:
    """How many batches a node's round has."""
    return -(-params.units_per_round // BATCH_ROLLOUTS)


@dataclass(frozen=True, slots=True)
class RolloutWorker:
    """Generates what a node owes a round."""

    params: TaskParams
    spec: TaskSpec
    environment: Environment
    score: Score = environment_reward
    sampler: Sampler = sample_with_policy

    def produce(
        self, policy: Policy, round_seed: bytes, progress: Callable[[int, int], None]
    ) -> tuple[Rollout, ...]:
        """All rollouts of the round in index order; `progress(done, total)` is called after every batch."""
        rollouts: list[Rollout] = []
        for number in range(num_batches(self.params)):
            rollouts += self.batch(policy, round_seed, number)
            progress(len(rollouts), self.params.units_per_round)
        return tuple(rollouts)

    def batch(self, policy: Policy, round_seed: bytes, number: int) -> tuple[Rollout, ...]:
        """Batch `number` of the round, in index order. EnvironmentFailed as the environment."""
        start = number * BATCH_ROLLOUTS
        end = min(start + BATCH_ROLLOUTS, self.params.units_per_round)
        return tuple(self._batch(policy, round_seed, range(start, end)))

    def _batch(self, policy: Policy, round_seed: bytes, indices: range) -> list[Rollout]:
        params = self.params
        assigned = assigned_work(round_seed, params, indices, self.spec.length)
        recorder = ChunkRecorder(params.chunk_tokens, params.topk)
        writing = None
        if isinstance(self.environment, Dialogue):
            writing = Writing(self.environment, [owed.problem for owed in assigned])
        completions = self._sample(policy, assigned, recorder, writing)
        proofs = prove(recorder.finish(completions.lengths))
        spans = [()] * len(assigned) if writing is None else writing.spans()
        rollouts = []
        for row, owed in enumerate(assigned):
            tokens = tuple(completions.tokens[row, : completions.lengths[row]].tolist())
            reward = self.score(self.environment, owed.problem, tokens)
            rollouts.append(Rollout(owed.problem, owed.seed, tokens, reward, tuple(proofs[row]), spans[row]))
        return rollouts

    def _sample(
        self, policy: Policy, assigned: Sequence[Assigned], sink: StateSink, writing: Writing | None
    ) -> Completions:
        prompts: NDArray[np.int64] = np.array(
            [assigned_prompt(self.environment, owed) for owed in assigned], dtype=np.int64
        )
        asked = Asked(
            prompts,
            [owed.seed for owed in assigned],
            self.params.max_tokens,
            self.environment.vocabulary,
            self.environment.end_token,
            self.spec.sampling.temperature_millionths / MILLION,
            writing,
        )
        return self.sampler(policy, asked, sink)
