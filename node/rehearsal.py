"""A task's loop on this machine alone, without a chain: the same processes and files as a node's, time left out.

Round r samples with version max(0, r - max_staleness) and trains on version r, whatever is ready when: the run is a
pure function of plan, genesis and seed. Killed anywhere and begun again, it ends with the same bits.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cupel.node.crew import FOLDER, start_crew
from cupel.node.metrics import FILE, MetricsLog, step_facts
from cupel.node.pipeline.crew import Crew
from cupel.node.pipeline.rounds import PUBLISHER, TRAINER, Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Task, Trained, Workshop, announce_task
from cupel.node.publishing.round import COMMITTED, MISSED
from cupel.node.publishing.submission import make_submission
from cupel.node.publishing.waiting import until_trained
from cupel.node.rollout.worker import num_batches
from cupel.protocol.config import ConfigError
from cupel.protocol.environments.installed import check_environment
from cupel.protocol.model.canonical import CanonicalVersion, next_version, read_version
from cupel.protocol.model.engines import TORCH, check_engine
from cupel.protocol.model.layout import layout_of
from cupel.protocol.observe import Observer
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.assignment import round_seed
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.environments.base import check_fit
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef
from cupel.protocol.spec.task import MILLION, NOTHING_PINNED, check_task, task_id
from cupel.protocol.task.creator import read_genesis
from cupel.protocol.task.plan import load_plan

NOBODY: Final = "0x" + 40 * "0"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to rehearse."""

    plan: Path
    genesis: Path
    data_dir: Path
    seed: int
    rounds: int | None
    """Other than the plan's."""
    patience_seconds: float
    """The longest wait for a round; it is then left out, as a node would miss it."""
    tensorboard: str = ""
    engine: str = TORCH


def rehearse(plan: Plan, observer: Observer) -> Coroutine[Any, Any, int]:
    """Run the plan's rounds, from where a killed rehearsal stopped; the exit code.

    The call starts the two other processes, so it comes before any thread or event loop. ConfigError for a plan or a
    genesis that cannot be used.
    """
    terms = load_plan(plan.plan)
    genesis = read_genesis(plan.genesis, terms)
    params = terms.params(NOBODY, NOBODY, genesis.digest, 0, NOTHING_PINNED, ())
    if plan.rounds is not None:
        params = dataclasses.replace(params, rounds=plan.rounds)
    try:
        environment = check_environment(terms.spec.environment)
        check_task(params, terms.spec)
        check_fit(params, terms.spec, environment)
    except Rejected as rejected:
        raise ConfigError("plan", rejected.detail, f"Correct {plan.plan}") from None
    shared = plan.data_dir / FOLDER
    workshop = Workshop(shared / task_id(0, NOBODY, params).hex())
    metrics = MetricsLog(workshop.folder / FILE, plan.tensorboard)
    task = Task(params, terms.spec)
    check_engine(plan.engine, terms.spec.model)
    crew = start_crew(plan.data_dir, plan.engine)
    return Rehearsal(task, workshop, metrics, plan, observer, crew).run(shared, genesis)


