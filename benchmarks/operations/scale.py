"""One round of 1,000 to 100,000 nodes: gas, bandwidth, a node's and a verifier's time, and what gives way first.

    python benchmarks/operations/scale.py                  results/scale.md; half an hour of one core
    python benchmarks/operations/scale.py --nodes 1000     a smaller one, on standard output

What a process computes is the real code on a ledger of that size, timed: events, the view of a duty, turns, accepted
work, placement, the sum of updates. Gas is that of snapshots/. Links and the chain are simulated: each node has an
access link of its own, gossip crosses a random graph, commitments wait for room in blocks.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

from scale_plan import SHARD
from scale_round import (
    AUDIT_SECONDS,
    CHAINS,
    COMMIT_SECONDS,
    PARAMETERS,
    ROOT,
    ROUND_SECONDS,
    SIZES,
    WORK_SECONDS,
    Round,
    loads_of,
    planned,
    round_of,
)

from cupel.protocol.network.swarm import MAX_GOSSIP_PEERS
from cupel.protocol.spec.diloco.outer import MAX_UPDATES
from cupel.protocol.spec.shardcast.placement import REPLICAS


def page(rounds: Sequence[Round]) -> str:
    """The tables."""
    head = "| | " + " | ".join(f"{one.nodes:,} nodes" for one in rounds) + " |"
    rule = "|---|" + "---:|" * len(rounds)

    def table(rows: dict[str, list[str]]) -> str:
        return "\n".join(
            [head, rule, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items())]
        )

    cpu = {name: [f"{one.seconds[name]:.3g}" for one in rounds] for name in rounds[0].seconds}
    gas = {name: [f"{one.gas[name] / 1e6:,.1f} M" for one in rounds] for name in rounds[0].gas}
    ends = {name: [f"{one.included[name]:,.0f} s" for one in rounds] for name in rounds[0].included}
    wire = {
        "a message crosses the gossip": [f"{one.gossip_seconds:.2f} s" for one in rounds],
        "announcements a node sends": [f"{one.gossip_bytes / 1e6:,.1f} MB" for one in rounds],
        **{
            f"updates to download, {name}": [f"{one.down_bytes[name] / 1e9:,.1f} GB" for one in rounds]
            for name in PARAMETERS
        },
        **{
            f"that takes the slowest tenth, {name}": [f"{one.down_seconds[name]:,.0f} s" for one in rounds]
            for name in PARAMETERS
        },
    }
    verifier = {
        "processor seconds to check every commitment": [
            f"{AUDIT_SECONDS * one.nodes:,.0f}" for one in rounds
        ],
        "verifiers to share that within a round": [
            f"{math.ceil(AUDIT_SECONDS * one.nodes / ROUND_SECONDS):,}" for one in rounds
        ],
    }
    loads = [loads_of(one) for one in rounds]
    shares = {name: [f"{load[name]:.2g}" for load in loads] for name in loads[0]}
    plans = [planned(one) for one in rounds]
    after = {name: [f"{load[name]:.2g}" for load in plans] for name in plans[0]}
    parts = [
        "# A round of 1,000 to 100,000 nodes",
        "`python benchmarks/operations/scale.py`. Processor seconds are those of the real code on a ledger of that"
        f" size, on one core of a busy machine; gas is that of `snapshots/`; links and blocks are simulated. Rounds of"
        f" {ROUND_SECONDS} s with {COMMIT_SECONDS} s to commit; nodes are done after {WORK_SECONDS[0]:.0f} to"
        f" {WORK_SECONDS[1]:.0f} s. Links: 100 Mbit/s down and 20 up in the middle, lognormal. Chains:"
        f" {'; '.join(CHAINS)}. These are assumptions, and stand in the program's first lines.",
        "## What gives way",
        "Parts of a round's time; above 1 it does not fit.",
        table(shares),
        f"First to give way: {_first(rounds, loads, '1 B')}. With a model of a billion parameters:"
        f" {_first(rounds, loads, '')}.",
        f"The sum takes at most {MAX_UPDATES:,} updates, by the law: a roster beyond that is not aggregated at all.",
        "## Gas a round",
        table(gas),
        "Steady state: commitments, claims 32 at a time, one beacon, one posted version. When the last commitment is in"
        " a block:",
        table(ends),
        "## Links",
        table(wire),
        "## A process's processor seconds",
        table(cpu),
        f"Placement keeps {REPLICAS} holders of each item and a node is connected to {MAX_GOSSIP_PEERS} peers, whatever"
        " the size.",
        "## Verifiers",
        table(verifier),
        "0.218 s a commitment is the demo's ([verifier_room.md](verifier_room.md)); four rollouts of each are"
        " recomputed.",
        "## After the plan",
        f"Rosters of {SHARD} with one level of sums above them, on a rollup"
        " ([docs/scale.md](../../docs/scale.md)); none of it is built. Parts of a round's time:",
        table(after),
    ]
    return "\n\n".join(parts) + "\n"


def _first(rounds: Sequence[Round], loads: Sequence[dict[str, float]], without: str) -> str:
    told = []
    for one, load in zip(rounds, loads, strict=True):
        name = max((name for name in load if not without or without not in name), key=lambda name: load[name])
        told.append(f"{one.nodes:,} nodes: {name} ({load[name]:.2g})")
    return "; ".join(told)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    text = page([round_of(count, given.seed) for count in given.nodes])
    if tuple(given.nodes) == SIZES:
        (ROOT / "benchmarks/results/scale.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
