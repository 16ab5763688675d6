"""One run of chaos: everybody is started, things go wrong by the scenario, and in the end the chain is read."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.chaos.actors import Actor, Role, Theatre, act_creator, act_node, act_verifier
from cupel.devnet.chaos.clock import SimulatedLoop, simulated_time
from cupel.devnet.chaos.endpoint import Anvil, ChainRoad, SimulatedChain
from cupel.devnet.chaos.links import Links
from cupel.devnet.chaos.scenario import (
    COMMIT_SECONDS,
    LEAD_SECONDS,
    ROUND_SECONDS,
    WINDOW_SECONDS,
    RpcFaults,
    Scenario,
)
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.presets import (
    CANONICAL,
    CREATOR,
    FAST,
    JUROR_STAKE,
    Pace,
    Preset,
    make_plan,
    starting_tokens,
)
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.chain.obligations import Obligations
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.task.plan import TaskPlan

JURY: Final = JuryTerms(3, 0, 60, 60, 0, 10, JUROR_STAKE)
DATA: Final = DataTerms(answer_seconds=60, close_seconds=30)
MOST_NODES: Final = 5
MOST_VERIFIERS: Final = 3
GIVE_UP_SECONDS: Final = 120
"""After the last stake could be home: who has not ended by then never will."""
MODEL: Final = ModelShape(
    ARCHITECTURE, vocabulary=64, layers=1, width=32, heads=2, feed_forward=64, positions=32
)
"""Small: what is tried here does not depend on its size."""
PRESET: Final = dataclasses.replace(FAST, problems_per_round=2, group_size=4, inner_steps=2, jury=JURY)


def pace_of(round_seconds: int = ROUND_SECONDS, commit_seconds: int = COMMIT_SECONDS) -> Pace:
    """The runs' spans of time."""
    window = WINDOW_SECONDS * round_seconds // ROUND_SECONDS
    return Pace(round_seconds, commit_seconds, window, JURY.needed_seconds, 2, LEAD_SECONDS)


@dataclass(frozen=True, slots=True)
class Stand:
    """A chain with the contracts and money for everybody, to which every run goes back."""

    anvil: Anvil
    deployment: Deployment
    accounts: dict[str, LocalAccount]


@contextmanager
def standing(preset: Preset = PRESET, rounds: int = 60) -> Iterator[Stand]:
    """Start anvil, deploy, and hand out money; it ends with the block."""
    names = [f"node-{number}" for number in range(1, MOST_NODES + 1)]
    watchers = [f"verifier-{number}" for number in range(1, MOST_VERIFIERS + 1)]
    accounts = {
        name: Account.from_key(bytes([7]) + number.to_bytes(31, "big"))
        for number, name in enumerate([CREATOR, *names, *watchers], 1)
    }
    root = project_root()
    with tempfile.TemporaryDirectory() as logs, asyncio.Runner() as runner:
        chain = local_chain(find_binary(root, "anvil"), 0, Path(logs) / "anvil.log")
        running = runner.run(chain.__aenter__())
        try:
            jury = preset.jury
            deployment = runner.run(deploy(running.rpc_url, CHAIN_ID, artefacts(root), jury, DATA, CANONICAL))
            amounts = starting_tokens(preset, rounds, names, watchers)
            money = {accounts[name].address: amount for name, amount in amounts.items()}
            runner.run(fund(running.rpc_url, deployment, money))
            with closing(Anvil(running.port)) as anvil:
                anvil.do("evm_setIntervalMining", 0)
                anvil.do("evm_setAutomine", False)
                yield Stand(anvil, deployment, accounts)
        finally:
            runner.run(chain.__aexit__(None, None, None))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left."""

    scenario: Scenario
    ledger: TaskLedger
    start: int
    """Chain time of the simulation's second 0."""
    owed: int
    held: int
    """Of the hub, in the token's smallest unit."""
    balances: dict[str, int]
    """Tokens by process name, gained since the beginning."""
    actors: dict[str, Actor]
    addresses: dict[str, str]
    facts: dict[str, int]
    """Sizes of the run, for tables."""


