import itertools

import numpy as np

from cupel.node.collective.bandwidth import UNREACHABLE, agreed_order, answer_measurements, measured_row
from cupel.protocol.spec.collective.ring import ring_order


def test_links_are_measured_and_all_agree_on_one_order(make_ring):
    ring = make_ring(4)
    for member in ring.members:
        answer_measurements(member)
    ring.members[2].close()
    clocks = [itertools.count(step=0.5).__next__ for _ in ring.members]  # every sending takes half a second

    def order(rank):
        row = measured_row(ring.members[rank], 1, clocks[rank])
        return row.tolist(), agreed_order(ring.members[rank], 1, 1, 0, row)

    found = ring.each(order, [0, 1, 3])
    fast = 2 * (1 << 16)
    rows = [[UNREACHABLE if to == 2 else fast * (to != rank) for to in range(4)] for rank in (0, 1, 3)]
    assert [row for row, _ in found] == rows
    orders = {order for _, order in found}
    assert len(orders) == 1
    assert set(orders.pop()) == {ring.roster[rank].address for rank in (0, 1, 3)}


def test_a_slow_link_leaves_the_ring(make_ring):
    ring, matrix = make_ring(4), np.full((4, 4), 100)
    matrix[0, 1] = matrix[2, 3] = 1
    found = ring.each(lambda rank: agreed_order(ring.members[rank], 1, 1, 0, matrix[rank]))
    expected = tuple(ring.roster[rank].address for rank in ring_order(matrix.tolist()))
    assert found == [expected] * 4
    ring_ = [ring.roster.index(next(m for m in ring.roster if m.address == who)) for who in expected]
    links = set(zip(ring_, ring_[1:] + ring_[:1], strict=True))
    assert not links & {(0, 1), (2, 3)}
