"""What one round of so many nodes takes: the parts that `scale` puts in tables."""

from __future__ import annotations

import dataclasses
import heapq
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scale_plan import ROLLUP, planned_loads

from cupel.node.duties import View, turn
from cupel.node.membership import membership_of
from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.spec.diloco.blocks import MAX_EXPONENT, MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.outer import sum_updates
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.placement import holders
from cupel.protocol.testing.vectors import example_params

ROOT: Final = Path(__file__).resolve().parents[2]
TASK: Final = bytes(31) + b"\7"
SIZES: Final = (1_000, 10_000, 100_000)
ROUND_SECONDS: Final = 600
COMMIT_SECONDS: Final = 480
WORK_SECONDS: Final = (120.0, 300.0)
"""From the round's beginning to a node's commitment, drawn evenly: machines differ."""
ANNOUNCEMENT_BYTES: Final = 300
GOSSIP_DEGREE: Final = 6
"""Neighbours that a message is sent to at once (gossipsub's D)."""
DOWN_MEDIAN, UP_MEDIAN, LINK_SIGMA = 12.5e6, 2.5e6, 0.8
"""Access links, bytes a second: 100 Mbit/s down and 20 up in the middle, lognormal. An assumption."""
LATENCY: Final = (0.01, 0.15)
CHAINS: Final = {
    "Ethereum, a tenth of its blocks": 6_000_000 / 12,
    ROLLUP: 4_000_000.0,
}
"""Gas a second that one task may use. Assumptions: 60M gas every 12 s; a rollup of 2025."""
PARAMETERS: Final = {"0.1 M (the demo's)": 109_184, "1 B": 1_000_000_000}
BYTES_A_PARAMETER: Final = 33 / 32
"""Of an update: int8 mantissas, and a byte of exponent for 32."""
AUDIT_SECONDS: Final = 523 / 2400
"""Processor seconds of a verifier for one commitment of the demo: benchmarks/results/verifier_room.md."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of so many nodes takes."""

    nodes: int
    seconds: dict[str, float]
    """Processor seconds of one process, by what it does."""
    gas: dict[str, int]
    included: dict[str, float]
    """Seconds from the round's beginning to the last commitment's block, by chain."""
    gossip_seconds: float
    gossip_bytes: float
    """Of one node."""
    down_bytes: dict[str, float]
    """Of one node, to aggregate, by model."""
    down_seconds: dict[str, float]
    """Of the slowest tenth's best link."""
    link: float
    """Bytes a second that this is reckoned with."""


def timed(work: Callable[[], object], repeats: int = 1) -> float:
    """Least processor seconds of the repeats."""
    best = math.inf
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def accounts_of(count: int) -> list[str]:
    """Addresses as good as drawn."""
    return ["0x" + sha256(number.to_bytes(8, "big")).hex()[:40] for number in range(count)]


def ledger_of(accounts: Sequence[str]) -> tuple[TaskLedger, dict[str, float]]:
    """A task that all of them joined and committed to once, and what an event costs to take in."""
    params = dataclasses.replace(example_params(), round_seconds=ROUND_SECONDS, commit_seconds=COMMIT_SECONDS)
    whole = HubLedger()
    whole.apply(hub.TaskCreated(TASK, accounts[0], params, 16))
    joins = [hub.Joined(TASK, account, account, account, 16, 0) for account in accounts]
    work = [
        hub.Committed(
            TASK,
            account,
            0,
            0,
            sha256(account.encode()),
            sha256(b"m" + account.encode()),
            16,
            params.start,
        )
        for account in accounts
    ]

    def take(events: Sequence[object]) -> None:
        for event in events:
            whole.apply(event)

    take(joins)
    return whole.tasks[TASK], {"take in a round's commitments": timed(lambda: take(work))}


