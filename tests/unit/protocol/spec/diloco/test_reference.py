"""Rounds of the reference: equal to what they generalise, and what each schedule costs."""

import numpy as np
import pytest

from cupel.protocol.spec.collective.topology import Kind, draw
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.diloco.inner import AdamW, Gradient, Sgd
from cupel.protocol.spec.diloco.outer import OuterState
from cupel.protocol.spec.diloco.reference import (
    Plan,
    Run,
    exact,
    gossip_step,
    mean_weights,
    run_round,
    start,
    weights_of,
)
from cupel.protocol.spec.task import Aggregation

NODES, SIZE = 4, 12
PLAIN, NESTEROV = Aggregation(1, 1, 0, 1), Aggregation(7, 10, 9, 10)
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(NODES, 50, 16, SIZE)).astype(np.float32)
TRUTH = RANDOM.normal(size=SIZE).astype(np.float32)


def gradient_of(node: int) -> Gradient:
    """Least squares: a node sees its own batches of 16 rows, another in every step."""

    def gradient(weights: np.ndarray, step: int) -> np.ndarray:
        rows = INPUTS[node, step % 50]
        return rows.T @ (rows @ (weights - TRUTH)) / np.float32(len(rows))

    return gradient


GRADIENTS = [gradient_of(node) for node in range(NODES)]


def canonical(weight: float = 0.0) -> OuterState:
    return OuterState(np.full(SIZE, weight * 2**20, np.int32), np.zeros(SIZE, np.int64))


def rounds(plan: Plan, count: int, steps: int, counted: range = range(NODES)) -> Run:
    run = start(canonical(), NODES)
    for _ in range(count):
        run = run_round(run, GRADIENTS, NODES * [steps], counted, plan)
    return run


def error(run: Run) -> float:
    return float(np.abs(weights_of(run.canonical) - TRUTH).max())


def test_one_plain_step_a_round_is_data_parallel_training() -> None:
    # Weights are multiples of 2^-20, so a step is within half of that, 4.8e-7, of real arithmetic; what the steps
    # round adds up to a little more over a run.
    plan, run = Plan(Sgd(0.05), PLAIN, None), start(canonical(), NODES)
    parallel = weights_of(run.canonical)
    for step in range(40):
        before = weights_of(run.canonical)
        run = run_round(run, GRADIENTS, NODES * [1], range(NODES), plan)
        after = weights_of(run.canonical)
        assert np.abs(after - data_parallel_step(before, step)).max() <= 1e-6
        parallel = data_parallel_step(parallel, step)
        assert np.abs(after - parallel).max() <= 3e-6


def data_parallel_step(weights: np.ndarray, step: int) -> np.ndarray:
    mean = np.mean([gradient(weights, step) for gradient in GRADIENTS], axis=0)
    return weights - np.float32(0.05) * mean


@pytest.mark.parametrize("codec", [None, "mxint8", "mxint4", "sparse-8", "sparse-2"])
def test_every_codec_reaches_the_solution(codec: str | None) -> None:
    plan = Plan(AdamW(0.02), PLAIN, get_codec(codec) if codec else None)
    assert error(rounds(plan, 80, 5)) < 0.05


def test_a_round_counts_those_who_arrived_whatever_their_number() -> None:
    plan = Plan(Sgd(0.05), PLAIN, None)
    run = start(canonical(), NODES)
    two = run_round(run, GRADIENTS, NODES * [1], [3, 1], plan)
    own = [gradient_of(node)(np.zeros(SIZE, np.float32), 0) * np.float32(0.05) for node in (1, 3)]
    assert np.allclose(weights_of(two.canonical), -np.mean(own, axis=0), atol=1e-6)
    nobody = run_round(run, GRADIENTS, NODES * [1], [], plan)
    assert nobody.canonical is run.canonical
    assert [node.inner.steps for node in nobody.nodes] == NODES * [1]


def test_nodes_may_do_different_numbers_of_steps() -> None:
    plan = Plan(AdamW(0.02), NESTEROV, get_codec("mxint8"))
    run = start(canonical(), NODES)
    for _ in range(60):
        run = run_round(run, GRADIENTS, [1, 2, 5, 10], range(NODES), plan)
    assert [node.inner.steps for node in run.nodes] == [60, 120, 300, 600]
    assert error(run) < 0.05


