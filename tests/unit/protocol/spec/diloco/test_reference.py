"""Rounds of the reference: equal to what they generalise, and what each schedule costs."""

from dataclasses import replace

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
    finish,
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


def test_a_delayed_aggregate_is_applied_one_round_later() -> None:
    plan = Plan(Sgd(0.05), PLAIN, None)
    prompt, delayed = rounds(plan, 1, 3), rounds(replace(plan, delayed=True), 1, 3)
    assert np.array_equal(delayed.canonical.weights, canonical().weights)
    late = run_round(delayed, GRADIENTS, NODES * [3], range(NODES), replace(plan, delayed=True))
    assert np.array_equal(late.canonical.weights, prompt.canonical.weights)


def scripted(moves: list[list[float]]) -> list[Gradient]:
    """Gradients whose plain step of rate 1 is `moves[node][step]`, whatever the weights."""
    return [lambda weights, step, own=own: np.full(1, own[step], np.float32) for own in moves]


def test_a_delayed_replica_takes_its_own_share_now_and_the_others_one_round_later() -> None:
    # Two nodes of one coordinate; outer rate 1, momentum 1/2 (Nesterov: a step is g + m/2, with m = m/2 + g).
    # Pseudo-gradients by round: first node 1, 2, 4; second node 8, 16, 32.
    plan = Plan(Sgd(1.0), Aggregation(1, 1, 1, 2), None, delayed=True)
    gradients = scripted([[1 / 64, 2 / 64, 4 / 64], [8 / 64, 16 / 64, 32 / 64]])
    run = start(OuterState(np.zeros(1, np.int32), np.zeros(1, np.int64)), 2)
    seen = []
    for _ in range(3):
        run = run_round(run, gradients, [1, 1], [0, 1], plan)
        states = [run.canonical, *(node.replica.state for node in run.nodes if node.replica)]
        seen.append([float(64 * weights_of(state)[0]) for state in states])
    # In 64ths, of (canonical, first replica, second replica).
    # Round 0. Canonical: nothing due. First: g = 1/2, m = 0.5, step 0.75. Second: g = 8/2, m = 4, step 6.
    # Round 1, mean 4.5 due. Canonical: m = 4.5, step 6.75. First: g = 8/2 + 2/2 = 5, m = 5.25, step 7.625.
    #   Second: g = 1/2 + 16/2 = 8.5, m = 10.5, step 13.75.
    # Round 2, mean 9 due. Canonical: m = 2.25 + 9 = 11.25, step 14.625. First: g = 16/2 + 4/2 = 10, m = 12.625,
    #   step 16.3125. Second: g = 2/2 + 32/2 = 17, m = 22.25, step 28.125.
    assert seen == [[0, -0.75, -6], [-6.75, -8.375, -19.75], [-21.375, -24.6875, -47.875]]
    # The mean still under way is 18: m = 5.625 + 18 = 23.625, step 29.8125.
    assert 64 * weights_of(finish(run, plan))[0] == -21.375 - 29.8125


def test_a_replica_whose_update_was_lost_is_ahead_by_its_own_share_for_one_round_only() -> None:
    plan = Plan(Sgd(1.0), PLAIN, None, delayed=True)
    gradients = scripted([[8 / 64, 0, 0], [0, 0, 0]])
    run = start(OuterState(np.zeros(1, np.int32), np.zeros(1, np.int64)), 2)
    ahead = []
    for counted in ([1], [], [0, 1]):
        run = run_round(run, gradients, [1, 1], counted, plan)
        replica = run.nodes[0].replica
        assert replica is not None
        ahead.append(float(64 * (weights_of(replica.state) - weights_of(run.canonical))[0]))
    assert ahead == [-4, 0, 0]


@pytest.mark.parametrize(
    ("nodes", "momentum", "grows"),
    [(2, (9, 10), False), (4, (9, 10), True), (8, (9, 10), True), (8, (1, 2), True), (8, (0, 1), False)],
)
def test_with_many_nodes_a_delay_does_not_go_with_momentum(
    nodes: int, momentum: tuple[int, int], grows: bool
) -> None:
    """Where a round trains to its end: the table in docs/diloco.md."""
    plan = Plan(Sgd(1.0), Aggregation(7, 10, *momentum), None, delayed=True)
    gradients = nodes * [lambda weights, step: weights - np.float32(2**-6)]
    run = start(OuterState(np.zeros(1, np.int32), np.zeros(1, np.int64)), nodes)
    errors = []
    for _ in range(40):
        run = run_round(run, gradients, nodes * [1], range(nodes), plan)
        errors.append(abs(float(weights_of(run.canonical)[0]) - 2**-6))
    # The largest of ten rounds: errors swing.
    assert (max(errors[30:]) > max(errors[:10])) == grows


def test_a_delayed_run_reaches_the_solution() -> None:
    # Without momentum: AdamW's steps keep their length near the solution, and with the delay momentum makes them swing.
    plan = Plan(AdamW(0.02), Aggregation(7, 10, 0, 1), get_codec("mxint8"), delayed=True)
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
