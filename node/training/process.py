"""The trainer's part of a round: its rollouts and the state before it in, an update and the state behind it out."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Final

import torch

from cupel.node.pipeline.rounds import (
    PUBLISHER,
    ROLLOUTS,
    TRAINER,
    Order,
    RoundFiles,
    WaitFor,
    Work,
    next_training,
)
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Trained, Workshop
from cupel.node.training.pace import steps_in_time
from cupel.protocol.environments.installed import open_environment
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.rounds import refused_policy
from cupel.protocol.spec.updates import codec_of, max_exponent_of
from cupel.protocol.training.round import RoundWork, Weights, needed_versions, train
from cupel.protocol.training.state import (
    DamagedState,
    TrainerState,
    fresh_state,
    quantise,
    state_from_bytes,
    state_to_bytes,
)


class TrainerJob:
    """See `pipeline.worker.Job`."""

    name: str = TRAINER

    def __init__(self, workshop: Workshop, clock: Clock, today: Callable[[], float] = time.time) -> None:
        """today: the clock of `Order.train_until`."""
        task = workshop.task()
        assert task is not None, "the task is saved before it is announced"
        torch.set_num_threads(1)
        self._workshop: Final = workshop
        self._clock: Final = clock
        self._today: Final = today
        self._params: Final = task.params
        self._spec: Final = task.spec
        self._layout: Final = layout_of(task.spec.model)
        self._environment: Final = open_environment(task.spec.environment)

    def decide(self, rounds: Sequence[RoundFiles]) -> Work | WaitFor:
        """See `Job.decide`."""
        return next_training(rounds)

    def work(self, order: Order) -> WaitFor | None:
        """See `Job.work`. Rejected for rollouts over age, and for weights that are not the task's."""
        began = self._clock.now()
        refused = refused_policy(self._params, order.round, order.sampler)
        if refused is not None:
            raise refused
        needed = needed_versions(self._spec.recipe, order.sampler, order.base)
        weights = {number: self._weights(number) for number in needed}
        for number, found in weights.items():
            if found is None:
                return WaitFor(PUBLISHER, f"version {number} of the weights")
        file = self._workshop.rollouts(order)
        if file is None:
            return WaitFor(ROLLOUTS, f"the rollouts of round {order.round}")
        trained, facts = self._train(
            self._round(order, file), order, {n: w for n, w in weights.items() if w is not None}
        )
        self._clock.busy += self._clock.now() - began
        self._workshop.report(order, self.name, {**facts, **self._clock.lap()})
        self._workshop.save_trained(order, trained)
        return None

    def _round(self, order: Order, file: bytes) -> RoundWork:
        rollouts = rollout_file.decode(file, self._params)
        return RoundWork(
            self._params,
            self._spec,
            self._environment,
            order.round,
            order.seed,
            order.sampler,
            order.base,
            rollouts,
        )

    def _train(
        self, work: RoundWork, order: Order, weights: dict[int, Weights]
    ) -> tuple[Trained, dict[str, object]]:
        notes: list[str] = []
        steps = steps_in_time(self._spec.recipe, self._clock.now, self._deadline(order))
        trained = train(work, weights, self._state(order, notes), steps)
        notes += [f"not trained on: {reason}" for reason in trained.refused]
        codec = codec_of(self._spec)
        update, state = quantise(trained.pseudo_gradient, trained.state, max_exponent_of(self._spec), codec)
        facts = {"base_version": order.base, "notes": notes, **dataclasses.asdict(trained.metrics)}
        done, file = trained.metrics.steps, codec.to_bytes(update, self._layout.num_parameters)
        stated = done if done < self._spec.recipe.inner_steps else 0
        return Trained(file, state_to_bytes(state), stated), facts

    def _deadline(self, order: Order) -> float | None:
        """When training should be over, on our clock."""
        left = order.train_until - self._today()
        return self._clock.now() + left if order.train_until else None

    def _state(self, order: Order, notes: list[str]) -> TrainerState:
        """The state to go on from. One that is lost or damaged is begun again: that costs learning, not the stake."""
        size = self._layout.num_parameters
        if order.after == order.round:
            return fresh_state(size)
        placed = self._workshop.order(order.after)
        before = None if placed is None else self._workshop.trained(placed)
        try:
            if before is not None:
                return state_from_bytes(before.state, size)
            notes.append(f"the trainer begins afresh: its state after round {order.after} is gone")
        except DamagedState as error:
            notes.append(
                f"the trainer begins afresh: its state after round {order.after} is damaged ({error})"
            )
        return fresh_state(size)

    def _weights(self, number: int) -> Weights | None:
        files = self._workshop.version(number)
        return None if files is None else to_floats(checkpoint_from_bytes(files[1], self._layout).weights)
