"""What averaging with neighbours costs for a kind of graph, and whether an outer momentum goes with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from cupel.protocol.spec.collective.gossip import (
    coupling_warning,
    expected_gap,
    rounds_to_consensus,
    spectral_gap,
)
from cupel.protocol.spec.collective.topology import Kind, Topology, draw
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Aggregation

# Rounds that the gap of redrawn graphs is the mean of.
SAMPLE: Final = 100
# Eigenvalues take the cube of this in time.
MAX_NODES: Final = 512


@dataclass(frozen=True, slots=True)
class TopologyReport:
    """A graph that stays, beside one drawn anew every round. Rounds are until disagreement is a thousandth of what it
    was; None if that never comes."""

    kind: str
    nodes: int
    seed: int
    mean_degree: float
    """Of the graphs drawn: messages a node sends in a round."""
    largest_degree: int
    fixed_gap: float
    fixed_rounds: int | None
    redrawn_gap: float
    redrawn_rounds: int | None
    warning: str | None
    """Against the outer momentum with this kind; None if nothing speaks against it."""


def report(kind: Kind, nodes: int, seed: int, aggregation: Aggregation) -> TopologyReport:
    """The report of `nodes` nodes, 2 to MAX_NODES; `seed` stands for the chain's beacons."""
    sample = list(itertools.islice(graphs(kind, nodes, seed), SAMPLE))
    degrees = [topology.degrees for topology in sample]
    fixed, redrawn = spectral_gap(sample[0]), expected_gap(sample)
    return TopologyReport(
        kind=kind.value,
        nodes=nodes,
        seed=seed,
        mean_degree=float(np.mean(degrees)),
        largest_degree=int(np.max(degrees)),
        fixed_gap=fixed,
        fixed_rounds=rounds_to_consensus(fixed),
        redrawn_gap=redrawn,
        redrawn_rounds=rounds_to_consensus(redrawn),
        warning=coupling_warning(kind, aggregation),
    )


def graphs(kind: Kind, nodes: int, seed: int) -> Iterator[Topology]:
    """The graphs of successive rounds."""
    roster = [f"0x{node:040x}" for node in range(1, nodes + 1)]
    for round_index in itertools.count():
        yield draw(kind, roster, keccak256(words(seed, round_index)))
