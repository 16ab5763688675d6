"""The node: composition root, and the loop that asks for the next duty and carries it out."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Final

from cupel.node import duties
from cupel.node.crew import FOLDER, start_crew
from cupel.node.duties import View
from cupel.node.errands import Errands
from cupel.node.journal import Journal
from cupel.node.looking import look
from cupel.node.membership import unless_slashed
from cupel.node.meters import node_meters, outside
from cupel.node.metrics import FILE, MetricsLog
from cupel.node.pipeline.crew import Crew
from cupel.node.pipeline.workshop import Task, Workshop, announce_task
from cupel.node.publishing.canary import Canary, canary_secret
from cupel.node.publishing.disclosure import Discloser
from cupel.node.publishing.memory import Memory
from cupel.node.publishing.recalling import recall
from cupel.node.publishing.replication import Replication
from cupel.node.publishing.round import RoundPublisher
from cupel.node.publishing.seams import Seams
from cupel.node.rollout.process import Parts
from cupel.node.rollout.rule import require_known_rule
from cupel.protocol.attesting import Attested
from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.court import Courts, open_courts
from cupel.protocol.custody import Custody
from cupel.protocol.environments.installed import check_environment
from cupel.protocol.game_player import GamePlayer, VersionPlayer
from cupel.protocol.keeping import Share, share_of_node
from cupel.protocol.metrics_endpoint import address_of, metrics_endpoint
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.model.engines import check_engine
from cupel.protocol.observe import Observer
from cupel.protocol.participant import FETCH_SECONDS, POLL_SECONDS, Participant, participate_for_owner
from cupel.protocol.patience import Patience
from cupel.protocol.reenactment import Reenactment
from cupel.protocol.settings import Settings
from cupel.protocol.spans import traced
from cupel.protocol.spec.shardcast.versions import SPARE_VERSIONS, num_whole, spare_for_disputes
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.storage import VersionShelf
from cupel.protocol.versions import Versions, VersionUnavailable

BLOCKED_SECONDS: Final = 4.0
EXIT_SLASHED: Final = 3


class Node:
    """One node's work on one task."""

    def __init__(
        self,
        participant: Participant,
        ledger: TaskLedger,
        spec: TaskSpec,
        settings: Settings,
        crew: Crew,
        seams: Seams,
        courts: Courts | None = None,
    ) -> None:
        """courts: where the task names a judge of computation."""
        folder = Path(settings.data_dir)
        self._participant = participant
        self._observer = participant.observer
        self._task = ledger.task
        self._params = ledger.params
        self._spec = spec
        self._crew = crew
        self._seams = seams
        shelf = VersionShelf(participant.store, folder / "versions")
        # Whatever can be disputed has to be computed again.
        spare = SPARE_VERSIONS if courts is None else spare_for_disputes(ledger.params)
        self._versions = Versions(ledger, spec, participant.swarm, shelf, spare, look=self._look)
        max_bytes = self._versions.max_checkpoint_bytes, self._versions.max_update_bytes
        storing = self._versions.storing
        self._custody = Custody(participant, shelf, ledger.params, self._share, max_bytes, storing)
        self._memory = Memory(Journal(folder / "journal"))
        self._discloser = Discloser(
            participant, lambda: self._ledger, max_bytes, self._versions.false_updates
        )
        self._players: tuple[GamePlayer[Reenactment] | VersionPlayer, ...] = ()
        if courts is not None:
            ledger_of, stand = (lambda: self._ledger), seams.stand
            self._players = courts.players(participant, ledger_of, self._versions, stand=stand)
        self._shared = folder / FOLDER
        self._workshop = Workshop(self._shared / self._task.hex())
        attesters, quorum = settings.trusted_attesters, settings.attestations
        self._attested = Attested(participant, self._task, attesters, quorum)
        heard = self._attested.hear if quorum else None
        self._replication = Replication(participant, ledger, self._versions.max_update_bytes, seams, heard)
        self._rounds = RoundPublisher(
            participant,
            ledger,
            spec,
            self._workshop,
            self._memory,
            self._replication,
            MetricsLog(self._workshop.folder / FILE, settings.tensorboard),
            seams,
        )
        self._blocked: tuple[int, float] = (-1, 0.0)
        self._errands = Errands(participant, lambda: self._ledger, self._versions, seams)
        self._now = 0
        self._patience = Patience(participant.observer)

    @property
    def _ledger(self) -> TaskLedger:
        return self._participant.ledger.tasks[self._task]

    async def _look(self) -> TaskLedger:
        """The chain as it is now; only while the loop below waits for a version, and so does not look itself."""
        await self._participant.refresh()
        return self._ledger

    async def run(self) -> int:
        """Work until the task is over and everything is paid out; the process's exit code."""
        async with self._answering():
            while True:
                with self._patience.attempt():
                    await self._begin()
                    break
                await self._patience.pause()
                if (stop := await self._missed()) is not None:
                    return self._stop(stop)
            return await self._work()

    async def _missed(self) -> duties.Stop | None:
        """Why there is nothing left to wait for, if there is not: only who has no stake here may go."""
        # Not an attempt of its own: what is waited for stays told once.
        with contextlib.suppress(ChainUnavailable):
            now = await self._participant.chain.now()
            await self._participant.refresh()
            duty = duties.join(self._params, now)
            if isinstance(duty, duties.Stop) and self._participant.address not in self._ledger.members:
                return duty
        return None

    async def _begin(self) -> None:
        """Take up what was left."""
        await self._versions.start(await self._participant.chain.now(), FETCH_SECONDS)
        self._report_version(self._versions.newest)
        await self._open_workshop()
        await recall(self._participant, self._ledger, self._memory, self._versions.max_update_bytes)

    async def _work(self) -> int:
        async with self._background():
            while True:
                with self._patience.attempt():
                    # The clock before the events: so whatever happened until then is known, and accepted sets are
                    # complete.
                    now = await self._participant.chain.now()
                    await self._participant.refresh()
                    if self._patience.failing:
                        # What the failure left undone may have become too late.
                        self._rounds.take_up(now)
                    duty = self._seams.decide(await self._view(now))
                    if isinstance(duty, duties.Stop):
                        await self._discloser.collect()
                        return self._stop(duty)
                    await unless_slashed(self._participant, self._task, self._carry_out(duty, now))
                await self._patience.pause()

    async def _open_workshop(self) -> None:
        """Let the two other processes begin, with whatever they had not finished."""
        await asyncio.to_thread(self._workshop.save_task, Task(self._params, self._spec))
        if self._spec.recipe.needs_genesis:
            genesis = await self._versions.genesis(FETCH_SECONDS)
            await asyncio.to_thread(self._workshop.save_version, 0, genesis.manifest.to_bytes(), genesis.file)
        self._rounds.take_up(await self._participant.chain.now())
        announce_task(self._shared, self._workshop.folder.name, os.getpid())

    def _stop(self, duty: duties.Stop) -> int:
        if duty.reason != "slashed":
            self._observer.emit("done", reason=duty.reason)
            return 0
        self._observer.emit("slashed")
        return EXIT_SLASHED

    async def _view(self, now: int) -> View:
        self._now = now
        blocked, until = self._blocked
        return await look(
            self._participant,
            self._ledger,
            self._versions,
            self._attested,
            now,
            attempted_round=self._rounds.settled(),
            blocked_version=blocked if asyncio.get_running_loop().time() < until else -1,
        )

    async def _carry_out(self, duty: duties.Duty, now: int) -> None:
        match duty:
            case duties.Wait():
                await asyncio.sleep(POLL_SECONDS)
            case duties.WorkRound(round_index, version):
                canonical = self._versions.get(version)
                assert canonical is not None, "the newest version is held"
                await self._rounds.work(round_index, canonical)
            case duties.Aggregate(version):
                await self._aggregate(version, now)
            case duties.Stop():
                raise AssertionError("the loop ends with it")
            case _:
                await self._errands.carry_out(duty)

    def gauges(self) -> dict[str, int]:
        """What is true now, in numbers."""
        newest = self._versions.newest_standing(self._ledger, self._now)
        state = {
            "newest_version": -1 if newest is None else newest,
            "round": self._rounds.attempted,
            "failing": int(self._patience.failing),
        }
        # The loop does not look while a round is worked on; the two others do.
        now = max(self._now, self._discloser.now, self._participant.purse.chain_time)
        return state | outside(self._participant, self._ledger, self._discloser.due, now)

    async def _aggregate(self, version: int, now: int) -> None:
        self._observer.emit("phase", round=version - 1, phase="aggregating", progress=0, detail="")
        try:
            made = await self._versions.advance(self._ledger, now, BLOCKED_SECONDS)
        except VersionUnavailable as error:
            self._observer.emit("error", message=str(error))
            self._blocked = (version, asyncio.get_running_loop().time() + BLOCKED_SECONDS)
            return
        self._report_version(made)

    @contextlib.asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Answer demands and disputes as long as the block runs, also while nothing else can be done: silence costs the
        stake."""
        async with asyncio.TaskGroup() as group:
            loops = (self._discloser.run(), *(player.run() for player in self._players))
            answering = [group.create_task(loop) for loop in loops]
            try:
                yield
            finally:
                for task in answering:
                    task.cancel()

    @contextlib.asynccontextmanager
    async def _background(self) -> AsyncIterator[None]:
        """Hold what others publish and keep our processes up, as long as the block runs."""

        def tell(message: str) -> None:
            self._observer.emit("error", message=message)

        work = (self._replication.run(), self._custody.run())
        async with asyncio.TaskGroup() as group:
            loops = (*work, self._report(), self._crew.watch(tell))
            tasks = [group.create_task(loop) for loop in loops]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    def _share(self, ledger: TaskLedger, now: int) -> Share | None:
        """What we keep of a task: ours, and what else the hub has had us work on."""
        account, held = self._participant.address, {}
        if ledger.task == self._task:
            held = self._versions.digests()
        elif account not in ledger.members:
            return None
        return share_of_node(ledger, now, held, num_whole(ledger.params), account)

    async def _report(self) -> None:
        while True:
            self._participant.report_transfers()
            await asyncio.sleep(1.0)

    def _report_version(self, version: CanonicalVersion) -> None:
        self._observer.emit("policy", version=version.version, digest="0x" + version.digest.hex())


def run_node(
    settings: Settings, observer: Observer, parts: Parts | None = None, seams: Seams | None = None
) -> Coroutine[Any, Any, int]:
    """Join the settings' task and work on it to the end; the process's exit code.

    The call itself starts the node's two other processes, so it comes before any thread or event loop.
    """
    crew = start_crew(Path(settings.data_dir), settings.engine, parts)
    return _run(settings, observer, crew, seams or _seams(settings))


def _seams(settings: Settings) -> Seams:
    if not settings.canary_one_in:
        return Seams()
    secret = canary_secret(Journal(Path(settings.data_dir) / "journal"))
    return Seams(submit=Canary(secret, settings.canary_one_in).submit)


async def _run(settings: Settings, observer: Observer, crew: Crew, seams: Seams) -> int:
    meters = node_meters(observer)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(contextlib.closing(crew))
        if settings.metrics:
            host, port = address_of(settings.metrics)
            served = await stack.enter_async_context(metrics_endpoint(meters.prometheus, port, host))
            observer.emit("metrics", port=served)
        participant = await stack.enter_async_context(participate_for_owner(settings, meters))
        await stack.enter_async_context(traced(settings.traces, "node", participant.address, meters))
        await participant.announce_endpoint(alone=True)
        ledger, spec = await participant.take_up(settings.task)
        meters.emit(
            "task", task="0x" + ledger.task.hex(), start=ledger.params.start, rounds=ledger.params.rounds
        )
        rule, twin = ledger.params.reward_rule, participant.deployment.sorting_reward
        await require_known_rule(participant.chain, rule, twin)
        check_engine(settings.engine, spec.model)
        # It starts the environment's process, which may take long. Better now than after a stake.
        await asyncio.to_thread(check_environment, spec.environment)
        courts = await open_courts(participant, ledger.params, spec)
        if courts is not None and not courts.can_settle(ledger.params, spec):
            problem = "its judges of computation and versions have other terms than its document"
            raise ConfigError("task", problem, "A dispute could cost the stake: join another task")
        node = Node(participant, ledger, spec, settings, crew, seams, courts)
        meters.gauges = node.gauges
        return await node.run()
    raise AssertionError("the block above returns or raises")
