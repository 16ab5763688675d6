"""A run's processes, each a task of the simulated loop: real nodes, verifiers and a creator, which die and come back.

A kill is a cancellation: whatever was in memory is gone, the folder stays. So it falls on an await; deaths at every
system call are `tests/property/test_crashes.py`'s, and those of real processes `benchmarks/operations`'.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from eth_account.signers.local import LocalAccount

from cupel.devnet.chaos.endpoint import ChainRoad, SimulatedChain
from cupel.devnet.chaos.links import Links, SimulatedSwarm
from cupel.devnet.liars import lying_parts
from cupel.node.app import Node
from cupel.node.pipeline.worker import Clock, Worker
from cupel.node.pipeline.workshop import Workshop, current_task
from cupel.node.publishing.seams import Seams
from cupel.node.rollout.process import Parts, RolloutJob
from cupel.node.training.process import TrainerJob
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import EnvironmentProblem
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.observe import Value
from cupel.protocol.participant import Participant
from cupel.protocol.settings import Settings
from cupel.protocol.storage import FilesystemStore, VersionShelf
from cupel.protocol.task.creator import create_task, custody
from cupel.protocol.task.plan import TaskPlan
from cupel.verifier.app import Verifier
from cupel.verifier.options import Options

RESTART_SECONDS: Final = 10.0
"""What a service manager waits before it starts a process again that failed."""
CREW_POLL_SECONDS: Final = 0.5


@dataclass(slots=True)
class Ears:
    """What a process says, with the simulated time."""

    heard: list[tuple[float, str, dict[str, Value]]] = field(default_factory=list)

    def emit(self, event: str, **fields: Value) -> None:
        """See `Observer`."""
        if event not in ("transfer", "phase"):
            self.heard.append((asyncio.get_running_loop().time(), event, fields))


class InlineCrew:
    """The rollout process and the trainer, in this one: the same jobs over the same files."""

    def __init__(self, root: Path, parts: Parts, work_seconds: float) -> None:
        self._root = root
        self._parts = parts
        self._work_seconds = work_seconds

    def close(self) -> None:
        """Nothing is left behind."""

    async def watch(self, tell: Callable[[str], None]) -> None:
        """Work until cancelled."""
        while (folder := current_task(self._root, os.getpid())) is None:  # noqa: ASYNC110  # a file says it
            await asyncio.sleep(CREW_POLL_SECONDS)
        workshop, clock = Workshop(folder), Clock(asyncio.get_running_loop().time)
        jobs = (RolloutJob(workshop, clock, self._parts), TrainerJob(workshop, clock))
        workers = [Worker(workshop, job, clock) for job in jobs]
        while True:
            for worker in workers:
                if worker.step():
                    await asyncio.sleep(self._work_seconds)
            await asyncio.sleep(CREW_POLL_SECONDS)


@dataclass(slots=True)
class Theatre:
    """What all of them need."""

    deployment: Deployment
    chain_id: int
    road: ChainRoad
    links: Links
    folder: Path
    plan: TaskPlan
    genesis: CanonicalVersion
    work_seconds: float
    seed: int


Role = Callable[["Actor", Participant], Coroutine[Any, Any, int]]


@dataclass(slots=True)
class Actor:
    """One process's lives."""

    name: str
    account: LocalAccount
    theatre: Theatre
    role: Role
    lie: str = ""
    ears: Ears = field(default_factory=Ears)
    code: int | None = None
    """Exit code, once it has ended by itself."""
    defect: str = ""
    """An exception that is none of the world's failures."""
    restarts: int = 0
    life: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """What a kill leaves."""
        return self.theatre.folder / self.name

    def start(self) -> None:
        """Begin a life."""
        self.life = asyncio.create_task(self._live(), name=self.name)

    async def kill(self) -> None:
        """End it at once."""
        assert self.life is not None, "it was started"
        self.life.cancel()
        await asyncio.wait([self.life], timeout=60)

    async def _live(self) -> None:
        while self.code is None and not self.defect:
            try:
                async with self._participant() as participant:
                    self.code = await self.role(self, participant)
            except* EnvironmentProblem as failed:
                self.ears.emit("failed", message=str(failed.exceptions[0]))
                self.restarts += 1
                await asyncio.sleep(RESTART_SECONDS)
            except* Exception as group:
                self.defect = _first(group)

    @asynccontextmanager
    async def _participant(self) -> AsyncIterator[Participant]:
        theatre = self.theatre
        store = FilesystemStore(self.folder)
        swarm = SimulatedSwarm(self.name, theatre.links, store, theatre.seed)
        chain = SimulatedChain(self.name, self.account, theatre.chain_id, theatre.road)
        async with chain, swarm:
            participant = Participant(chain, theatre.deployment, store, swarm, self.ears)
            watching = asyncio.create_task(participant.purse.run())
            try:
                await participant.announce_endpoint()
                yield participant
            finally:
                watching.cancel()


async def act_node(actor: Actor, participant: Participant) -> int:
    """`cupel node run`."""
    parts, seams = lying_parts(actor.lie) if actor.lie else (Parts(), Seams())
    ledger, spec = await participant.take_up("newest")
    settings = Settings(data_dir=str(actor.folder))
    crew = InlineCrew(actor.folder / "workshop", parts, actor.theatre.work_seconds)
    node = Node(participant, ledger, spec, settings, crew, seams)  # type: ignore[arg-type]  # the crew's methods, without processes
    return await node.run()


async def act_verifier(actor: Actor, participant: Participant) -> int:
    """`cupel verifier run`."""
    torch.set_num_threads(1)
    ledger, spec = await participant.take_up("newest", settling=True)
    verifier = Verifier(participant, ledger, spec, actor.folder, Options(audit_rollouts=4))
    return await verifier.run()


def act_creator(start_at: int) -> Role:
    """`cupel task run`, of a task whose rounds begin at this time of the chain. It serves until the run ends."""

    async def act(actor: Actor, participant: Participant) -> int:
        theatre, shelf = actor.theatre, VersionShelf(participant.store, actor.folder / "versions")
        start_in = start_at - await participant.chain.now()
        params = await create_task(participant, shelf, theatre.plan, theatre.genesis, start_in)
        async with custody(participant, shelf, params).running():
            while True:
                await participant.refresh()
                await asyncio.sleep(1.0)

    return act


def _first(group: BaseExceptionGroup[Any]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
    return f"{type(error).__name__}: {error}{where}"
