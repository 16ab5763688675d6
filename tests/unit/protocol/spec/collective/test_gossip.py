"""Averaging with neighbours: known spectra, the mean to the last bit, and the warning about momentum."""

import math

import numpy as np
import pytest

from cupel.protocol.spec.collective.gossip import (
    coupling_warning,
    expected_gap,
    gossip,
    mixing_matrix,
    received,
    rounds_to_consensus,
    spectral_gap,
    spread,
)
from cupel.protocol.spec.collective.topology import Kind, Topology, draw
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Aggregation


def graph(kind: Kind, count: int, index: int = 0) -> Topology:
    return draw(kind, [f"0x{member:040x}" for member in range(count)], keccak256(bytes([index])))


PATH = Topology(tuple(f"0x{member:040x}" for member in range(3)), ((0, 1), (1, 2)))


def test_one_round_by_hand() -> None:
    # Both edges have weight 1/3: -9 flows over the first, 3 over the second.
    values = np.array([[30], [3], [12]], dtype=np.int64)
    assert gossip(values, PATH).tolist() == [[21], [15], [9]]


def test_a_member_computes_its_own_part_alone() -> None:
    values = np.random.default_rng(1).integers(-(2**50), 2**50, (9, 20))
    topology = graph(Kind.SMALL_WORLD, 9)
    after, degrees = gossip(values, topology), topology.degrees
    for index, member in enumerate(topology.members):
        others = [topology.members.index(other) for other in topology.neighbours(member)]
        told = [(values[other], degrees[other]) for other in others]
        assert np.array_equal(received(values[index], told, degrees[index]), after[index])


@pytest.mark.parametrize("count", [8, 16, 64])
def test_the_gap_of_a_ring_is_known(count: int) -> None:
    exact = 2 / 3 * (1 - math.cos(2 * math.pi / count))
    assert math.isclose(spectral_gap(graph(Kind.RING, count)), exact, rel_tol=1e-9)


def test_gaps_order_the_topologies() -> None:
    gaps = [spectral_gap(graph(kind, 64)) for kind in (Kind.RING, Kind.SMALL_WORLD, Kind.EXPANDER, Kind.FULL)]
    assert gaps == sorted(gaps)
    assert gaps[2] > 0.08
    assert math.isclose(gaps[3], 1)
    assert spectral_gap(graph(Kind.PAIR, 64)) == 0
    assert spectral_gap(graph(Kind.RING, 1)) == 1


def test_pairs_halve_the_disagreement_in_expectation() -> None:
    # Of two random partners the expected W is (1 - a) I + a J / n with a = n / (2 (n - 1)), and W^2 = W.
    sample = [graph(Kind.PAIR, 8, index) for index in range(250)]
    assert math.isclose(expected_gap(sample), 1 - math.sqrt(1 - 8 / 14), abs_tol=0.06)


def test_a_ring_drawn_anew_agrees_far_sooner_than_one_that_stays() -> None:
    sample = [graph(Kind.RING, 64, index) for index in range(100)]
    assert expected_gap(sample) > 50 * spectral_gap(sample[0])


def test_rounds_to_consensus_follow_from_the_gap() -> None:
    assert rounds_to_consensus(1.0) == 1
    assert rounds_to_consensus(0.9) == 3
    assert rounds_to_consensus(0.0507) == 133
    assert rounds_to_consensus(0.0) is None


def test_the_mixing_matrix_is_doubly_stochastic() -> None:
    matrix = mixing_matrix(graph(Kind.SMALL_WORLD, 16))
    assert np.allclose(matrix, matrix.T)
    assert np.allclose(matrix.sum(axis=1), 1)
    assert (matrix >= 0).all()


def test_rounding_stops_the_convergence_within_the_stated_distance() -> None:
    topology = graph(Kind.RING, 8)
    values = np.zeros((8, 1), dtype=np.int64)
    values[0] = 10**9 + 1
    for _ in range(400):
        values = gossip(values, topology)
    assert values.sum() == 10**9 + 1
    # Four edges lead to the far side, each may stay (1 + 2) / 2 apart.
    assert np.ptp(values) <= 4 * 1.5
    assert np.array_equal(gossip(values, topology), values)


def test_spread_is_relative_to_the_replicas_size() -> None:
    assert spread(np.array([[5, -5], [5, -5]], dtype=np.int64)) == 0
    assert math.isclose(spread(np.array([[11], [9]], dtype=np.int64)), 0.1)
    assert spread(np.array([[1], [-1]], dtype=np.int64)) == math.inf


@pytest.mark.parametrize(
    ("kind", "momentum", "warned"),
    [
        (Kind.FULL, (9, 10), False),
        (Kind.RING, (9, 10), True),
        (Kind.PAIR, (501, 1000), True),
        (Kind.RING, (1, 2), False),
        (Kind.EXPANDER, (0, 1), False),
    ],
)
def test_neighbours_and_a_long_memory_draw_a_warning(
    kind: Kind, momentum: tuple[int, int], warned: bool
) -> None:
    warning = coupling_warning(kind, Aggregation(7, 10, *momentum))
    assert (warning is not None) is warned
    if warning:
        assert f"{momentum[0]}/{momentum[1]}" in warning
