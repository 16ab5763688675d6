"""Kill a node's publisher around its commitments on a real chain: is any commitment lost, or sent twice?

    python benchmarks/operations/commit_kills.py --kills 1000 --seed 1

A round's rollouts and update are made once. Then a process with the node's real publisher carries the round through and
gets SIGKILL at a random moment, while blocks are made at random moments too: before the transaction, in the pool, mined
and not seen. It is started again up to five times a round; the last one is left alone. In the end the chain must have
every round once, in order, and the node's files must say so. There is no network: peers hold everything at once.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Final

import torch
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, choose_port
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.presets import CANONICAL
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.node.journal import Journal
from cupel.node.metrics import MetricsLog
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Task, Workshop
from cupel.node.publishing.memory import Memory
from cupel.node.publishing.replication import Replication
from cupel.node.publishing.round import RoundPublisher
from cupel.node.publishing.seams import Seams
from cupel.node.rollout.process import Parts, RolloutJob
from cupel.node.training.process import TrainerJob
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten
from cupel.protocol.participant import Participant
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.task import NOTHING_PINNED, Pinned, TaskParams
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import example_params

MOST_KILLS_A_ROUND: Final = 5
ROUND_SECONDS: Final = 1000
CLAIM_EVERY: Final = 16
KILL_WITHIN_SECONDS: Final = 0.7
BLOCK_WITHIN_SECONDS: Final = 1.0
JURY: Final = JuryTerms(3, 0, 20, 20, 0, 5, 400)
STAKE: Final = 10_000
SPEC: Final = example_spec()
LAYOUT: Final = layout_of(SPEC.model)


class Silent:
    """Takes events."""

    def emit(self, event: str, **fields: Any) -> None:
        """Nothing is told."""


class OneHolder:
    """A swarm whose peers hold everything at once."""

    def set_peers(self, endpoints: dict[str, str]) -> None:
        """There are none."""

    async def announce(self, announcement: object) -> None:
        """Nobody listens."""

    async def holders(self, part: object) -> int:
        """Enough."""
        return 2


class Chain:
    """A running anvil that makes a block when it is told to."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(self, method: str, *parameters: Any) -> Any:
        """One JSON-RPC request."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}).encode()
        head = {"content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.url, body, head), timeout=20) as answer:
            return json.load(answer).get("result")


@dataclasses.dataclass
class World:
    """A task with one member."""

    chain: Chain
    deployment: Deployment
    account: Any
    params: TaskParams
    folder: Path
    state: Any
    nonce: int = 0
    """Of the account, before the round's commitment."""

    def canonical(self, number: int) -> CanonicalVersion:
        """A version of its own for every round, of the same weights."""
        return make_version(number, None if number == 0 else bytes(32), self.state, LAYOUT)

    def do(self, work: Any) -> Any:
        """Run `work(participant)` on a chain that answers at once."""

        async def scene() -> Any:
            async with ChainClient(self.chain.url, self.account, CHAIN_ID) as client:
                node = Participant(client, self.deployment, MemoryStore(), OneHolder(), Silent())
                await node.refresh()
                return await work(node)

        return asyncio.run(scene())

    def publisher(self, node: Participant) -> RoundPublisher:
        """A publisher that has just begun, and knows only what is in files."""
        (ledger,) = node.ledger.tasks.values()
        limit = get_codec(SPEC.aggregation.codec).num_bytes(LAYOUT.num_parameters)
        return RoundPublisher(
            node,
            ledger,
            SPEC,
            Workshop(self.folder),
            Memory(Journal(self.folder / "journal")),
            Replication(node, ledger, limit, Seams()),
            MetricsLog(self.folder / "metrics.jsonl"),
            Seams(),
        )


