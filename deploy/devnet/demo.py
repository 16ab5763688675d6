"""`cupel demo`: the whole economy on this machine, from an empty chain to a verdict."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from cupel.devnet import commands, pretraining
from cupel.devnet.anvil import CHAIN_ID, LocalChain, local_chain
from cupel.devnet.audit import read_facts
from cupel.devnet.chronicle import Chronicle, DemoFailed
from cupel.devnet.deployment import deploy, fund
from cupel.devnet.facts import ChainFacts
from cupel.devnet.forking import ForkServer
from cupel.devnet.machine import Tools, free_cores
from cupel.devnet.mishaps import Misfortune, Mishap, drawn_mishaps
from cupel.devnet.options import DemoOptions
from cupel.devnet.patience import unhurried
from cupel.devnet.presets import (
    CREATOR,
    Pace,
    choose_pace,
    make_plan,
    starting_tokens,
    to_toml,
)
from cupel.devnet.processes import tail
from cupel.devnet.rpc import LocalRpc
from cupel.devnet.run_folder import RunFolder
from cupel.devnet.story.state import ENDED, DemoState, Status
from cupel.devnet.supervisor import Supervisor
from cupel.devnet.verdict import Check
from cupel.devnet.wallets import Wallet
from cupel.devnet.watch import ChainWatcher, background
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.deployments import Deployment

# Bounds for a machine many times slower than ours; what hangs for longer hangs for ever.
_READY_SECONDS: Final = 240.0
_PRETRAIN_SECONDS: Final = 600.0
_TASK_SECONDS: Final = 120.0
_MEASURED_PER_MILLE: Final = 200
_LATE_SECONDS: Final = 60.0


class Demo:
    """One run: its phases in order."""

    def __init__(
        self,
        options: DemoOptions,
        tools: Tools,
        folder: RunFolder,
        wallets: dict[str, Wallet],
        chronicle: Chronicle,
        judged: Callable[[ChainFacts, DemoState], tuple[Check, ...]],
    ) -> None:
        self._judge = judged
        self._options = options
        self._tools = tools
        self._folder = folder
        self._wallets = wallets
        self._chronicle = chronicle
        self._environment = commands.child_environment()
        self._workers = (*options.node_names, *options.verifier_names)
        self._genesis = folder.configs / "genesis.safetensors"
        self._pace: Pace | None = None
        self._commands: dict[str, commands.Command] = {}

    async def run(self) -> tuple[ChainFacts, tuple[Check, ...]]:
        """Run to the verdict. DemoFailed, ChildFailed, ConfigError or EnvironmentProblem if it cannot get there.

        Nothing runs any more when this returns or raises.
        """
        tell = self._chronicle.stage
        # Before anything runs here: what is busy now is somebody else's, and will be in the rounds too.
        cores = await asyncio.to_thread(free_cores)
        liars = len(self._options.lies) + len(self._options.verifier_lies)
        preset = unhurried(self._options.preset, cores, liars)
        self._options = dataclasses.replace(self._options, preset=preset)
        tell("tools", "done", f"{self._tools.anvil.name}, contracts in {self._tools.artefacts.name}/")
        tell("chain", "running")
        async with AsyncExitStack() as stack:
            # It loads while the chain starts; closed after the supervisor, whose children it reaps.
            server = await stack.enter_async_context(
                ForkServer(self._folder.logs / "fork-server.log", self._environment, commands.PRELOADED)
            )
            log = self._folder.logs / "anvil.log"
            chain = await stack.enter_async_context(
                local_chain(self._tools.anvil, self._options.rpc_port, log)
            )
            tell("chain", "done", f"{chain.rpc_url}, chain {CHAIN_ID}")
            deployment = await self._prepare(chain)
            client = await stack.enter_async_context(ChainClient(chain.rpc_url, None, CHAIN_ID))
            supervisor = await stack.enter_async_context(
                Supervisor(self._folder.logs, self._chronicle.record)
            )
            await self._boot(supervisor, server, chain, cores)
            watcher = ChainWatcher(client, deployment, self._chronicle, supervisor)
            await stack.enter_async_context(background(watcher.run(chain.process, self._options.kill)))
            if self._options.mishaps:
                rpc = await stack.enter_async_context(LocalRpc(chain.rpc_url))
                misfortune = Misfortune(
                    supervisor,
                    self._chronicle,
                    rpc,
                    lambda name: supervisor.fork(name, server, self._commands[name]),
                )
                await stack.enter_async_context(background(misfortune.run(self._mishaps())))
            await self._rounds()
            await self._settle()
            return await self._verdict(client, deployment)
        raise AssertionError("the block above returns or raises")

    async def _prepare(self, chain: LocalChain) -> Deployment:
        """Contracts and money."""
        tell, options = self._chronicle.stage, self._options
        tell("contracts", "running")
        deployment = await deploy(
            chain.rpc_url,
            CHAIN_ID,
            self._tools.artefacts,
            options.preset.jury,
            options.preset.data,
            options.preset.canonical,
            options.preset.aggregate,
        )
        deployment.write(self._folder.deployment)
        tell("contracts", "done", f"hub {deployment.hub}")
        tell("wallets", "running")
        amounts = starting_tokens(options.preset, options.rounds, options.node_names, options.verifier_names)
        await fund(
            chain.rpc_url, deployment, {self._wallets[name].address: amounts[name] for name in amounts}
        )
        tell("wallets", "done", f"{len(amounts)} wallets")
        return deployment

    async def _boot(
        self, supervisor: Supervisor, server: ForkServer, chain: LocalChain, cores: float
    ) -> None:
        """Pre-train while the processes start; then the task."""
        chronicle = self._chronicle
        lessons = pretraining.Pretraining()
        draft = self._genesis.with_suffix(".part")
        preset, seed = self._options.preset, self._options.seed
        command = commands.pretrain_command(self._tools.root, draft, preset.pretrain_steps, seed)
        chronicle.stage("policy", "running")
        await supervisor.start(
            pretraining.NAME, command, self._environment, lessons.parse, listen_to_stderr=True
        )
        chronicle.stage("processes", "running")
        await self._start_workers(supervisor, server, chain)
        await chronicle.until(
            lambda state: (
                state.stage("policy").progress >= _MEASURED_PER_MILLE or pretraining.NAME in state.exits
            ),
            _PRETRAIN_SECONDS,
            "pre-training did not begin",
        )
        # The machine's speed is known by now; the creator starts up while pre-training goes on.
        if lessons.step_seconds is not None:
            await self._start_creator(supervisor, server, chain, lessons.step_seconds, cores)
        await chronicle.until(
            lambda state: pretraining.NAME in state.exits, _PRETRAIN_SECONDS, "pre-training did not end"
        )
        await supervisor.require_success(pretraining.NAME)
        draft.rename(self._genesis)  # whole or not at all: the creator waits for this name
        chronicle.stage("policy", "done")
        await self._until_ready()
        await self._until_task()

    async def _start_workers(self, supervisor: Supervisor, server: ForkServer, chain: LocalChain) -> None:
        options = self._options
        for name in options.node_names:
            self._commands[name] = commands.node_command(self._settings(name, chain), options.lies.get(name))
        for name in options.verifier_names:
            lie = options.verifier_lies.get(name)
            self._commands[name] = commands.verifier_command(self._settings(name, chain), lie)
        for name, command in self._commands.items():
            await supervisor.fork(name, server, command)

    def _mishaps(self) -> tuple[Mishap, ...]:
        options = self._options
        assert self._pace is not None, "the task exists, so its pace was chosen"
        return drawn_mishaps(
            options.seed,
            options.rounds,
            self._pace.round_seconds,
            options.honest_nodes,
            options.honest_verifiers,
        )

    async def _start_creator(
        self,
        supervisor: Supervisor,
        server: ForkServer,
        chain: LocalChain,
        step_seconds: float,
        cores: float,
    ) -> None:
        options, preset = self._options, self._options.preset
        self._pace = pace = choose_pace(preset, options.num_nodes, step_seconds, cores)
        plan = make_plan(preset, pace, options.num_nodes, options.rounds)
        path = self._folder.configs / "plan.toml"
        path.write_text(to_toml(plan), encoding="utf-8")
        self._chronicle.tell("task", round_seconds=pace.round_seconds, bounty=plan.terms.bounty)
        command = commands.creator_command(
            self._settings(CREATOR, chain),
            path,
            self._genesis,
            start_in=pace.start_in_seconds,
            wait_for_peers=len(self._workers),
        )
        await supervisor.fork(CREATOR, server, command)

    async def _until_ready(self) -> None:
        await self._chronicle.until(self._are_ready, _READY_SECONDS, "not every node and verifier was ready")
        count = len(self._workers)
        self._chronicle.stage("processes", "done", f"{count} of {count} ready")

    async def _until_task(self) -> None:
        self._chronicle.stage("task", "running")

        def reached(state: DemoState) -> bool:
            self._require_alive(state)
            return bool(state.task.task_id)

        await self._chronicle.until(reached, _TASK_SECONDS, "the task was not created")
        self._chronicle.stage("task", "done", self._chronicle.state.task.task_id)

    async def _rounds(self) -> None:
        chronicle, rounds = self._chronicle, self._options.rounds
        assert self._pace is not None, "the task exists, so its pace was chosen"
        start, span = chronicle.state.task.start, self._pace.round_seconds
        for index in range(rounds):
            chronicle.stage("rounds", "running", f"round {index}", 1000 * index // rounds)
            end = start + (index + 1) * span

            def reached(state: DemoState, end: int = end) -> bool:
                if all(node.status in ENDED for node in state.honest):
                    raise DemoFailed(f"no honest node is left; their logs are in {self._folder.logs}")
                return state.chain.timestamp >= end

            await chronicle.until(reached, 2 * span + _LATE_SECONDS, f"round {index} did not end")
        chronicle.stage("rounds", "done", f"{rounds} of {span} s")

    async def _settle(self) -> None:
        """Wait until every process has ended by itself; one that does not shows in the verdict."""
        chronicle, everyone = self._chronicle, (*self._workers, CREATOR)
        assert self._pace is not None, "the task exists, so its pace was chosen"
        chronicle.stage("settlement", "running")
        # The creator waits for one more dispute when a member never leaves, because it was killed.
        patience = self._pace.settlement_seconds + self._pace.dispute_seconds + _LATE_SECONDS
        try:
            await chronicle.until(
                lambda state: all(name in state.exits for name in everyone), patience, "not everyone ended"
            )
        except DemoFailed as late:
            chronicle.stage("settlement", "failed", str(late))
        else:
            chronicle.stage("settlement", "done")

    async def _verdict(
        self, client: ChainClient, deployment: Deployment
    ) -> tuple[ChainFacts, tuple[Check, ...]]:
        chronicle = self._chronicle
        chronicle.stage("verdict", "running")
        task = bytes.fromhex(chronicle.state.task.task_id.removeprefix("0x"))
        facts = await read_facts(client, deployment, task, self._tools.artefacts)
        checks = self._judge(facts, chronicle.state)
        held = sum(check.passed for check in checks)
        status = "done" if held == len(checks) else "failed"
        chronicle.stage("verdict", status, f"{held} of {len(checks)} promises held")
        return facts, checks

    def _are_ready(self, state: DemoState) -> bool:
        self._require_alive(state)
        return all(state.participants[name].status is not Status.STARTING for name in self._workers)

    def _require_alive(self, state: DemoState) -> None:
        """DemoFailed if a process ended that is needed before the rounds begin."""
        for name in (*self._workers, CREATOR):
            if name in state.exits:
                log = self._folder.logs / f"{name}.log"
                why = tail(log, 1) or "it said nothing"
                raise DemoFailed(f"{name} ended with code {state.exits[name]} ({why}). Its log is {log}")

    def _settings(self, name: str, chain: LocalChain) -> Path:
        verifiers = {one: self._wallets[one].address for one in self._options.honest_verifiers}
        choices = self._options.choices(name, verifiers)
        return commands.write_settings(self._folder, self._wallets[name], chain.rpc_url, CHAIN_ID, choices)
