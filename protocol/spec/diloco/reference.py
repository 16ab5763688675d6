"""DiLoCo in one process, as a reference (Douillard et al. 2023, arXiv 2311.08105): what a run of nodes computes.

Each node trains H inner steps from the canonical weights, sends its pseudo-gradient through a codec and keeps what the
codec left out; the aggregate of those that arrived makes the next version. Two schedules:

    round-based   a round starts from the version that the last one made
    delayed       the aggregate travels while the next round trains, so nobody waits for the network: a node goes on
                  from a replica of its own, whose outer step takes its own share of the mean from this round and the
                  others' from the last one (eager updates, arXiv 2502.12996)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.collective.gossip import gossip
from cupel.protocol.spec.collective.topology import Topology
from cupel.protocol.spec.diloco.codec import Codec
from cupel.protocol.spec.diloco.inner import (
    AdamW,
    Flat,
    Gradient,
    InnerState,
    Sgd,
    fresh_inner_state,
    pseudo_gradient,
    train,
)
from cupel.protocol.spec.diloco.outer import (
    MOMENTUM_FRACTION_BITS,
    WEIGHT_FRACTION_BITS,
    OuterState,
    divide,
    fixed_point,
    outer_step,
)
from cupel.protocol.spec.task import Aggregation


@dataclass(frozen=True, slots=True)
class Replica:
    """What a node of a delayed run goes on from while the mean of its last round is under way."""

    state: OuterState
    lent: npt.NDArray[np.int64]
    """Its own share of that mean, already in `state`: int64 [parameters], 2^-32. Taken back when the mean is there."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node keeps: its optimiser's state, what its codec left out (float32 [parameters]), and its replica, None
    unless delayed."""

    inner: InnerState
    remainder: Flat
    replica: Replica | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's settings. Without a codec pseudo-gradients travel exactly, in units of 2^-32."""

    optimiser: AdamW | Sgd
    aggregation: Aggregation
    codec: Codec | None
    max_exponent: int = 0
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Between two rounds: the canonical version, the nodes, and the aggregate under way (int64 [parameters], 2^-32;
    None unless delayed)."""

    canonical: OuterState
    nodes: tuple[Node, ...]
    under_way: npt.NDArray[np.int64] | None = None


def start(canonical: OuterState, num_nodes: int) -> Run:
    """A run whose nodes have done nothing yet."""
    size = canonical.weights.size
    zeros = np.zeros(size, dtype=np.float32)
    return Run(canonical, num_nodes * (Node(fresh_inner_state(size), zeros),))


def run_round(
    run: Run,
    gradients: Sequence[Gradient],
    steps: Sequence[int],
    counted: Collection[int],
    plan: Plan,
) -> Run:
    """The next round: `gradients` and inner `steps` of every node, and whose updates are `counted` (pace.py)."""
    sent, nodes = [], []
    for node, gradient, count in zip(run.nodes, gradients, steps, strict=True):
        begin = begin_of(node, run.canonical)
        trained, inner = train(begin, node.inner, gradient, plan.optimiser, count)
        after, update = send(replace(node, inner=inner), begin, trained, plan)
        nodes.append(after)
        sent.append(update)
    return close_round(run, nodes, sent, counted, plan)


def begin_of(node: Node, canonical: OuterState) -> Flat:
    """Weights a node's round starts from: its replica's in a delayed run, else the canonical ones."""
    return weights_of(canonical if node.replica is None else node.replica.state)


def send(node: Node, begin: Flat, trained: Flat, plan: Plan) -> tuple[Node, npt.NDArray[np.int64]]:
    """A node after its round, and its update as the others read it (int64 [parameters], 2^-32)."""
    wanted = pseudo_gradient(begin, trained)
    if plan.codec is None:
        return node, exact(wanted)
    update, remainder = plan.codec.encode(wanted + node.remainder, plan.max_exponent)
    return replace(node, remainder=remainder), fixed_point(update, wanted.size)


def close_round(
    run: Run,
    nodes: Sequence[Node],
    sent: Sequence[npt.NDArray[np.int64]],
    counted: Collection[int],
    plan: Plan,
) -> Run:
    """The run after a round in which `counted` of the updates `sent` arrived.

    An update that does not count is lost, but for what its codec left out.
    """
    arrived = [sent[index] for index in sorted(counted)]
    aggregate = divide(np.sum(arrived, axis=0), len(arrived)) if arrived else None
    if plan.delayed:
        return _close_delayed(run, nodes, sent, aggregate, plan.aggregation)
    canonical = run.canonical if aggregate is None else outer_step(run.canonical, aggregate, plan.aggregation)
    return Run(canonical, tuple(nodes))


def finish(run: Run, plan: Plan) -> OuterState:
    """The canonical version once nothing is under way any more."""
    return (
        run.canonical if run.under_way is None else outer_step(run.canonical, run.under_way, plan.aggregation)
    )


def _close_delayed(
    run: Run,
    nodes: Sequence[Node],
    sent: Sequence[npt.NDArray[np.int64]],
    aggregate: npt.NDArray[np.int64] | None,
    aggregation: Aggregation,
) -> Run:
    """The last round's mean reaches the canonical version and, with the node's own share of this one, every replica.

    A round without updates is one of zeros, so that momenta of replicas and version keep step: what a replica is ahead
    by is then its own share alone, whoever was counted.
    """
    nothing = np.zeros_like(run.canonical.momentum)
    due = nothing if run.under_way is None else run.under_way
    after = []
    for node, update in zip(nodes, sent, strict=True):
        replica = node.replica or Replica(run.canonical, nothing)
        share = divide(update, len(nodes))
        state = outer_step(replica.state, due - replica.lent + share, aggregation)
        after.append(replace(node, replica=Replica(state, share)))
    canonical = outer_step(run.canonical, due, aggregation)
    return Run(canonical, tuple(after), nothing if aggregate is None else aggregate)


def gossip_step(
    states: Sequence[OuterState], trained: Sequence[Flat], topology: Topology, aggregation: Aggregation
) -> list[OuterState]:
    """Replicas after a round of averaging with neighbours only, in `topology.members` order.

    Each averages the trained weights of its neighbourhood; what that moved its own weights by is its pseudo-gradient.
    With everybody for a neighbour this is DiLoCo.
    """
    averaged = gossip(np.stack([exact(flat) for flat in trained]), topology)
    shift = MOMENTUM_FRACTION_BITS - WEIGHT_FRACTION_BITS
    return [
        outer_step(state, (state.weights.astype(np.int64) << shift) - own, aggregation)
        for state, own in zip(states, averaged, strict=True)
    ]


def weights_of(canonical: OuterState) -> Flat:
    """The canonical weights as float32 [parameters], exactly."""
    return np.ldexp(canonical.weights.astype(np.float32), -WEIGHT_FRACTION_BITS)


def exact(flat: Flat) -> npt.NDArray[np.int64]:
    """float32 [parameters] below 2^7 in units of 2^-32, rounded half to even."""
    assert np.abs(flat).max(initial=0) < 2**7, "training diverged: a coordinate beyond 2^7"
    return np.rint(np.ldexp(flat.astype(np.float64), MOMENTUM_FRACTION_BITS)).astype(np.int64)


def mean_weights(states: Sequence[OuterState]) -> OuterState:
    """The consensus of replicas that averaged with neighbours only: mean weights and momenta, rounded half to even."""
    weights = np.sum([state.weights.astype(np.int64) for state in states], axis=0)
    # Each momentum is below 2^50 (outer.py): thousands of them fit an int64.
    momentum = np.sum([state.momentum for state in states], axis=0)
    return OuterState(divide(weights, len(states)).astype(np.int32), divide(momentum, len(states)))