def make_world(chain: Chain, folder: Path, rounds: int) -> World:
    """Deploy, create a task and join it."""
    account = Account.create()
    policy = TinyPolicy(SPEC.model)
    initialise(policy, torch.Generator().manual_seed(1))
    state = genesis(flatten(policy, LAYOUT))

    async def scene() -> tuple[Deployment, TaskParams]:
        deployment = await deploy(
            chain.url, CHAIN_ID, artefacts(project_root()), JURY, DataTerms(20, 10), CANONICAL
        )
        await fund(chain.url, deployment, {account.address: 100 * STAKE})
        async with ChainClient(chain.url, account, CHAIN_ID) as client:
            node = Participant(client, deployment, MemoryStore(), OneHolder(), Silent())
            judge = Pinned(deployment.objective_judge, await client.code_hash(deployment.objective_judge))
            params = dataclasses.replace(
                example_params(),
                creator=node.address,
                token=deployment.token,
                spec_digest=SPEC.digest,
                genesis_digest=make_version(0, None, state, LAYOUT).digest,
                start=await client.now() + 50,
                round_seconds=ROUND_SECONDS,
                commit_seconds=ROUND_SECONDS - 100,
                rounds=rounds,
                problems_per_round=2,
                group_size=4,
                challenge_window=500,
                dispute_seconds=JURY.needed_seconds,
                rate=10,
                stake=STAKE,
                bond=100,
                reward_rule=NOTHING_PINNED,
                judges=(judge,),
            )
            await node.approve(params.token, node.hub.address, 50 * STAKE)
            await node.send("create", node.hub.create_task(params, 8 * rounds))
            await node.send("join", node.hub.join(params, node.address, node.address, 8 * rounds, b""))
        return deployment, params

    return World(chain, *_swap(asyncio.run(scene()), account), folder, state)


def _swap(made: tuple[Deployment, TaskParams], account: Any) -> tuple[Deployment, Any, TaskParams]:
    return made[0], account, made[1]


def begin_round(world: World, number: int) -> None:
    """Let its time come, fix its beacon, and take pay home now and then: the ring has 64 places."""
    chain = world.chain
    chain.request("evm_setAutomine", True)
    chain.request("evm_mine")
    chain.request("evm_setNextBlockTimestamp", world.params.start + number * ROUND_SECONDS + 1)
    chain.request("evm_mine")

    async def work(node: Participant) -> None:
        ((task, ledger),) = node.ledger.tasks.items()
        await node.send("open", node.hub.open_round(task, number))
        if number and number % CLAIM_EVERY == 0:
            done = ledger.commitments(node.address)[number - CLAIM_EVERY : number]
            await node.send("claim", node.hub.claim(world.params, node.address, list(done)))

    world.do(work)
    chain.request("evm_setAutomine", False)


