"""Sketches for any states: scale passes through, and no byte string breaks a verifier."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.toploc.sketch import decode_sketch, distance_millionths, limit, sketch, to_bytes

seeds = st.binary(min_size=32, max_size=32)
finite = st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False)


@given(st.lists(finite, min_size=1, max_size=40), seeds, st.integers(1, 16))
def test_an_honest_sketch_is_no_distance_away(values: list[float], seed: bytes, count: int) -> None:
    states = np.array([values], np.float32)
    numbers = sketch(states, seed, count)
    assert distance_millionths(decode_sketch(to_bytes(numbers), count), states, seed) == 0
    np.testing.assert_array_equal(sketch(states * np.float32(4), seed, count), numbers * np.float32(4))


@given(st.lists(finite, min_size=2, max_size=40), seeds)
def test_limiting_keeps_signs_and_small_elements(values: list[float], seed: bytes) -> None:
    states = np.array([values], np.float32)
    limited = limit(states)
    assert (np.abs(limited) <= np.abs(states)).all()
    assert (np.sign(limited) * np.sign(states) >= 0).all()
    assert (limited == states).sum() * 2 >= states.size


@given(st.binary(max_size=20), seeds)
def test_decoding_is_strict(data: bytes, seed: bytes) -> None:
    try:
        numbers = decode_sketch(data, 4)
    except Rejected:
        return
    assert to_bytes(numbers) == data
    distance_millionths(numbers, np.ones((2, 3), np.float32), seed)
