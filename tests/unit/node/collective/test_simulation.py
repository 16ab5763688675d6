import pytest

from cupel.node.collective.simulation import simulate


@pytest.mark.parametrize("members", [2, 3, 8, 64])
def test_equal_links_take_what_the_bytes_and_the_hops_take(members):
    size, rate, latency = members * 1000, 4000.0, 0.25  # a segment of 1000 values takes a second
    found = simulate(size, 4, [rate] * members, latency)
    assert found.values == pytest.approx(2 * (members - 1) * (1 + latency))
    assert found.words == pytest.approx(3 * (members - 1) * latency)
    assert found.opening == pytest.approx(6 * latency)
    assert found.prepared == found.words + found.values


def test_the_slowest_link_sets_the_pace():
    fast, slow = (simulate(4000, 4, [4000.0, 4000.0, rate, 4000.0], 0.0) for rate in (4000.0, 400.0))
    assert slow.values == pytest.approx(10 * fast.values, rel=0.2)


def test_long_segments_hide_latency():
    size = 64 << 20  # 16 MiB segments of 16 chunks each
    wire = 2 * 3 * size // 4 * 4 / 1e9
    assert simulate(size, 4, [1e9] * 4, 0.01).values == pytest.approx(wire + 0.01, rel=0.1)
