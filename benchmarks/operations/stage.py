"""A small economy of real processes for the measurements beside this file: a chain, a task, nodes and verifiers.

Each process is the command that an operator runs, with its own folder, key and settings. What they print goes into one
file of events, a JSON object a line, and what is wrong with them into their logs.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from cupel.devnet import commands
from cupel.devnet.anvil import CHAIN_ID, LocalChain, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.presets import CREATOR, Pace, Preset, make_plan, starting_tokens, to_toml
from cupel.devnet.processes import PIPE, Process, signal_group, spawn, stop_all
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.devnet.run_folder import RunFolder, make_run_folder
from cupel.devnet.story.events import DemoEvent, parse_line
from cupel.devnet.wallets import Wallet, create_wallet
from cupel.protocol.chain.deployments import Deployment

READY_SECONDS: Final = 600.0
"""For a machine with a dozen other jobs on it."""
CHAIN: Final = "anvil"
# As the `cupel` command does, for any module with a `main`.
_RUN_MAIN: Final = "import importlib, sys; del sys.argv[0]; importlib.import_module(sys.argv[0]).main()"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part, in what."""

    nodes: int
    verifiers: int
    rounds: int
    preset: Preset
    pace: Pace
    data: DataTerms
    block_seconds: int = 1
    seed: int = 0

    @property
    def node_names(self) -> tuple[str, ...]:
        """`node-1` and so on."""
        return tuple(f"node-{number}" for number in range(1, self.nodes + 1))

    @property
    def verifier_names(self) -> tuple[str, ...]:
        """`verifier-1` and so on."""
        return tuple(f"verifier-{number}" for number in range(1, self.verifiers + 1))

    @property
    def workers(self) -> tuple[str, ...]:
        """All but the creator."""
        return (*self.node_names, *self.verifier_names)


