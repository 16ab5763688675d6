"""What each topology costs and how fast it agrees.

    python benchmarks/diloco/topologies.py --nodes 8 16 64 > benchmarks/results/topologies.md

A fixed graph is judged by its spectral gap, one drawn anew every round by the mean of W^2 over a sample of rounds. The
measured columns gossip whole numbers until the root mean square disagreement is a thousandth.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cupel.protocol.spec.collective.gossip import (
    SHRINK,
    expected_gap,
    gossip,
    rounds_to_consensus,
    spectral_gap,
)
from cupel.protocol.spec.collective.topology import Kind, Topology, draw
from cupel.protocol.spec.hashing import keccak256

SAMPLE, MOST_ROUNDS = 200, 5000
COLUMNS = (
    "topology", "mean degree", "gap, fixed", "rounds, fixed: bound", "measured", "gap, redrawn",
    "rounds, redrawn: bound", "measured", "messages a node, redrawn",
)  # fmt: skip


def graphs(kind: Kind, nodes: int) -> Iterator[Topology]:
    """The graphs of successive rounds."""
    roster = [f"0x{node:040x}" for node in range(1, nodes + 1)]
    for round_index in itertools.count():
        yield draw(kind, roster, keccak256(round_index.to_bytes(32, "big")))


def measured(topologies: Iterator[Topology], nodes: int) -> int | None:
    """Rounds until disagreement is SHRINK times smaller; None beyond MOST_ROUNDS."""
    values = np.random.default_rng(0).integers(-(2**40), 2**40, (nodes, 16))
    total, first = values.sum(axis=0), float(values.std(axis=0).mean())
    for rounds, topology in enumerate(itertools.islice(topologies, MOST_ROUNDS), start=1):
        values = gossip(values, topology)
        assert (values.sum(axis=0) == total).all(), "the mean moved"
        if values.std(axis=0).mean() * SHRINK <= first:
            return rounds
    return None


def row(kind: Kind, nodes: int) -> str:
    """A line of the table."""
    sample = list(itertools.islice(graphs(kind, nodes), SAMPLE))
    degree = float(np.mean([np.mean(topology.degrees) for topology in sample]))
    fixed, redrawn = spectral_gap(sample[0]), expected_gap(sample)
    until = measured(graphs(kind, nodes), nodes)
    cells = (
        kind.value, f"{degree:.1f}", f"{fixed:.4f}", _or_never(rounds_to_consensus(fixed)),
        _or_never(measured(itertools.repeat(sample[0]), nodes) if fixed else None), f"{redrawn:.3f}",
        _or_never(rounds_to_consensus(redrawn)), _or_never(until), f"{degree * until:.0f}" if until else "",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _or_never(rounds: int | None) -> str:
    return "never" if rounds is None else str(rounds)


def main() -> None:
    """Print a table for each number of nodes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=[8, 16, 64])
    print(
        "# Topologies, measured\n\n`python benchmarks/diloco/" + Path(__file__).name + "`. Disagreement to a"
    )
    print("thousandth; every run also checks that the sum over all nodes stays the same to the last bit.")
    for nodes in parser.parse_args().nodes:
        print(f"\n## {nodes} nodes\n\n| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
        for kind in Kind:
            print(row(kind, nodes), flush=True)


if __name__ == "__main__":
    main()
