import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cupel.protocol.spec.collective.quantised import (
    BITS,
    MIN_SHARED,
    dequantise,
    least_exponents,
    max_mantissa,
    quantise,
    sum_dtype,
)

FLOATS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
ROWS = arrays.arrays(np.float32, st.tuples(st.integers(2, 5), st.integers(0, 70)), elements=FLOATS)


@given(ROWS, st.sampled_from(BITS), st.randoms())
def test_sums_are_exact_in_any_order_and_what_is_left_out_is_known(rows, bits, random):
    shared = np.max([least_exponents(row, bits) for row in rows], axis=0)
    shares = [quantise(row, shared, bits, len(rows)) for row in rows]
    total = sum(share.mantissas.astype(np.int64) for share in shares)
    random.shuffle(shares)
    summed = shares[0].mantissas.copy()
    for share in shares[1:]:
        summed += share.mantissas
    assert summed.dtype == sum_dtype(len(rows), bits)
    assert (summed == total).all()
    found = dequantise(summed, shared, rows.shape[1])
    kept = rows.astype(np.float64) - [share.remainder for share in shares]
    np.testing.assert_allclose(found, kept.sum(axis=0), rtol=1e-6, atol=1e-3)
    step = np.ldexp(1.0, shared.astype(int)).repeat(32)[: rows.shape[1]]
    assert all((np.abs(share.remainder) <= step / 2 * (1 + 1e-6)).all() for share in shares)


def test_exponents_are_the_smallest_at_which_the_greatest_value_fits():
    values = np.zeros(96, np.float32)
    values[[5, 40]] = 127.0, -127.5
    assert least_exponents(values, 8).tolist() == [0, 1, MIN_SHARED]
    assert least_exponents(values, 4).tolist() == [5, 5, MIN_SHARED]


@pytest.mark.parametrize(("bits", "fits"), [(4, 18), (8, 258)])
def test_sums_take_the_narrowest_integers(bits, fits):
    narrow, wide = {4: ("int8", "int16"), 8: ("int16", "int32")}[bits]
    assert (sum_dtype(fits, bits), sum_dtype(fits + 1, bits)) == (narrow, wide)
    assert np.iinfo(narrow).max >= fits * max_mantissa(bits)