def spec_seconds(accounts: Sequence[str]) -> dict[str, float]:
    """Processor seconds of one process for one round, the real code."""
    ledger, seconds = ledger_of(accounts)
    own, now = accounts[len(accounts) // 2], ledger.params.start + ROUND_SECONDS
    roster = ledger.roster()
    view = View(ledger.params, now, roster, own, None, frozenset(), {}, 0, -1, 0)
    seconds["look once (roster, own standing)"] = timed(lambda: (ledger.roster(), membership_of(ledger, own)))
    seconds["whose turn it is, once"] = timed(lambda: turn(view, 1, "checkpoint"))
    seconds["accepted work"] = timed(lambda: ledger.accepted(0, now))
    one = timed(lambda: holders(roster, TASK, sha256(b"an item"), bytes(32)))
    seconds["placement of one item"] = one
    seconds["placement of the round's items"] = one * len(accounts)
    return seconds


def sum_seconds(count: int, parameters: int) -> float:
    """The exact sum of so many updates: measured for sixteen, in proportion for more."""
    draw, blocks = np.random.default_rng(0), -(-parameters // 32)
    updates = [
        Update(
            draw.integers(-127, 128, blocks * 32).astype(np.int8),
            draw.integers(MIN_EXPONENT, MAX_EXPONENT, blocks).astype(np.int8),
        )
        for _ in range(16)
    ]
    return timed(lambda: sum_updates(updates, parameters), 2) / 16 * count


def gas_of(count: int, shards: int = 1) -> dict[str, int]:
    """Gas of one steady round, from snapshots/Hub.json."""
    measured = {name: int(gas) for name, gas in json.loads((ROOT / "snapshots/Hub.json").read_text()).items()}
    batch = measured["commitBatch of 32"] / 32
    once = shards * (measured["openRound"] + measured["postCheckpoint"])
    claims = measured["claim 32"] / 32
    return {
        "each node by itself": round(count * (measured["commit"] + claims)) + once,
        "relayed in batches of 32": round(count * (batch + claims)) + once,
    }


def inclusion_seconds(count: int, gas_each: float, gas_a_second: float, seed: int) -> float:
    """When the last of the commitments is in a block: each comes at its own time and waits for room."""
    draw, free = random.Random(seed), 0.0
    for ready in sorted(draw.uniform(*WORK_SECONDS) for _ in range(count)):
        free = max(free, ready) + gas_each / gas_a_second
    return free


def gossip_seconds(count: int, seed: int) -> float:
    """Until a message has crossed the graph: shortest paths from one node, latencies drawn for each link."""
    draw = random.Random(seed)
    links: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for node in range(count):
        for _ in range(GOSSIP_DEGREE // 2):
            other, latency = draw.randrange(count), draw.uniform(*LATENCY)
            links[node].append((other, latency))
            links[other].append((node, latency))
    heard, waiting = [math.inf] * count, [(0.0, 0)]
    while waiting:
        at, node = heapq.heappop(waiting)
        if at >= heard[node]:
            continue
        heard[node] = at
        for other, latency in links[node]:
            if at + latency < heard[other]:
                heapq.heappush(waiting, (at + latency, other))
    return max(at for at in heard if at < math.inf)


def round_of(count: int, seed: int) -> Round:
    """Everything about one size."""
    gas = gas_of(count)
    per_node = {name: total / count for name, total in gas.items()}
    draw = np.random.default_rng(seed)
    down = draw.lognormal(math.log(DOWN_MEDIAN), LINK_SIGMA, count)
    up = draw.lognormal(math.log(UP_MEDIAN), LINK_SIGMA, count)
    slow = float(np.quantile(down, 0.1))
    wanted = {model: count * parameters * BYTES_A_PARAMETER for model, parameters in PARAMETERS.items()}
    # Nobody downloads faster than all upload together.
    fair = float(up.mean())
    seconds = spec_seconds(accounts_of(count))
    seconds["sum of the updates, 0.1 M"] = sum_seconds(count, PARAMETERS["0.1 M (the demo's)"])
    return Round(
        nodes=count,
        seconds=seconds,
        gas=gas,
        included={
            f"{chain}, {how}": inclusion_seconds(count, per_node[how], speed, seed)
            for chain, speed in CHAINS.items()
            for how in gas
        },
        gossip_seconds=gossip_seconds(count, seed),
        gossip_bytes=float(count * ANNOUNCEMENT_BYTES * GOSSIP_DEGREE),
        down_bytes=wanted,
        down_seconds={model: size / min(slow, fair) for model, size in wanted.items()},
        link=min(slow, fair),
    )


def loads_of(one: Round) -> dict[str, float]:
    """Parts of a round's time that each thing takes; above 1 it does not fit."""
    polls = ROUND_SECONDS / 0.5
    placed = one.seconds["placement of the round's items"]
    look = one.seconds["look once (roster, own standing)"] + one.seconds["whose turn it is, once"]
    chain = {
        f"gas, {chain}, {how}": gas / speed / ROUND_SECONDS
        for chain, speed in CHAINS.items()
        for how, gas in one.gas.items()
    }
    return {
        "a node's look at every half second": polls * look / ROUND_SECONDS,
        "placement, four passes a round": 4 * placed / ROUND_SECONDS,
        "sum of the updates, 0.1 M": one.seconds["sum of the updates, 0.1 M"] / ROUND_SECONDS,
        **{
            f"downloading every update, {name}": spent / ROUND_SECONDS
            for name, spent in one.down_seconds.items()
        },
        **chain,
        "one verifier that checks everything": AUDIT_SECONDS * one.nodes / ROUND_SECONDS,
    }


def planned(one: Round) -> dict[str, float]:
    """The loads after the plan."""
    return planned_loads(
        one.nodes,
        ROUND_SECONDS,
        lambda size: spec_seconds(accounts_of(size)),
        {model: parameters * BYTES_A_PARAMETER for model, parameters in PARAMETERS.items()},
        one.link,
        lambda nodes, shards: gas_of(nodes, shards)["relayed in batches of 32"],
        CHAINS[ROLLUP],
        lambda count: sum_seconds(count, PARAMETERS["0.1 M (the demo's)"]),
        AUDIT_SECONDS,
    )
