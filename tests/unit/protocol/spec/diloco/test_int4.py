"""The four-bit format, byte by byte, and everything a peer's file may get wrong."""

import numpy as np
import pytest

from cupel.protocol.spec.diloco.blocks import BLOCK, MIN_EXPONENT
from cupel.protocol.spec.diloco.int4 import (
    MAX_INT4_MANTISSA,
    encode_int4,
    int4_from_bytes,
    int4_to_bytes,
    num_int4_bytes,
)
from cupel.protocol.spec.errors import Reason, Rejected

PARAMETERS = 40
BOUND = -8


def reason_for(data: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        int4_from_bytes(data, PARAMETERS, BOUND)
    return caught.value.reason


def file(nibbles: dict[int, int], exponent: int = BOUND) -> bytes:
    """A file with these bytes of mantissas."""
    mantissas = bytearray(BLOCK)
    for index, value in nibbles.items():
        mantissas[index] = value
    return bytes([exponent - MIN_EXPONENT] * 2) + bytes(mantissas)


def test_two_coordinates_share_a_byte_the_earlier_one_high() -> None:
    flat = np.zeros(3, np.float32)
    flat[:] = np.array([7, -1, -7]) * 2.0**-10
    update, remainder = encode_int4(flat, BOUND)
    assert int4_to_bytes(update) == bytes([22, 0x7F, 0x90]) + bytes(14)
    assert not remainder.any()


def test_the_remainder_is_what_four_bits_cannot_say() -> None:
    flat = np.array([7, 1.5], np.float32)
    update, remainder = encode_int4(flat * np.float32(2.0**-10), BOUND)
    assert update.mantissas[:2].tolist() == [MAX_INT4_MANTISSA, 2]
    assert remainder.tolist() == [0, -(2.0**-11)]


def test_a_file_has_seventeen_bytes_a_block() -> None:
    assert [num_int4_bytes(count) for count in (0, 1, 32, 33)] == [0, 17, 17, 34]
    assert int4_from_bytes(b"", 0, BOUND).mantissas.size == 0


def test_a_valid_file_is_read() -> None:
    update = int4_from_bytes(file({0: 0x7F, 19: 0x0A}), PARAMETERS, BOUND)
    assert update.mantissas[[0, 1, 38, 39]].tolist() == [7, -1, 0, -6]
    assert update.exponents.tolist() == [BOUND, BOUND]


@pytest.mark.parametrize(
    "data",
    [
        file({0: 0x80}),
        file({0: 0x08}),
        file({20: 0x10}),
        file({20: 0x01}),
        file({}, BOUND + 1),
        b"\xff" + file({})[1:],
    ],
    ids=[
        "-8 high",
        "-8 low",
        "padding high",
        "padding low",
        "exponent above the recipe",
        "exponent of nothing",
    ],
)
def test_a_value_out_of_range_is_rejected(data: bytes) -> None:
    assert reason_for(data) is Reason.UPDATE


def test_a_file_of_another_length_is_rejected() -> None:
    assert reason_for(b"") is Reason.SIZE
    assert reason_for(file({})[:-1]) is Reason.SIZE
    assert reason_for(file({}) + b"\0") is Reason.SIZE