class Stage:
    """A running economy. `heard` receives every event after it was written down."""

    def __init__(
        self, cast: Cast, folder: RunFolder, chain: LocalChain, deployment: Deployment, events: IO[str]
    ) -> None:
        self.cast = cast
        self.folder = folder
        self.chain = chain
        self.deployment = deployment
        self.wallets: dict[str, Wallet] = {}
        self.running: dict[str, Process] = {}
        """By name: those that were started and not seen to end."""
        self.exits: dict[str, int] = {}
        """Exit code of the last process of a name."""
        self.task = ""
        self.start = 0
        """Chain time of round 0; 0 before the task exists."""
        self.ready: set[str] = set()
        self.heard: Callable[[DemoEvent], None] = lambda event: None
        self.rpc_url = chain.rpc_url
        """The way to the chain that processes are told."""
        self.hosts: dict[str, str] = {}
        """Where each listens, if not on loopback."""
        self.lies: dict[str, str] = {}
        """Nodes that lie, and how."""
        self._events = events
        self._listeners: dict[str, asyncio.Task[None]] = {}

    def settings(self, name: str) -> Path:
        """Write a process's settings and return their path."""
        path = commands.write_settings(self.folder, self.wallets[name], self.rpc_url, CHAIN_ID)
        if name in self.hosts:
            with path.open("a", encoding="utf-8") as file:
                file.write(f'listen_host = "{self.hosts[name]}"\n')
        return path

    def command(self, name: str) -> commands.Command:
        """What an operator would run."""
        config = self.settings(name)
        if name == CREATOR:
            configs = self.folder.configs
            plan, genesis = configs / "plan.toml", configs / "genesis.safetensors"
            start_in = self.cast.pace.start_in_seconds
            return commands.creator_command(config, plan, genesis, start_in, len(self.cast.workers))
        if name in self.cast.node_names:
            return commands.node_command(config, self.lies.get(name))
        return commands.verifier_command(config)

    async def launch(
        self, name: str, command: commands.Command | None = None, prefix: Sequence[str | Path] = ()
    ) -> Process:
        """Start a process of the cast, for the first time or again."""
        chosen = command or self.command(name)
        self.ready.discard(name)
        self.exits.pop(name, None)
        argv = [*prefix, sys.executable, "-c", _RUN_MAIN, chosen.module, *chosen.arguments]
        with (self.folder.logs / f"{name}.log").open("ab") as log:
            process = await spawn(argv, stdout=PIPE, stderr=log, environment=commands.child_environment())
        self.running[name] = process
        self.note(name, "process-started", pid=process.pid)
        self._listeners[name] = asyncio.create_task(self._listen(name, process))
        return process

    async def kill(self, name: str) -> None:
        """As a power cut would: SIGKILL to the process and all it started."""
        process = self.running.pop(name)
        signal_group(process, signal.SIGKILL)
        await process.wait()
        await asyncio.wait([self._listeners[name]], timeout=5)

    async def until(self, reached: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for it. RuntimeError after so long, or if a process failed; OSError if its events cannot be written."""
        deadline = time.monotonic() + seconds
        while not reached():
            failed = {name: code for name, code in self.exits.items() if code or not self.task}
            failed = {name: code for name, code in failed.items() if name not in self.lies}
            if failed:
                raise RuntimeError(f"{failed} ended while waiting for {what}; logs are in {self.folder.logs}")
            for listener in self._listeners.values():
                if listener.done() and not listener.cancelled():
                    listener.result()  # as a disk that was full for a moment: what followed would be missing
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} did not come within {seconds:.0f} s")
            await asyncio.sleep(0.1)

    def note(self, source: str, name: str, **fields: int | str) -> None:
        """Write an event of the stage's own."""
        self._take(DemoEvent(source, name, time.time_ns() // 1_000_000, dict(fields)))

    def _take(self, event: DemoEvent) -> None:
        if event.name == "ready":
            self.ready.add(event.source)
        if event.source == CREATOR and event.name == "task":
            self.task, self.start = event.text("task"), event.number("start")
        if event.name != "transfer":  # one a second, from everybody
            print(event.as_json(), file=self._events, flush=True)
        self.heard(event)

    async def _listen(self, name: str, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            event = parse_line(name, line, time.time_ns() // 1_000_000)
            if event is not None:
                self._take(event)
        code = await process.wait()
        if self.running.get(name) is process:
            self.exits[name] = code
            del self.running[name]
        self.note(name, "process-ended", code=code)

    async def close(self) -> None:
        """End whatever runs."""
        await stop_all(list(self.running.values()))
        for listener in self._listeners.values():
            listener.cancel()
        await asyncio.gather(*self._listeners.values(), return_exceptions=True)


@asynccontextmanager
async def opened(cast: Cast, path: Path, jury: JuryTerms) -> AsyncIterator[Stage]:
    """A chain with contracts and money, and the folder of a run; nobody works yet. All ends with the block."""
    root = project_root()
    folder = make_run_folder(path, path)
    async with AsyncExitStack() as stack:
        chain = await stack.enter_async_context(
            local_chain(find_binary(root, CHAIN), 0, folder.logs / "anvil.log")
        )
        deployment = await deploy(
            chain.rpc_url, CHAIN_ID, artefacts(root), jury, cast.data, cast.preset.canonical
        )
        deployment.write(folder.deployment)
        events = stack.enter_context((path / "events.jsonl").open("a", encoding="utf-8"))
        stage = Stage(cast, folder, chain, deployment, events)
        stage.wallets = {name: create_wallet(name, folder.keys) for name in (*cast.workers, CREATOR)}
        amounts = starting_tokens(cast.preset, cast.rounds, cast.node_names, cast.verifier_names)
        money = {stage.wallets[name].address: amount for name, amount in amounts.items()}
        await fund(chain.rpc_url, deployment, money)
        async with LocalRpc(chain.rpc_url) as rpc:
            await rpc.request("evm_setIntervalMining", cast.block_seconds)
        plan = make_plan(cast.preset, cast.pace, cast.nodes, cast.rounds)
        (folder.configs / "plan.toml").write_text(to_toml(plan), encoding="utf-8")
        make_genesis(root, folder.configs / "genesis.safetensors", cast.preset.pretrain_steps, cast.seed)
        try:
            yield stage
        finally:
            await stage.close()


async def begin(stage: Stage, prefixes: Mapping[str, Sequence[str | Path]] | None = None) -> None:
    """Start everybody, and wait until the task exists."""
    prefixes = prefixes or {}
    for name in stage.cast.workers:
        await stage.launch(name, prefix=prefixes.get(name, ()))
        # One after the other: loading PyTorch is most of what a start costs.
        await stage.until(lambda name=name: name in stage.ready, READY_SECONDS, f"{name}'s readiness")
    await stage.launch(CREATOR, prefix=prefixes.get(CREATOR, ()))
    await stage.until(lambda: bool(stage.task), READY_SECONDS, "the task")


def make_genesis(root: Path, out: Path, steps: int, seed: int) -> None:
    """The committed script's checkpoint."""
    subprocess.run(
        [str(part) for part in commands.pretrain_command(root, out, steps, seed)],
        check=True,
        stderr=subprocess.DEVNULL,
        env=dict(commands.child_environment()),
    )
