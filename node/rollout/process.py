"""The rollout process's part of a round: the policy's version, its rollouts batch by batch, and the seal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from cupel.node.pipeline.rounds import PUBLISHER, ROLLOUTS, Order, RoundFiles, WaitFor, Work, next_rollouts
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Workshop
from cupel.node.rollout.sampler import check_dialogue, sampler_of
from cupel.node.rollout.worker import RolloutWorker, Score, environment_reward, num_batches
from cupel.protocol.environments.installed import open_environment
from cupel.protocol.model.canonical import read_version
from cupel.protocol.model.engines import TORCH, check_engine
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.rounds import refused_policy


def _same_policy(policy: Policy) -> Policy:
    return policy


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition may be given instead of the usual; functions a new process can import."""

    rollout_policy: Callable[[Policy], Policy] = _same_policy
    """The policy that generates, made from the canonical one."""
    score: Score = environment_reward
    engine: str = TORCH
    """What samples: `rollout.sampler`."""


class RolloutJob:
    """See `pipeline.worker.Job`."""

    name: str = ROLLOUTS

    def __init__(self, workshop: Workshop, clock: Clock, parts: Parts) -> None:
        task = workshop.task()
        assert task is not None, "the task is saved before it is announced"
        # The results must not depend on how many threads there are.
        torch.set_num_threads(1)
        self._workshop: Final = workshop
        self._clock: Final = clock
        self._parts: Final = parts
        self._params: Final = task.params
        self._spec: Final = task.spec
        check_engine(parts.engine, task.spec.model)
        environment = open_environment(task.spec.environment)
        check_dialogue(parts.engine, environment)
        sampler = sampler_of(parts.engine, task.spec.model)
        self._worker: Final = RolloutWorker(task.params, task.spec, environment, parts.score, sampler)
        self._policy: tuple[bytes, Policy] | None = None

    def decide(self, rounds: Sequence[RoundFiles]) -> Work | WaitFor:
        """See `Job.decide`."""
        return next_rollouts(rounds, self._params.max_staleness)

    def work(self, order: Order) -> WaitFor | None:
        """See `Job.work`. Rejected for a version that the round does not accept, or that is none of this task."""
        refused = refused_policy(self._params, order.round, order.sampler)
        if refused is not None:
            raise refused
        began = self._clock.now()
        policy = self._load(order)
        if policy is None:
            return WaitFor(PUBLISHER, f"version {order.sampler} of the weights")
        rollouts: list[Rollout] = []
        for number in range(num_batches(self._params)):
            rollouts += self._batch(order, policy, number)
        self._clock.busy += self._clock.now() - began
        tokens = sum(len(one.tokens) for one in rollouts)
        facts = {"policy_version": order.sampler, "rollouts": len(rollouts), "tokens": tokens}
        self._workshop.report(order, self.name, {**facts, **self._clock.lap()})
        self._workshop.seal_rollouts(order, tuple(rollouts), self._params)
        return None

    def _load(self, order: Order) -> Policy | None:
        if self._policy is not None and self._policy[0] == order.sampler_digest:
            return self._policy[1]
        files = self._workshop.version(order.sampler)
        if files is None:
            return None
        version = read_version(*files, order.sampler_digest, layout_of(self._spec.model))
        policy = self._parts.rollout_policy(policy_of(self._spec.model, version.state))
        self._policy = (order.sampler_digest, policy)
        return policy

    def _batch(self, order: Order, policy: Policy, number: int) -> tuple[Rollout, ...]:
        """A batch, from before we were killed or made now."""
        found = self._workshop.batch(order, number, self._params)
        if found is None:
            found = self._worker.batch(policy, order.seed, number)
            self._workshop.save_batch(order, number, found, self._params)
        return found
