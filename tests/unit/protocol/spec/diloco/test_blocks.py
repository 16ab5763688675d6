"""The update format: what the encoder chooses, and everything a peer's file may get wrong."""

import numpy as np
import pytest
from safetensors.numpy import save

from cupel.protocol.spec.diloco.blocks import (
    BLOCK,
    MAX_MANTISSA,
    MIN_EXPONENT,
    Update,
    decode_update,
    encode_update,
    update_from_bytes,
    update_to_bytes,
)
from cupel.protocol.spec.errors import Reason, Rejected

PARAMETERS = 40
BOUND = -8


def example_update() -> Update:
    flat = np.linspace(-0.02, 0.03, PARAMETERS, dtype=np.float32)
    return encode_update(flat, BOUND)[0]


def reason_for(data: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        update_from_bytes(data, PARAMETERS, BOUND)
    return caught.value.reason


def test_nothing_trained_is_an_update_of_zeros() -> None:
    update, remainder = encode_update(np.zeros(PARAMETERS, np.float32), BOUND)
    assert not update.mantissas.any()
    assert (update.exponents == MIN_EXPONENT).all()
    assert not remainder.any()


def test_a_block_takes_the_smallest_exponent_that_fits() -> None:
    flat = np.array([127 * 2.0**-12, 1.5 * 2.0**-12], dtype=np.float32)
    update, remainder = encode_update(flat, BOUND)
    assert update.exponents.tolist() == [-12]
    # Half a unit rounds to the even neighbour.
    assert update.mantissas[:2].tolist() == [127, 2]
    assert remainder.tolist() == [0.0, -(2.0**-13)]


def test_what_exceeds_the_bound_stays_at_the_node() -> None:
    update, remainder = encode_update(np.array([1.0, -1.0], dtype=np.float32), BOUND)
    assert update.mantissas[:2].tolist() == [MAX_MANTISSA, -MAX_MANTISSA]
    kept = 1.0 - MAX_MANTISSA * 2.0**BOUND
    assert remainder.tolist() == [kept, -kept]


def test_error_feedback_delivers_in_the_end_what_rounding_left_out() -> None:
    wanted = np.array([1.0, 3e-5, -2e-5], dtype=np.float32)
    carried, delivered = np.zeros_like(wanted), np.zeros_like(wanted)
    for _ in range(20):
        update, carried = encode_update(wanted / 20 + carried, BOUND)
        delivered += decode_update(update, 3)
    assert np.allclose(delivered + carried, wanted, atol=1e-6)
    assert np.abs(carried).max() <= 2.0**-12


def test_diverged_training_is_our_bug_and_no_update() -> None:
    with pytest.raises(AssertionError):
        encode_update(np.array([np.nan], dtype=np.float32), BOUND)


def test_the_file_comes_back_as_it_was() -> None:
    update = example_update()
    read = update_from_bytes(update_to_bytes(update), PARAMETERS, BOUND)
    assert np.array_equal(read.mantissas, update.mantissas)
    assert np.array_equal(read.exponents, update.exponents)


def test_a_file_of_another_model_is_rejected() -> None:
    update = example_update()
    assert reason_for(save({"mantissas": update.mantissas})) is Reason.UPDATE
    assert (
        reason_for(save({"mantissas": update.mantissas[:BLOCK], "exponents": update.exponents}))
        is Reason.UPDATE
    )
    wide = update.mantissas.astype(np.int16)
    assert reason_for(save({"mantissas": wide, "exponents": update.exponents})) is Reason.UPDATE


def test_hidden_bytes_are_rejected() -> None:
    update = example_update()
    arrays = {"mantissas": update.mantissas, "exponents": update.exponents}
    assert reason_for(save(arrays, metadata={"note": "hello"})) is Reason.UPDATE
    assert reason_for(save(arrays) + b"tail") is Reason.UPDATE
    assert reason_for(bytes(10_000)) is Reason.SIZE
    assert reason_for(b"") is Reason.UPDATE


@pytest.mark.parametrize(
    ("mantissa", "exponent", "position"),
    [(-128, BOUND, 0), (1, BOUND + 1, 0), (1, MIN_EXPONENT - 1, 0), (1, BOUND, PARAMETERS)],
    ids=["asymmetric mantissa", "exponent above the recipe", "exponent below the fixed point", "padding"],
)
def test_a_value_out_of_range_is_rejected(mantissa: int, exponent: int, position: int) -> None:
    mantissas, exponents = np.zeros(2 * BLOCK, np.int8), np.full(2, exponent, np.int8)
    mantissas[position] = mantissa
    assert reason_for(update_to_bytes(Update(mantissas, exponents))) is Reason.UPDATE