class World:
    """One run on a stand."""

    def __init__(
        self,
        stand: Stand,
        scenario: Scenario,
        folder: Path,
        pace: Pace,
        preset: Preset,
    ) -> None:
        self._stand = stand
        self._scenario = scenario
        self._pace = pace
        plan = make_plan(preset, pace, len(scenario.nodes), scenario.rounds)
        self._plan = dataclasses.replace(plan, spec=dataclasses.replace(plan.spec, model=MODEL))
        draw = random.Random(f"world {scenario.seed}")
        self._road = ChainRoad(stand.anvil, scenario.faults, scenario.outages, draw)
        self._links = Links(scenario.link, scenario.partitions, draw)
        first = _genesis(self._plan)
        self._theatre = Theatre(
            stand.deployment,
            CHAIN_ID,
            self._road,
            self._links,
            folder,
            self._plan,
            first,
            scenario.work_seconds,
            scenario.seed,
        )
        self._base = int(stand.anvil.do("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self._asked_before = stand.anvil.num_requests
        self._mined: list[tuple[float, int]] = []
        """Times of the simulation at which the newest blocks were made, and how many transactions were sent by then."""

    async def play(self) -> Outcome:
        """The run from its first second."""
        roles = dict.fromkeys(self._scenario.nodes, act_node)
        actors = self._cast(roles | dict.fromkeys(self._scenario.verifier_names, act_verifier))
        before = await self._balances(actors)
        await self._live(actors)
        return await self._outcome(actors, before)

    def _cast(self, roles: Mapping[str, Role]) -> dict[str, Actor]:
        """The creator, and who plays these roles, by name."""
        accounts, lies = self._stand.accounts, self._scenario.liars
        everybody = {CREATOR: act_creator(self._base + LEAD_SECONDS), **roles}
        return {
            name: Actor(name, accounts[name], self._theatre, role, lies.get(name, ""))
            for name, role in everybody.items()
        }

    async def _live(self, actors: dict[str, Actor]) -> None:
        """Let them live, through all troubles, until all but the liars have ended."""
        for actor in actors.values():
            actor.start()
        troubles = [asyncio.create_task(self._blocks()), *self._troubles(actors)]
        try:
            await self._until_over(actors)
        finally:
            for task in troubles:
                task.cancel()
            await asyncio.gather(*troubles, return_exceptions=True)
            for actor in actors.values():
                await actor.kill()

    async def _until_over(self, actors: dict[str, Actor]) -> None:
        waited = {name: one for name, one in actors.items() if name not in (CREATOR, *self._scenario.liars)}
        pace, loop = self._pace, asyncio.get_running_loop()
        end = LEAD_SECONDS + self._scenario.rounds * pace.round_seconds
        limit = end + 2 * (pace.settlement_seconds + pace.dispute_seconds) + GIVE_UP_SECONDS
        while loop.time() < limit and any(one.code is None and not one.defect for one in waited.values()):  # noqa: ASYNC110  # a life may end and another begin
            await asyncio.sleep(1.0)

    async def _blocks(self) -> None:
        while True:
            await asyncio.sleep(self._scenario.block_seconds)
            self._mine(asyncio.get_running_loop().time())

    def _mine(self, now: float) -> None:
        self._stand.anvil.do("evm_mine", self._base + int(now))
        self._mined.append((now, len(self._road.sent)))

    def _troubles(self, actors: dict[str, Actor]) -> list[asyncio.Task[None]]:
        async def kill(at: float, down: float, actor: Actor) -> None:
            await asyncio.sleep(at)
            if actor.code is None:
                await actor.kill()
                await asyncio.sleep(down)
                actor.start()

        async def reorganise(at: float, depth: int, keeps: float) -> None:
            await asyncio.sleep(at)
            self._reorganise(depth, keeps)

        kills = [kill(one.at, one.down_seconds, actors[one.name]) for one in _apart(self._scenario)]
        turns = [reorganise(one.at, one.depth, one.keeps) for one in self._scenario.reorganisations]
        return [asyncio.create_task(trouble) for trouble in (*kills, *turns)]

    def _reorganise(self, depth: int, keeps: float) -> None:
        """Other blocks in place of the newest, and one more; what the old ones held is lost, or waits again."""
        depth = min(depth, len(self._mined) - 1)
        times = [time for time, _ in self._mined[-depth:]]
        sent = self._road.sent[self._mined[-depth - 1][1] :]
        del self._mined[-depth:]
        self._stand.anvil.do("anvil_rollback", depth)
        for raw in sent:
            if self._road.draw.random() < keeps:
                # Refused, where one before it was lost.
                self._stand.anvil.ask("eth_sendRawTransaction", [raw])
        for time in (*times, times[-1] + 1):
            self._mine(time)

    async def _outcome(self, actors: dict[str, Actor], before: dict[str, int]) -> Outcome:
        async with self._reader() as client:
            deployment = self._stand.deployment
            hub, token = Hub(client, deployment.hub), TestToken(client, deployment.token)
            events = [
                one.event for one in await client.logs(hub, deployment.first_block, await client.head())
            ]
            obligations = Obligations(deployment.token, await hub.burn())
            for event in events:
                obligations.apply(event)
            (ledger,) = HubLedger.of(events).tasks.values()
            after = await self._balances(actors)
            return Outcome(
                scenario=self._scenario,
                ledger=ledger,
                start=self._base,
                owed=obligations.owed,
                held=await token.balance_of(hub.address),
                balances={name: after[name] - before[name] for name in actors},
                actors=actors,
                addresses={name: str(one.account.address) for name, one in actors.items()},
                facts=self._facts(),
            )
        raise AssertionError("the block above returns or raises")

    def _facts(self) -> dict[str, int]:
        return {
            "simulated_seconds": int(asyncio.get_running_loop().time()),
            "requests": self._stand.anvil.num_requests - self._asked_before,
            "requests_failed": self._road.failures,
            "transactions": len(self._road.sent),
            "bytes_moved": self._links.bytes_moved,
            "packets_lost": self._links.lost,
        }

    async def _balances(self, actors: dict[str, Actor]) -> dict[str, int]:
        async with self._reader() as client:
            token = TestToken(client, self._stand.deployment.token)
            return {name: await token.balance_of(one.account.address) for name, one in actors.items()}
        raise AssertionError("the block above returns or raises")

    def _reader(self) -> SimulatedChain:
        road = ChainRoad(self._stand.anvil, RpcFaults(0, 0, 0), (), random.Random(0))
        return SimulatedChain("reader", None, CHAIN_ID, road)


def play(
    stand: Stand,
    scenario: Scenario,
    pace: Pace | None = None,
    preset: Preset = PRESET,
    stretch: float = 3.0,
) -> Outcome:
    """A run, after which the chain is as before."""
    snapshot: Any = stand.anvil.do("evm_snapshot")
    try:
        with tempfile.TemporaryDirectory(prefix="chaos-", dir=quick_disk()) as folder:
            loop = SimulatedLoop(stretch)
            with asyncio.Runner(loop_factory=lambda: loop) as runner, simulated_time(loop):
                world = World(stand, scenario, Path(folder), pace or pace_of(), preset)
                return runner.run(world.play())
    finally:
        stand.anvil.do("evm_revert", snapshot)


def quick_disk() -> str | None:
    """Memory where there is some: syncing costs more than all else here, and proves nothing."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _genesis(plan: TaskPlan) -> CanonicalVersion:
    import torch

    policy, layout = TinyPolicy(plan.spec.model), layout_of(plan.spec.model)
    initialise(policy, torch.Generator().manual_seed(1))
    return make_version(0, None, genesis(flatten(policy, layout)), layout)


def _apart(scenario: Scenario) -> tuple[Any, ...]:
    """Kills without those of a process that is down already."""
    kept: list[Any] = []
    for kill in sorted(scenario.kills, key=lambda one: one.at):
        mine = [one for one in kept if one.name == kill.name]
        if all(kill.at > one.at + one.down_seconds + 1 for one in mine):
            kept.append(kill)
    return tuple(kept)