def start_publisher(world: World, number: int) -> int:
    """A process that carries the round through, as after a restart; its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:

        async def work(node: Participant) -> None:
            publisher = world.publisher(node)
            publisher.take_up(await node.chain.now())
            if publisher.settled() < number:
                await publisher.work(number, world.canonical(number))

        world.do(work)
        code = 0
    finally:
        os._exit(code)


def make_work(world: World, number: int, pid: int) -> None:
    """What the other two processes do, once the publisher has ordered it."""
    workshop = Workshop(world.folder)
    while (order := workshop.order(number)) is None:
        assert os.waitpid(pid, os.WNOHANG)[0] == 0, "the publisher ended before it gave an order"
        time.sleep(0.005)
    RolloutJob(workshop, Clock(time.monotonic), Parts()).work(order)
    TrainerJob(workshop, Clock(time.monotonic)).work(order)


def ended(pid: int) -> bool:
    """Whether the process ended by itself. RuntimeError if it failed."""
    found, status = os.waitpid(pid, os.WNOHANG)
    if found and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"the publisher failed with {os.waitstatus_to_exitcode(status)}")
    return bool(found)


def where(world: World, number: int) -> str:
    """How far a round had come when its publisher was killed."""
    pool = world.chain.request("txpool_status") or {}
    if (world.folder / f"round-{number:06}" / "closed").exists():
        return "after it was closed"
    if int(pool.get("pending", "0x0"), 16):
        return "its transaction in the pool"
    latest = int(world.chain.request("eth_getTransactionCount", world.account.address, "latest"), 16)
    return "mined, not noted" if latest > world.nonce else "before its transaction"


def kill_once(world: World, number: int, pid: int, draw: random.Random, met: Counter[str]) -> bool:
    """Blocks and a kill at random moments; whether the process was still there to be killed."""
    began = time.monotonic()
    moments = sorted(
        [(draw.uniform(0, KILL_WITHIN_SECONDS), "kill"), (draw.uniform(0, BLOCK_WITHIN_SECONDS), "block")]
    )
    killed = False
    for at, what in moments:
        time.sleep(max(0.0, began + at - time.monotonic()))
        if what == "block":
            world.chain.request("evm_mine")
        elif not ended(pid):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            met[where(world, number)] += 1
            killed = True
        else:
            break
    return killed


def carry_through(world: World, number: int, kills: int, draw: random.Random, met: Counter[str]) -> int:
    """One round with at most so many kills; how many there were."""
    begin_round(world, number)
    world.nonce = int(world.chain.request("eth_getTransactionCount", world.account.address, "latest"), 16)
    pid, done = start_publisher(world, number), 0
    make_work(world, number, pid)
    for _ in range(min(kills, MOST_KILLS_A_ROUND)):
        if not kill_once(world, number, pid, draw, met):
            break
        done += 1
        pid = start_publisher(world, number)
    until = time.monotonic() + 120
    with_time = True
    while with_time:
        try:
            if ended(pid):
                return done
        except ChildProcessError:
            return done
        world.chain.request("evm_mine")
        time.sleep(0.05)
        with_time = time.monotonic() < until
    raise RuntimeError(f"round {number} did not end")


def judge(world: World, rounds: int) -> list[str]:
    """What is wrong in the end."""

    async def work(node: Participant) -> list[str]:
        (ledger,) = node.ledger.tasks.values()
        found = [(work.sequence, work.round, work.units) for work in ledger.commitments(node.address)]
        wanted = [(number, number, 8) for number in range(rounds)]
        outcomes = set(Workshop(world.folder).outcomes().values())
        problems = [] if found == wanted else [f"{len(found)} commitments for {rounds} rounds"]
        return problems + ([] if outcomes == {"committed"} else [f"files say {sorted(outcomes)}"])

    return world.do(work)


def campaign(chain: Chain, folder: Path, kills: int, seed: int) -> int:
    """The whole of it; the exit code."""
    draw, met = random.Random(seed), Counter[str]()
    began, done, rounds = time.monotonic(), 0, 0
    world = make_world(chain, folder, rounds=max(1, kills))
    Workshop(folder).save_task(Task(world.params, SPEC))
    while done < kills:
        done += carry_through(world, rounds, kills - done, draw, met)
        rounds += 1
        print(f"\r{done} kills, {rounds} rounds, {time.monotonic() - began:.0f} s", end="", file=sys.stderr)
    problems = judge(world, rounds)
    report = {
        "seed": seed,
        "kills": done,
        "rounds": rounds,
        "commitments_lost_or_doubled": problems,
        "killed": dict(met.most_common()),
        "seconds": round(time.monotonic() - began),
    }
    print("\n" + json.dumps(report, indent=2))
    return 1 if problems else 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    port = choose_port(0)
    command = [str(find_binary(project_root(), "anvil")), "--port", str(port), "--chain-id", str(CHAIN_ID)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([*command, "--accounts", "1", "--quiet"], stdout=subprocess.DEVNULL) as anvil,
    ):
        try:
            chain = Chain(f"http://127.0.0.1:{port}")
            _until_ready(chain)
            return campaign(chain, Path(folder) / "workshop", given.kills, given.seed)
        finally:
            anvil.kill()


def _until_ready(chain: Chain) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            chain.request("eth_chainId")
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("anvil did not start")


if __name__ == "__main__":
    sys.exit(main())