def scripted(parts: list[list[float]]) -> list[Gradient]:
    """Gradients whose step of rate 1 goes `parts[node][step]` of the way to 1."""

    def to_one(own: list[float]) -> Gradient:
        return lambda weights, step: own[step] * (weights - np.float32(1))

    return [to_one(own) for own in parts]


def test_what_is_done_before_the_version_is_there_is_added_to_it() -> None:
    # One coordinate, two nodes, rounds of two steps, the first of which overlaps; outer rate 1, no momentum.
    plan = Plan(Sgd(1.0), PLAIN, None, overlap=1)
    run = start(OuterState(np.zeros(1, np.int32), np.zeros(1, np.int64)), 2)
    gradients = scripted([[1 / 2, 1 / 2, 1 / 2, 1 / 2], [0, 0, 0, 1]])
    run = run_round(run, gradients, [2, 2], [0, 1], plan)
    # First round, nothing overlaps: the first node goes to 1/2 and 3/4, the second stays; their mean is 3/8.
    assert weights_of(run.canonical).tolist() == [3 / 8]
    assert [node.ended.tolist() for node in run.nodes if node.ended is not None] == [[3 / 4], [0]]
    run = run_round(run, gradients, [2, 2], [0, 1], plan)
    # The first goes on from 3/4 to 7/8, which is 1/8; from 3/8 + 1/8 it goes to 3/4. The second goes nowhere, and then
    # from 3/8 to 1. Their mean is 7/8.
    assert [node.ended.tolist() for node in run.nodes if node.ended is not None] == [[3 / 4], [1]]
    assert weights_of(run.canonical).tolist() == [7 / 8]


def test_a_whole_round_may_be_done_before_its_version_is_there() -> None:
    plan = Plan(Sgd(1.0), PLAIN, None, overlap=5)
    run = start(OuterState(np.zeros(1, np.int32), np.zeros(1, np.int64)), 1)
    for expected in (1 / 2, 3 / 4):
        run = run_round(run, scripted([[1 / 2, 1 / 2]]), [1], [0], plan)
        assert weights_of(run.canonical).tolist() == [expected]


def test_a_node_that_did_no_step_sends_nothing() -> None:
    plan = Plan(AdamW(0.02), PLAIN, None, overlap=2)
    run = rounds(plan, 1, 3)
    after = run_round(run, GRADIENTS, NODES * [0], range(NODES), plan)
    assert np.array_equal(after.canonical.weights, run.canonical.weights)


@pytest.mark.parametrize("overlap", [1, 2, 5])
def test_an_overlapped_run_reaches_the_solution(overlap: int) -> None:
    plan = Plan(AdamW(0.02), Aggregation(7, 10, 1, 2), get_codec("mxint8"), overlap=overlap)
    assert error(rounds(plan, 80, 5)) < 0.05


def test_gossip_with_everybody_is_the_full_mean() -> None:
    topology = draw(Kind.FULL, [f"0x{node:040x}" for node in range(NODES)], bytes(32))
    before = canonical(0.5)
    trained = [np.full(SIZE, 0.5 + node / 64, np.float32) for node in range(NODES)]
    states = gossip_step(NODES * [before], trained, topology, PLAIN)
    for state in states:
        assert np.array_equal(weights_of(state), np.mean(trained, axis=0))
    assert np.array_equal(mean_weights(states).weights, states[0].weights)


def test_the_consensus_is_the_mean_of_weights_and_momenta() -> None:
    one = OuterState(np.array([1], np.int32), np.array([10], np.int64))
    two = OuterState(np.array([4], np.int32), np.array([13], np.int64))
    mean = mean_weights([one, two])
    assert (mean.weights.tolist(), mean.momentum.tolist()) == ([2], [12])
    assert mean.weights.dtype == np.int32


def test_exact_units_round_half_to_even() -> None:
    assert exact(np.array([2.0**-33, 3 * 2.0**-33, -1.0], np.float32)).tolist() == [0, 2, -(2**32)]
    with pytest.raises(AssertionError):
        exact(np.array([128.0], np.float32))
