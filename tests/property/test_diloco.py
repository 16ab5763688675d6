"""Properties of updates and aggregation over generated inputs; the aggregate against a twin in Python's integers."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cupel.protocol.spec.diloco.blocks import (
    BLOCK,
    MAX_EXPONENT,
    MAX_MANTISSA,
    MIN_EXPONENT,
    Update,
    decode_update,
    encode_update,
    num_blocks,
    update_from_bytes,
    update_to_bytes,
)
from cupel.protocol.spec.diloco.outer import MAX_MOMENTUM, MAX_WEIGHT, OuterState, aggregate
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import MAX_TERM, Aggregation

SIZE = 33
FLOATS = st.floats(-100, 100, width=32, allow_subnormal=True)
FLATS = st.integers(1, 100).flatmap(lambda size: arrays(np.float32, size, elements=FLOATS))
EXPONENTS = st.integers(MIN_EXPONENT, MAX_EXPONENT)
MANTISSAS = st.integers(-MAX_MANTISSA, MAX_MANTISSA)
TERMS = st.integers(1, MAX_TERM)


@st.composite
def updates(draw: st.DrawFn) -> Update:
    blocks = num_blocks(SIZE)
    mantissas = draw(arrays(np.int8, blocks * BLOCK, elements=MANTISSAS))
    mantissas[SIZE:] = 0
    return Update(mantissas, draw(arrays(np.int8, blocks, elements=EXPONENTS)))


@st.composite
def states(draw: st.DrawFn) -> OuterState:
    weights = arrays(np.int32, SIZE, elements=st.integers(-MAX_WEIGHT, MAX_WEIGHT))
    momentum = arrays(np.int64, SIZE, elements=st.integers(-MAX_MOMENTUM, MAX_MOMENTUM))
    return OuterState(draw(weights), draw(momentum))


@st.composite
def aggregations(draw: st.DrawFn) -> Aggregation:
    denominator = draw(TERMS)
    return Aggregation(
        draw(st.integers(0, MAX_TERM)), draw(TERMS), draw(st.integers(0, denominator - 1)), denominator
    )


@given(FLATS)
def test_an_update_and_its_remainder_make_up_the_whole(flat: np.ndarray) -> None:
    update, remainder = encode_update(flat, MAX_EXPONENT)
    assert np.array_equal(decode_update(update, flat.size) + remainder, flat)


@given(FLATS, EXPONENTS)
def test_the_remainder_covers_what_saturates_up_to_float32(flat: np.ndarray, bound: int) -> None:
    update, remainder = encode_update(flat, bound)
    whole = decode_update(update, flat.size).astype(np.float64) + remainder
    assert (np.abs(whole - flat) <= np.abs(flat) * 2.0**-23).all()


@given(FLATS)
def test_rounding_loses_at_most_half_a_step_of_the_blocks_peak(flat: np.ndarray) -> None:
    _, remainder = encode_update(flat, MAX_EXPONENT)
    peaks = np.abs(np.pad(flat, (0, -flat.size % BLOCK))).reshape(-1, BLOCK).max(axis=1).astype(np.float64)
    # An exponent one lower would not have held the peak, so a step is below 2/127 of it (or the smallest there is).
    steps = np.maximum(2 * peaks / MAX_MANTISSA, 2.0**MIN_EXPONENT)
    assert (np.abs(remainder) <= np.repeat(steps, BLOCK)[: flat.size] / 2).all()


@given(FLATS, EXPONENTS)
def test_encoding_what_was_decoded_changes_nothing(flat: np.ndarray, bound: int) -> None:
    decoded = decode_update(encode_update(flat, bound)[0], flat.size)
    again, remainder = encode_update(decoded, bound)
    assert np.array_equal(decode_update(again, flat.size), decoded)
    assert not remainder.any()


@given(FLATS, EXPONENTS)
def test_a_node_never_writes_a_file_its_peers_reject(flat: np.ndarray, bound: int) -> None:
    update, _ = encode_update(flat, bound)
    read = update_from_bytes(update_to_bytes(update), flat.size, bound)
    assert np.array_equal(read.mantissas, update.mantissas)


@given(st.binary(max_size=200))
def test_bytes_are_an_update_or_rejected(data: bytes) -> None:
    try:
        update = update_from_bytes(data, SIZE, MAX_EXPONENT)
    except Rejected:
        return
    assert update_to_bytes(update) == data


@settings(max_examples=60)
@given(updates(), st.data())
def test_a_changed_file_is_another_update_or_rejected(update: Update, data: st.DataObject) -> None:
    file = bytearray(update_to_bytes(update))
    file[data.draw(st.integers(0, len(file) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = update_from_bytes(bytes(file), SIZE, MAX_EXPONENT)
    except Rejected:
        return
    assert update_to_bytes(read) == bytes(file)


@settings(max_examples=60)
@given(
    states(), st.lists(updates(), min_size=1, max_size=6), aggregations(), st.randoms(use_true_random=False)
)
def test_the_order_of_updates_does_not_matter(
    state: OuterState, accepted: list[Update], aggregation: Aggregation, random: object
) -> None:
    first = aggregate(state, accepted, aggregation)
    random.shuffle(accepted)  # type: ignore[attr-defined]
    second = aggregate(state, accepted, aggregation)
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.momentum, second.momentum)


@settings(max_examples=60)
@given(states(), st.lists(updates(), min_size=1, max_size=5), aggregations())
def test_the_aggregate_equals_its_twin_in_unbounded_integers(
    state: OuterState, accepted: list[Update], aggregation: Aggregation
) -> None:
    result = aggregate(state, accepted, aggregation)
    for index in range(SIZE):
        weight, buffer = twin(state, accepted, aggregation, index)
        assert (int(result.weights[index]), int(result.momentum[index])) == (weight, buffer)


def twin(state: OuterState, accepted: list[Update], aggregation: Aggregation, index: int) -> tuple[int, int]:
    """One coordinate in exact rationals, rounded where the format says so (Python rounds halves to even)."""
    values = [int(u.mantissas[index]) * 2 ** (32 + int(u.exponents[index // BLOCK])) for u in accepted]
    gradient = round(Fraction(sum(values), len(values)))
    momentum = Fraction(aggregation.momentum_numerator, aggregation.momentum_denominator)
    rate = Fraction(aggregation.learning_rate_numerator, aggregation.learning_rate_denominator)
    buffer = round(int(state.momentum[index]) * momentum) + gradient
    step = round((gradient + round(buffer * momentum)) * rate)
    weight = int(state.weights[index]) - round(Fraction(step, 2**12))
    return max(-MAX_WEIGHT, min(MAX_WEIGHT, weight)), buffer
