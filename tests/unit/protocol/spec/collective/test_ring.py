import itertools
import random

import pytest

from cupel.protocol.spec.collective.ring import MAX_EXACT, ring_cost, ring_order


def matrix(count, seed):
    draw = random.Random(seed)
    return [[draw.uniform(1, 100) for _ in range(count)] for _ in range(count)]


def seconds(bandwidth):
    return [[0.0 if i == j else 1 / v for j, v in enumerate(row)] for i, row in enumerate(bandwidth)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("seed", range(3))
def test_small_rings_are_the_best_of_all_orders(count, seed):
    bandwidth = matrix(count, seed)
    costs = seconds(bandwidth)
    best = min(ring_cost((0, *rest), costs) for rest in itertools.permutations(range(1, count)))
    assert ring_cost(ring_order(bandwidth), costs) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(3))
def test_large_rings_avoid_a_slow_link(seed):
    count = MAX_EXACT + 5
    bandwidth = matrix(count, seed)
    order = ring_order(bandwidth)
    assert sorted(order) == list(range(count))
    assert order[0] == 0
    costs = seconds(bandwidth)
    assert ring_cost(order, costs) < ring_cost(range(count), costs)