class Rehearsal:
    """The publisher of a task that only this machine works on."""

    def __init__(
        self,
        task: Task,
        workshop: Workshop,
        metrics: MetricsLog,
        plan: Plan,
        observer: Observer,
        crew: Crew,
    ) -> None:
        self._params = task.params
        self._spec = task.spec
        self._task = task
        self._id = task_id(0, NOBODY, task.params)
        self._workshop = workshop
        self._metrics = metrics
        self._plan = plan
        self._observer = observer
        self._crew = crew
        self._layout = layout_of(task.spec.model)
        self._clock = Clock(time.monotonic)

    async def run(self, shared: Path, genesis: CanonicalVersion) -> int:
        """All rounds that are not done yet."""
        with contextlib.closing(self._crew):
            self._workshop.save_task(self._task)
            self._workshop.save_version(0, genesis.manifest.to_bytes(), genesis.file)
            done = max(self._workshop.outcomes(), default=-1) + 1
            current = self._version(done)
            self._observer.emit(
                "rehearsal", task="0x" + self._id.hex(), round=done, rounds=self._params.rounds
            )
            announce_task(shared, self._workshop.folder.name, os.getpid())
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._crew.watch(self._problem))
                for round_index in range(done, self._params.rounds):
                    self._order_up_to(current)
                    current = await self._round(round_index, current)
                watch.cancel()
        self._observer.emit("done", version=current.version, digest="0x" + current.digest.hex())
        return 0

    def _order_up_to(self, current: CanonicalVersion) -> None:
        """Order every round whose sampling version exists."""
        lag = self._params.max_staleness
        for number in range(current.version, min(current.version + lag + 1, self._params.rounds)):
            sampler = self._version(max(0, number - lag))
            beacon = sha256(self._plan.seed.to_bytes(32, "big"))
            seed = round_seed(0, NOBODY, self._id, NOBODY, number, beacon)
            after = number - 1 if number else number
            self._workshop.place(Order(number, seed, sampler.version, sampler.digest, number, after))

    async def _round(self, number: int, current: CanonicalVersion) -> CanonicalVersion:
        """The version that a round makes of the current one."""
        began, self._clock = time.monotonic(), Clock(time.monotonic)
        until = began + self._plan.patience_seconds

        async def still_time() -> bool:
            return time.monotonic() < until

        def phase(name: str, progress: int) -> None:
            self._observer.emit("phase", round=number, phase=name, progress=progress, detail="")

        order = self._workshop.order(number)
        assert order is not None, "ordered before it is waited for"
        trained = await until_trained(
            self._workshop, order, num_batches(self._params), still_time, self._clock, phase
        )
        manifest = ""
        if isinstance(trained, str):
            self._problem(f"round {number} is left out: {trained}")
            self._workshop.refuse(order, PUBLISHER, trained)
            made = next_version(current, [], self._spec.aggregation)
        else:
            manifest = self._submit(order, trained)
            made = next_version(current, [self._update(trained)], self._spec.aggregation)
        self._workshop.save_version(made.version, made.manifest.to_bytes(), made.file)
        seconds = time.monotonic() - began
        self._end(
            order, step_facts(self._workshop, order, _outcome(manifest), self._clock, seconds, manifest), made
        )
        return made

    def _end(self, order: Order, facts: dict[str, Any], made: CanonicalVersion) -> None:
        self._metrics.write(facts)
        self._workshop.close(order.round, facts["outcome"])
        spared = 0 if self._spec.recipe.needs_genesis else -1
        self._workshop.sweep(made.version - self._params.max_staleness, spared)
        self._tell(facts, made)

    def _update(self, trained: Trained) -> Update:
        max_exponent = self._spec.recipe.max_exponent_offset + MIN_EXPONENT
        codec = get_codec(self._spec.aggregation.codec)
        return codec.from_bytes(trained.update, self._layout.num_parameters, max_exponent)

    def _submit(self, order: Order, trained: Trained) -> str:
        """Make what a node would commit to; the digest of its manifest."""
        file = self._workshop.rollouts(order)
        assert file is not None, "what was trained on is sealed"
        rollouts = rollout_file.decode(file, self._params)
        context = LeafContext(0, NOBODY, self._id, NOBODY, order.round, order.round)
        facts = self._workshop.reported(order, TRAINER)
        told = Metrics(
            round(facts.get("mean_reward", 0.0) * MILLION), round(abs(facts.get("loss", 0.0)) * MILLION)
        )
        policy = PolicyRef(order.sampler, order.sampler_digest)
        submission = make_submission(
            self._params, context, policy, rollouts, trained.update, told, {}, trained.inner_steps
        )
        self._workshop.save_manifest(order, submission.manifest.to_bytes())
        return submission.manifest.digest.hex()

    def _version(self, number: int) -> CanonicalVersion:
        files = self._workshop.version(number)
        if files is None:
            problem = f"version {number} in {self._workshop.folder} is damaged"
            raise ConfigError("data_dir", problem, "Remove the folder and begin again")
        return read_version(*files, sha256(files[0]), self._layout)

    def _tell(self, facts: dict[str, Any], made: CanonicalVersion) -> None:
        reward = facts["mean_reward"]
        self._observer.emit(
            "step",
            round=facts["round"],
            outcome=facts["outcome"],
            reward=None if reward is None else f"{reward:.4f}",
            seconds=f"{facts['seconds']:.2f}",
            version=made.version,
            digest="0x" + made.digest.hex(),
        )

    def _problem(self, message: str) -> None:
        self._observer.emit("error", message=message)


def _outcome(manifest: str) -> str:
    return COMMITTED if manifest else MISSED
