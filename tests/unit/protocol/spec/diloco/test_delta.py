"""Deltas: exact, small, with one form; everything else from a peer is refused."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from safetensors.numpy import load, save

from cupel.protocol.spec.diloco.blocks import BLOCK, encode_update, update_to_bytes
from cupel.protocol.spec.diloco.delta import Delta, delta_from_bytes, delta_to_bytes, max_delta_bytes
from cupel.protocol.spec.diloco.outer import MAX_UPDATES, MAX_WEIGHT, sum_updates
from cupel.protocol.spec.errors import Reason, Rejected

COUNT = 3
MOST = COUNT * 127 << 32


VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[4] / "vectors" / "delta.json").read_text())


@pytest.mark.parametrize(
    "case", VECTORS["cases"], ids=lambda case: f"{len(case['total'])}x{len(case['updates'])}"
)
def test_the_vectors_hold_in_pythons_own_integers(case: dict[str, Any]) -> None:
    """The sum, read back from the file, and the step from it, without NumPy's arithmetic."""
    size, count = len(case["total"]), len(case["updates"])
    total = [
        sum(one["mantissas"][i] << (one["exponents"][i // BLOCK] + 32) for one in case["updates"])
        for i in range(size)
    ]
    read = delta_from_bytes(bytes.fromhex(case["file"][2:]), size)
    assert (read.count, read.total.tolist()) == (count, total)
    assert [int(value) for value in case["total"]] == total
    (rate, per), (momentum, of) = case["learning_rate"], case["momentum"]
    for index, value in enumerate(total):
        gradient = half_even(value, count)
        buffer = half_even(int(case["before"]["momentum"][index]) * momentum, of) + gradient
        ahead = gradient + half_even(buffer * momentum, of)
        moved = int(case["before"]["weights"][index]) - half_even(half_even(ahead * rate, per), 1 << 12)
        assert int(case["after"]["momentum"][index]) == buffer
        assert int(case["after"]["weights"][index]) == max(-MAX_WEIGHT, min(MAX_WEIGHT, moved))


def half_even(numerator: int, denominator: int) -> int:
    return round(Fraction(numerator, denominator))


def delta(*values: int, count: int = COUNT) -> Delta:
    return Delta(np.array(values, dtype=np.int64), count)


def parts(file: bytes) -> dict[str, NDArray[np.generic]]:
    return load(file)


def rejected(file: bytes, num_parameters: int) -> Reason:
    with pytest.raises(Rejected) as caught:
        delta_from_bytes(file, num_parameters)
    return caught.value.reason


@given(
    st.integers(1, 70).flatmap(lambda size: arrays(np.int64, size, elements=st.integers(-MOST, MOST))),
    st.integers(0, 32),
)
def test_a_delta_is_read_as_it_was_written(total: NDArray[np.int64], zeros: int) -> None:
    total = total >> zeros << zeros
    read = delta_from_bytes(delta_to_bytes(Delta(total, COUNT)), total.size)
    assert read.count == COUNT
    assert np.array_equal(read.total, total)


@given(st.integers(0, 54), st.sampled_from([1, -1]))
def test_every_width_and_both_signs_come_back(bit: int, sign: int) -> None:
    values = [sign << bit, *([0] * BLOCK), sign * ((1 << bit) - 1), sign]
    file = delta_to_bytes(delta(*values, count=MAX_UPDATES))
    assert delta_from_bytes(file, len(values)).total.tolist() == values


def test_the_form_is_the_one_that_the_format_says() -> None:
    # Without the factor 4: 1, -2, 3 need three bits; the second block is zero, the third has a single -1.
    file = parts(delta_to_bytes(delta(4, -8, 12, *[0] * 61, -1, *[0] * 31)))
    assert file["count"].tolist() == [COUNT]
    assert file["shifts"].tolist() == [2, 0, 0]
    assert file["widths"].tolist() == [3, 0, 1]
    first_width = [1, 0, 0, 0]
    second_width = [0b11_110_001, 0, 0] + [0] * 9
    assert file["data"].tolist() == first_width + second_width
    # 300 takes ten bits: a plane of low bytes, then two bits of each value.
    file = parts(delta_to_bytes(delta(300, -1)))
    assert file["widths"].tolist() == [10]
    assert file["data"].tolist() == [44, 255, *[0] * 30, 0b11_01, *[0] * 7]


@pytest.mark.parametrize("num_updates", [1, 4, 16])
def test_a_delta_is_smaller_than_the_updates_from_two_on(num_updates: int) -> None:
    generator = np.random.default_rng(7)
    size = 32 * 1024
    flats = [generator.normal(0, 1e-4, size).astype(np.float32) for _ in range(num_updates)]
    updates = [encode_update(flat, 0)[0] for flat in flats]
    total = sum_updates(updates, size)
    file = delta_to_bytes(Delta(total, num_updates))
    updates_bytes = sum(len(update_to_bytes(update)) for update in updates)
    assert np.array_equal(delta_from_bytes(file, size).total, total)
    assert len(file) < updates_bytes * (1.05 if num_updates == 1 else 0.75)
    assert len(file) < size * 12 / 7


def test_what_is_no_delta_is_refused() -> None:
    file = delta_to_bytes(delta(4, -8, 12))
    good = parts(file)
    size = 3
    for changed in (
        {"count": np.array([0], dtype=np.int32)},
        {"count": np.array([MAX_UPDATES + 1], dtype=np.int32)},
        {"count": np.array([1], dtype=np.int64)},
        {"shifts": np.array([60], dtype=np.uint8)},
        {"widths": np.array([57], dtype=np.uint8), "data": np.zeros(228, dtype=np.uint8)},
        {"widths": np.array([4], dtype=np.uint8)},
        {"widths": np.array([4], dtype=np.uint8), "data": np.zeros(16, dtype=np.uint8)},
        {"data": np.zeros(12, dtype=np.uint8)},
        {"data": good["data"].astype(np.int8)},
        {"data": np.array([1, 0, 0, 255] + [0] * 8, dtype=np.uint8)},  # a value in the padding
        {"more": np.zeros(1, dtype=np.uint8)},
    ):
        assert rejected(save(good | changed), size) is Reason.UPDATE
    assert rejected(file + b"\0", size) is Reason.UPDATE
    assert rejected(b"", size) is Reason.UPDATE
    assert rejected(file, 64) is Reason.UPDATE
    assert rejected(bytes(max_delta_bytes(size) + 1), size) is Reason.SIZE


def test_a_sum_that_its_updates_cannot_have_is_refused() -> None:
    file = delta_to_bytes(delta(MOST + 1))
    assert rejected(file, 1) is Reason.UPDATE
    assert delta_from_bytes(delta_to_bytes(delta(MOST)), 1).total.tolist() == [MOST]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert rejected(data, 5) is Reason.UPDATE
