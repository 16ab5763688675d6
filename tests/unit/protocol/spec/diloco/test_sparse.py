"""What the sparse format keeps, its bits, and everything a peer's file may get wrong."""

import numpy as np
import pytest

from cupel.protocol.spec.diloco.blocks import BLOCK, MIN_EXPONENT, decode_update
from cupel.protocol.spec.diloco.sparse import (
    CHUNK,
    Record,
    encode_sparse,
    num_sparse_bytes,
    sparse_from_bytes,
    sparse_to_bytes,
)
from cupel.protocol.spec.errors import Reason, Rejected

BOUND = -8
# One chunk of 64 with two kept: 6 + 11 + 4 bits in three bytes, three bits over.
PARAMETERS, KEPT = CHUNK, 2


def bits(exponent: int, subset: int, values: int, after: int = 0) -> bytes:
    """A file of one record from its fields."""
    return (exponent << 18 | subset << 7 | values << 3 | after).to_bytes(3, "big")


def reason_for(data: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        sparse_from_bytes(data, PARAMETERS, KEPT, BOUND)
    return caught.value.reason


def test_a_file_is_its_fields_in_order() -> None:
    flat = np.zeros(PARAMETERS, np.float32)
    flat[[2, 5]] = np.array([-5, 3]) * 2.0**-12
    update, remainder = encode_sparse(flat, KEPT, BOUND)
    assert not remainder.any()
    # Subset {2, 5} is C(2, 1) + C(5, 2) = 12; -5 is 0b11, +3 is 0b00.
    data = bits(-12 - MIN_EXPONENT + 1, 12, 0b1100)
    assert sparse_to_bytes(update, PARAMETERS, KEPT) == data
    read = sparse_from_bytes(data, PARAMETERS, KEPT, BOUND)
    assert np.array_equal(decode_update(read, PARAMETERS), flat)
    assert read.exponents.tolist() == [-12, -12]


def test_the_largest_are_kept_and_the_rest_waits() -> None:
    flat = np.full(PARAMETERS, 2.0**-12, np.float32)
    flat[[10, 20]] = [-4 * 2.0**-11, 5 * 2.0**-11]
    update, remainder = encode_sparse(flat, KEPT, BOUND)
    assert np.nonzero(update.mantissas)[0].tolist() == [10, 20]
    assert update.mantissas[[10, 20]].tolist() == [-3, 5]
    assert np.array_equal(decode_update(update, PARAMETERS) + remainder, flat)


def test_of_equals_the_earlier_is_kept() -> None:
    update, _ = encode_sparse(np.full(PARAMETERS, 0.01, np.float32), KEPT, BOUND)
    assert np.nonzero(update.mantissas)[0].tolist() == [0, 1]


def test_nothing_trained_is_a_file_of_zeros() -> None:
    update, remainder = encode_sparse(np.zeros(PARAMETERS, np.float32), KEPT, BOUND)
    assert not update.mantissas.any()
    assert not remainder.any()
    assert sparse_to_bytes(update, PARAMETERS, KEPT) == bytes(3)


def test_the_last_chunk_may_be_shorter_than_what_is_kept() -> None:
    flat = np.array([3, -5], np.float32) * np.float32(2.0**-12)
    update, remainder = encode_sparse(flat, 8, BOUND)
    # A set of all positions takes no bits: 6 + 0 + 4.
    assert Record(2, 2).bits == 10
    assert sparse_to_bytes(update, 2, 8) == (21 << 10 | 0b0011 << 6).to_bytes(2, "big")
    assert not remainder.any()
    assert update.mantissas.size == BLOCK


def test_published_lengths() -> None:
    assert Record(CHUNK, 8).bits == 6 + 33 + 16
    assert Record(CHUNK, 2).bits == 6 + 11 + 4
    assert [num_sparse_bytes(count, 8) for count in (0, 64, 6400)] == [0, 7, 688]
    assert sparse_from_bytes(b"", 0, 8, BOUND).mantissas.size == 0
    assert sparse_to_bytes(sparse_from_bytes(b"", 0, 8, BOUND), 0, 8) == b""


@pytest.mark.parametrize(
    "data",
    [
        bits(BOUND - MIN_EXPONENT + 2, 0, 0),
        bits(63, 0, 0),
        bits(1, CHUNK * (CHUNK - 1) // 2, 0),
        bits(0, 1, 0),
        bits(0, 0, 1),
        bits(1, 0, 0, after=1),
    ],
    ids=[
        "exponent above the recipe",
        "no exponent",
        "no subset",
        "hidden subset",
        "hidden value",
        "bits after",
    ],
)
def test_what_no_encoder_writes_is_rejected(data: bytes) -> None:
    assert reason_for(data) is Reason.UPDATE


def test_the_largest_of_every_field_is_read() -> None:
    data = bits(BOUND - MIN_EXPONENT + 1, CHUNK * (CHUNK - 1) // 2 - 1, 0b1111)
    update = sparse_from_bytes(data, PARAMETERS, KEPT, BOUND)
    assert update.mantissas[62:64].tolist() == [-5, -5]
    assert update.exponents.tolist() == [BOUND, BOUND]
    assert sparse_to_bytes(update, PARAMETERS, KEPT) == data


def test_a_file_of_another_length_is_rejected() -> None:
    assert reason_for(b"") is Reason.SIZE
    assert reason_for(bytes(2)) is Reason.SIZE
    assert reason_for(bytes(4)) is Reason.SIZE


def test_diverged_training_is_our_bug_and_no_update() -> None:
    with pytest.raises(AssertionError):
        encode_sparse(np.array([np.inf], np.float32), KEPT, BOUND)
