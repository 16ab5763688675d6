import numpy as np
import pytest

from cupel.node.collective.quantised import reduce_quantised
from cupel.protocol.spec.collective.reduce import Operation, Reduce


@pytest.mark.parametrize(("bits", "bytes_per_value", "most"), [(8, 2, 0.012), (4, 1, 0.2)])
@pytest.mark.parametrize("operation", [Operation.SUM, Operation.MEAN])
def test_all_have_the_same_bits_and_know_what_they_left_out(
    make_ring, bits, bytes_per_value, most, operation
):
    ring, values = make_ring(3), np.random.default_rng(1).standard_normal((3, 1000)).astype(np.float32)
    reduce = Reduce(1, 1, 0, operation, "float32", 1000)
    outcomes = ring.each(lambda rank: reduce_quantised(ring.members[rank], reduce, values[rank], bits))
    assert len({outcome.values.tobytes() for outcome in outcomes}) == 1
    scale = 3 if operation is Operation.MEAN else 1
    error = outcomes[0].values * scale - values.sum(axis=0)
    assert np.sqrt((error**2).mean() / (values.sum(axis=0) ** 2).mean()) < most
    left_out = sum(outcome.remainder for outcome in outcomes)
    np.testing.assert_allclose(error + left_out, 0, atol=1e-5)
    blocks = -(-1000 // 32)
    assert outcomes[0].sent_bytes == 4 * blocks * (1 + 32 * bytes_per_value) // 3
