"""DiLoCo in one process, as a reference (Douillard et al. 2023, arXiv 2311.08105): what a run of nodes computes.

Each node trains H inner steps from the canonical weights, sends its pseudo-gradient through a codec and keeps what the
codec left out; the aggregate of those that arrived makes the next version. Two schedules:

    round-based   a round starts from the version that the last one made
    overlapped    the aggregate travels while the first steps of the next round are done, so nobody waits for the
                  network: a node goes on from where its last round ended, and once the version is there, what it did
                  meanwhile is added to it (as Streaming DiLoCo, arXiv 2501.18512, with a round's whole model at once)
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
class Node:
    """What a node keeps: its optimiser's state, what its codec left out, and where its last round ended (None before
    the first); both float32 [parameters]."""

    inner: InnerState
    remainder: Flat
    ended: Flat | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's settings. Without a codec pseudo-gradients travel exactly, in units of 2^-32.

    overlap: how many of a round's inner steps are done before its version is there.
    """

    optimiser: AdamW | Sgd
    aggregation: Aggregation
    codec: Codec | None
    max_exponent: int = 0
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Between two rounds: the canonical version and the nodes."""

    canonical: OuterState
    nodes: tuple[Node, ...]


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
    sent, nodes, canonical = [], [], weights_of(run.canonical)
    for node, gradient, count in zip(run.nodes, gradients, steps, strict=True):
        begin, inner, early = canonical, node.inner, 0
        if node.ended is not None and (early := min(plan.overlap, count)):
            ahead, inner = train(node.ended, inner, gradient, plan.optimiser, early)
            begin = rebased(canonical, node.ended, ahead)
        trained, inner = train(begin, inner, gradient, plan.optimiser, count - early)
        after, update = send(replace(node, inner=inner, ended=trained), canonical, trained, plan)
        nodes.append(after)
        sent.append(update)
    return close_round(run, nodes, sent, counted, plan)


def rebased(canonical: Flat, ended: Flat, ahead: Flat) -> Flat:
    """The new version with what a node did meanwhile, from the end of its last round: float32 of each one's shape."""
    return canonical + (ahead - ended)


def send(node: Node, canonical: Flat, trained: Flat, plan: Plan) -> tuple[Node, npt.NDArray[np.int64]]:
    """A node after its round, and its update as the others read it (int64 [parameters], 2^-32)."""
    wanted = pseudo_gradient(canonical, trained)
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
    if not arrived:
        return Run(run.canonical, tuple(nodes))
    mean = divide(np.sum(arrived, axis=0), len(arrived))
    return Run(outer_step(run.canonical, mean, plan.aggregation), tuple(nodes))


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
