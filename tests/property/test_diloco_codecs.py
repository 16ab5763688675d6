"""Properties of every codec, of robust means and of gossip over generated inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cupel.protocol.spec.collective.gossip import gossip
from cupel.protocol.spec.collective.topology import Kind, draw
from cupel.protocol.spec.diloco.blocks import (
    BLOCK,
    MAX_EXPONENT,
    MAX_MANTISSA,
    MIN_EXPONENT,
    Update,
    decode_update,
    num_blocks,
)
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.diloco.outer import fixed_point
from cupel.protocol.spec.diloco.robust import clipped, norm, robust_mean, trimmed_mean
from cupel.protocol.spec.errors import Rejected

NAMES = ("mxint8", "mxint4", "sparse-1", "sparse-8", "sparse-16")
CODECS = st.sampled_from(NAMES)
SIZE = 70
FLOATS = st.floats(-1, 1, width=32, allow_subnormal=True)
FLATS = st.integers(1, 200).flatmap(lambda size: arrays(np.float32, size, elements=FLOATS))
EXPONENTS = st.integers(MIN_EXPONENT, MAX_EXPONENT)
COORDINATES = arrays(np.int64, 3, elements=st.integers(-(2**39), 2**39))


@st.composite
def updates(draw_from: st.DrawFn) -> Update:
    blocks = num_blocks(SIZE)
    mantissas = draw_from(arrays(np.int8, blocks * BLOCK, elements=st.integers(-MAX_MANTISSA, MAX_MANTISSA)))
    mantissas[SIZE:] = 0
    return Update(mantissas, draw_from(arrays(np.int8, blocks, elements=EXPONENTS)))


@given(CODECS, FLATS, EXPONENTS)
def test_a_node_never_writes_a_file_its_peers_reject(name: str, flat: np.ndarray, bound: int) -> None:
    codec = get_codec(name)
    update, _ = codec.encode(flat, bound)
    data = codec.to_bytes(update, flat.size)
    read = codec.from_bytes(data, flat.size, bound)
    assert len(data) == codec.num_bytes(flat.size)
    assert np.array_equal(read.mantissas, update.mantissas)
    assert np.array_equal(decode_update(read, flat.size), decode_update(update, flat.size))


@given(CODECS, FLATS, EXPONENTS)
def test_an_update_and_its_remainder_make_up_the_whole(name: str, flat: np.ndarray, bound: int) -> None:
    update, remainder = get_codec(name).encode(flat, bound)
    whole = decode_update(update, flat.size).astype(np.float64) + remainder
    # Subtracting in float32 costs half a unit of the largest term; small ones are sent larger than they are.
    peak = max(float(np.abs(flat).max()), float(np.abs(decode_update(update, flat.size)).max()))
    assert (np.abs(whole - flat) <= peak * 2.0**-23).all()


@given(CODECS, FLATS, EXPONENTS)
def test_encoding_what_was_decoded_changes_nothing(name: str, flat: np.ndarray, bound: int) -> None:
    codec = get_codec(name)
    decoded = decode_update(codec.encode(flat, bound)[0], flat.size)
    again, remainder = codec.encode(decoded, bound)
    assert np.array_equal(decode_update(again, flat.size), decoded)
    assert not remainder.any()


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5, deadline=None)  # a hundred rounds each
@given(seed=st.integers(0, 2**32))
def test_error_feedback_loses_nothing_over_time(name: str, seed: int) -> None:
    # What was wanted so far is what was delivered and what is carried; and what is carried stays bounded.
    codec, random = get_codec(name), np.random.default_rng(seed)
    wanted = delivered = np.zeros(SIZE)
    carried = np.zeros(SIZE, np.float32)
    for _ in range(100):
        step = (random.normal(size=SIZE) * 2.0**-10).astype(np.float32)
        update, carried = codec.encode(step + carried, 0)
        wanted, delivered = wanted + step, delivered + decode_update(update, SIZE)
    assert np.allclose(wanted, delivered + carried, atol=1e-6)
    assert np.abs(carried).max() < 0.05


@given(CODECS, st.binary(max_size=120))
def test_bytes_are_an_update_or_rejected(name: str, data: bytes) -> None:
    accepted_only_as_canonical(name, data)


@given(CODECS, st.data())
def test_bytes_of_the_right_length_are_an_update_or_rejected(name: str, data: st.DataObject) -> None:
    size = get_codec(name).num_bytes(SIZE)
    accepted_only_as_canonical(name, data.draw(st.binary(min_size=size, max_size=size)))


@given(CODECS, arrays(np.float32, SIZE, elements=FLOATS), st.data())
def test_a_changed_file_is_another_update_or_rejected(
    name: str, flat: np.ndarray, data: st.DataObject
) -> None:
    codec = get_codec(name)
    file = bytearray(codec.to_bytes(codec.encode(flat, MAX_EXPONENT)[0], SIZE))
    file[data.draw(st.integers(0, len(file) - 1))] ^= data.draw(st.integers(1, 255))
    accepted_only_as_canonical(name, bytes(file))


def accepted_only_as_canonical(name: str, data: bytes) -> None:
    codec = get_codec(name)
    try:
        update = codec.from_bytes(data, SIZE, MAX_EXPONENT)
    except Rejected:
        return
    assert codec.to_bytes(update, SIZE) == data
    fixed_point(update, SIZE)


@given(updates())
def test_the_length_is_that_of_the_coordinates(update: Update) -> None:
    squares = sum(int(value) ** 2 for value in fixed_point(update, SIZE))
    assert norm(update) ** 2 <= squares < (norm(update) + 1) ** 2


@given(updates(), st.integers(0, 2**40))
def test_a_clipped_update_is_never_longer_than_the_bound(update: Update, bound: int) -> None:
    squares = sum(int(value) ** 2 for value in clipped(update, SIZE, bound))
    # A length is rounded down, so one that just passes may be less than one unit longer.
    assert squares < (bound + 1) ** 2


@given(st.lists(updates(), min_size=1, max_size=6), st.integers(0, 2), st.randoms(use_true_random=False))
def test_robust_means_do_not_depend_on_the_order(
    accepted: list[Update], trimmed: int, random: object
) -> None:
    first = robust_mean(accepted, SIZE, trimmed)
    random.shuffle(accepted)  # type: ignore[attr-defined]
    assert np.array_equal(robust_mean(accepted, SIZE, trimmed), first)


@given(st.lists(COORDINATES, min_size=3, max_size=7), st.data())
def test_liars_keep_a_trimmed_mean_among_honest_values(honest: list[np.ndarray], data: st.DataObject) -> None:
    liars = data.draw(st.lists(COORDINATES, max_size=len(honest) - 1))
    mean = trimmed_mean([*honest, *liars], len(liars))
    assert (np.min(honest, axis=0) <= mean).all()
    assert (mean <= np.max(honest, axis=0)).all()


@given(
    st.sampled_from(list(Kind)),
    st.integers(1, 12),
    st.binary(min_size=32, max_size=32),
    st.data(),
)
def test_gossip_keeps_the_mean_to_the_last_bit(
    kind: Kind, count: int, seed: bytes, data: st.DataObject
) -> None:
    values = data.draw(arrays(np.int64, (count, 4), elements=st.integers(-(2**58), 2**58)))
    topology = draw(kind, [f"0x{member:040x}" for member in range(count)], seed)
    after = gossip(values, topology)
    assert after.sum(axis=0).tolist() == values.sum(axis=0).tolist()
    assert (values.min(axis=0) <= after.min(axis=0)).all()
    assert (after.max(axis=0) <= values.max(axis=0)).all()
