"""Chaos with real processes in network namespaces: kills, reorganisations, cuts and liars, on bad wires.

    python benchmarks/operations/real_chaos.py --seed 1 --out real_chaos.jsonl

A run takes twenty minutes of a clock: chain time is real here. The bulk of the campaign is `cupel chaos`, which
simulates time; what it simulates is real here, and the same rules are held against both.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "shardcast"))

import namespace
from soak import DATA, JURY, PRESET
from stage import Cast, Stage, begin, opened
from wires import HERE, Wires, forward, private_namespaces

from cupel.devnet.anvil import CHAIN_ID
from cupel.devnet.chaos.rules import broken_rules
from cupel.devnet.chaos.scenario import (
    Kill,
    Link,
    Partition,
    Reorganisation,
    RpcFaults,
    Scenario,
)
from cupel.devnet.chaos.world import Outcome
from cupel.devnet.presets import CREATOR, Pace
from cupel.devnet.rpc import LocalRpc
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.ledger import HubLedger
from cupel.protocol.chain.obligations import Obligations

ROUNDS: Final = 4
ROUND_SECONDS: Final = 60
LIES: Final = ("wrong-problem", "chosen-seed", "inflated-reward", "inflated-units", "malformed-proof")
"""Those that the chain's own judge settles: a jury's deadlines are not for a machine with a dozen other jobs."""
LEAD_SECONDS: Final = 120


def draw_run(seed: int) -> Scenario:
    """Two honest nodes, a liar, a verifier, and one or two of each trouble."""
    draw = random.Random(f"cupel real chaos {seed}")
    length, names = ROUNDS * ROUND_SECONDS, ["node-1", "node-2"]

    def moment() -> float:
        return LEAD_SECONDS + draw.uniform(0, length - ROUND_SECONDS)

    cuts = [(moment(), draw.uniform(3, 15), draw.choice(names)) for _ in range(draw.choice((1, 2)))]
    return Scenario(
        seed=seed,
        honest=2,
        lies=(draw.choice(LIES),),
        verifiers=1,
        rounds=ROUNDS,
        link=Link(draw.uniform(0.01, 0.08), draw.uniform(0, 0.02), 10 ** draw.uniform(5.7, 6.5)),
        faults=RpcFaults(0, 0, 0),
        work_seconds=0,
        partitions=tuple(Partition(at, at + last, frozenset({name})) for at, last, name in cuts),
        outages=(),
        kills=tuple(
            Kill(moment(), draw.uniform(1, 10), draw.choice(names)) for _ in range(draw.choice((1, 2)))
        ),
        reorganisations=tuple(
            Reorganisation(moment(), draw.randint(1, 4), 0.0) for _ in range(draw.choice((1, 2)))
        ),
    )


async def run(seed: int, folder: Path) -> dict[str, Any]:
    """One run; its line of the file."""
    scenario, began = draw_run(seed), time.monotonic()
    pace = Pace(ROUND_SECONDS, ROUND_SECONDS - 10, 150, 100, 2, LEAD_SECONDS)
    cast = Cast(3, 1, ROUNDS, dataclasses.replace(PRESET, rounds=ROUNDS), pace, DATA, block_seconds=2)
    wires = Wires(
        scenario.link.latency_seconds, scenario.link.loss, scenario.link.bytes_per_second, random.Random(seed)
    )
    names = (HERE, *cast.workers, CREATOR)
    async with opened(cast, folder / "run", JURY) as stage:
        for name in names:
            wires.add(name)
        server = await forward(wires.address(HERE), stage.chain.port)
        stage.hosts = {name: wires.address(name) for name in names}
        stage.rpc_url = f"http://{wires.address(HERE)}:{stage.chain.port}"
        stage.lies = {"node-3": scenario.lies[0]}
        heard: list[tuple[float, str, str, dict[str, Any]]] = []
        stage.heard = lambda event: heard.append(
            (event.time_ms / 1000, event.source, event.name, dict(event.fields))
        )
        try:
            prefixes = {name: wires.prefix(name) for name in names}
            await begin(stage, prefixes)
            base = stage.start - LEAD_SECONDS
            troubles = [asyncio.create_task(one) for one in _troubles(stage, scenario, wires, prefixes)]
            honest = {"node-1", "node-2", "verifier-1"}
            patience = LEAD_SECONDS + ROUNDS * ROUND_SECONDS + pace.settlement_seconds + 400
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and not all(stage.exits.get(name) == 0 for name in honest):  # noqa: ASYNC110  # exits come from listeners
                await asyncio.sleep(1)
            for task in troubles:
                task.cancel()
            outcome = await _outcome(stage, scenario, heard, base)
        finally:
            server.close()
            await stage.close()
            wires.close()
    return {
        "seed": seed,
        "broken": [dataclasses.asdict(broken) for broken in broken_rules(outcome)],
        "lies": list(scenario.lies),
        "latency_ms": round(1000 * scenario.link.latency_seconds),
        "loss": round(scenario.link.loss, 4),
        "bytes_per_second": round(scenario.link.bytes_per_second),
        "kills": len(scenario.kills),
        "reorganisations": [one.depth for one in scenario.reorganisations],
        "cuts": [round(cut.ends - cut.begins) for cut in scenario.partitions],
        "commitments": len(outcome.ledger.work),
        "slashed": len(outcome.ledger.slashes),
        "exits": dict(stage.exits),
        "packets": wires.passed,
        "packets_dropped": wires.dropped,
        "seconds": round(time.monotonic() - began),
    }


def _troubles(stage: Stage, scenario: Scenario, wires: Wires, prefixes: dict[str, Any]) -> list[Any]:
    zero = time.monotonic() + (stage.start - LEAD_SECONDS - time.time())

    async def at(moment: float) -> None:
        await asyncio.sleep(max(0.0, zero + moment - time.monotonic()))

    async def kill(one: Kill) -> None:
        await at(one.at)
        if one.name in stage.running:
            await stage.kill(one.name)
            await asyncio.sleep(one.down_seconds)
            await stage.launch(one.name, prefix=prefixes[one.name])

    async def cut(one: Partition) -> None:
        await at(one.begins)
        wires.cut |= one.inside
        await at(one.ends)
        wires.cut -= one.inside

    async def reorganise(one: Reorganisation) -> None:
        await at(one.at)
        async with LocalRpc(stage.chain.rpc_url) as rpc:
            await rpc.request("anvil_rollback", one.depth)

    turns = [reorganise(one) for one in scenario.reorganisations]
    return [*map(kill, scenario.kills), *map(cut, scenario.partitions), *turns]


async def _outcome(stage: Stage, scenario: Scenario, heard: list[Any], base: int) -> Outcome:
    """The chain's facts, in the form that the rules read."""
    deployment = stage.deployment
    addresses = {name: wallet.address for name, wallet in stage.wallets.items()}
    async with ChainClient(stage.chain.rpc_url, None, CHAIN_ID) as client:
        hub, token = Hub(client, deployment.hub), TestToken(client, deployment.token)
        events = [one.event for one in await client.logs(hub, deployment.first_block, await client.head())]
        obligations = Obligations(deployment.token, await hub.burn())
        for event in events:
            obligations.apply(event)
        (ledger,) = HubLedger.of(events).tasks.values()
        held = await token.balance_of(hub.address)
        stakes = dict.fromkeys(stage.cast.node_names, stage.cast.preset and ledger.params.stake)
        gained = {
            name: await token.balance_of(address) - stakes.get(name, 0) for name, address in addresses.items()
        }
    actors = {
        name: SimpleNamespace(
            code=stage.exits.get(name),
            defect="",
            ears=SimpleNamespace(
                heard=[
                    (when - base, event, fields) for when, source, event, fields in heard if source == name
                ]
            ),
        )
        for name in addresses
    }
    return Outcome(scenario, ledger, base, obligations.owed, held, gained, actors, addresses, {})


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("real_chaos.jsonl"))
    given = parser.parse_args()
    if not namespace.enter():
        print("this needs the right to make network namespaces", file=sys.stderr)
        return 4
    private_namespaces()
    broken = 0
    for seed in range(given.seed, given.seed + given.runs):
        with tempfile.TemporaryDirectory(prefix="real-chaos-") as folder:
            line = asyncio.run(run(seed, Path(folder)))
        broken += bool(line["broken"])
        with given.out.open("a", encoding="utf-8") as file:
            print(json.dumps(line), file=file)
        print(json.dumps(line), flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
