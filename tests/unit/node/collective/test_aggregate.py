"""The fast path gives the bits of the slow one: a version made of the ring's sum, and one made of the updates."""

import numpy as np

from cupel.protocol.spec.collective.reduce import Operation, Reduce
from cupel.protocol.spec.diloco.blocks import encode_update
from cupel.protocol.spec.diloco.outer import OuterState, aggregate, fixed_point, step
from cupel.protocol.spec.task import Aggregation

SIZE = 1000


def test_the_rings_sum_makes_the_canonical_version(make_ring):
    random = np.random.default_rng(1)
    state = OuterState(
        random.integers(-(2**20), 2**20, SIZE, np.int32), random.integers(-(2**30), 2**30, SIZE)
    )
    updates = [encode_update(random.standard_normal(SIZE).astype(np.float32) / 9, 0)[0] for _ in range(4)]
    aggregation = Aggregation(7, 10, 9, 10)
    expected = aggregate(state, updates, aggregation)
    ring = make_ring(4)
    reduce = Reduce(1, 1, 0, Operation.SUM, "int64", SIZE)
    for outcome in ring.reduce(reduce, [fixed_point(update, SIZE) for update in updates]):
        made = step(state, outcome.values, len(outcome.survivors), aggregation)
        assert made.weights.tobytes() == expected.weights.tobytes()
        assert made.momentum.tobytes() == expected.momentum.tobytes()
