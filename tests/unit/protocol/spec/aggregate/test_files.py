"""Integers stand in real checkpoints and updates where the chain looks for them."""

from __future__ import annotations

import pytest

from cupel.protocol.spec.aggregate import files
from cupel.protocol.spec.diloco.blocks import BLOCK, num_blocks, update_from_bytes
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.testing.aggregate_case import NARROW, aggregate_case, terms_of, update_file
from cupel.protocol.testing.vectors import example_params

CASE = aggregate_case(example_params())
TERMS = terms_of(NARROW)
SIZE = TERMS.parameters


def test_every_integer_of_a_checkpoint_is_found() -> None:
    version = CASE.versions[2]
    file = version.file
    for coordinate in range(SIZE):
        weight = files.weight_at(len(file), SIZE, coordinate)
        momentum = files.momentum_at(len(file), SIZE, coordinate)
        assert files.integer(file, weight.start, weight) == version.state.weights[coordinate]
        assert files.integer(file, momentum.start, momentum) == version.state.momentum[coordinate]
        for place in (weight, momentum):
            assert {files.locate(len(file), SIZE, place.start + byte) for byte in range(place.size)} == {
                place
            }
            # No integer is cut by the end of a piece.
            assert place.start % 2048 + place.size <= 2048


def test_what_stands_before_the_integers_is_the_header() -> None:
    file = CASE.versions[2].file
    header = 8 + int.from_bytes(file[:8], "little")
    assert files.locate(len(file), SIZE, header - 1) is None
    assert files.locate(len(file), SIZE, header) == files.momentum_at(len(file), SIZE, 0)


def test_every_coordinate_of_an_update_is_found() -> None:
    file = update_file(NARROW, 3)
    update = update_from_bytes(file, SIZE, TERMS.max_exponent)
    assert files.update_bytes(SIZE) == len(file)
    for coordinate in range(SIZE):
        mantissa = file[files.mantissa_at(SIZE, coordinate)]
        exponent = file[files.exponent_at(SIZE, coordinate)]
        assert mantissa == int(update.mantissas[coordinate]) & 0xFF
        assert exponent == int(update.exponents[coordinate // BLOCK]) & 0xFF


@pytest.mark.parametrize("offset", [0, 9, 60])
def test_a_false_header_is_a_fault(offset: int) -> None:
    assert_fault(offset, 0xFF)


@pytest.mark.parametrize("exponent", [-33, TERMS.max_exponent + 1, 1])
def test_an_exponent_out_of_range_is_a_fault(exponent: int) -> None:
    assert_fault(files.exponent_at(SIZE, SIZE - 1), exponent & 0xFF)


def test_the_lowest_mantissa_is_a_fault() -> None:
    assert_fault(files.mantissa_at(SIZE, 40), 0x80)


def test_padding_is_zero() -> None:
    assert BLOCK * num_blocks(SIZE) > SIZE, "there is padding"
    assert_fault(files.mantissa_at(SIZE, SIZE), 1)


def test_an_update_has_no_fault() -> None:
    file = update_file(NARROW, 4)
    assert files.find_fault(file, SIZE, TERMS.max_exponent) is None
    assert not any(files.is_fault(SIZE, TERMS.max_exponent, at, byte) for at, byte in enumerate(file))


def assert_fault(offset: int, byte: int) -> None:
    """Whoever reads the file refuses it, and the chain finds the byte."""
    data = bytearray(update_file(NARROW, 5))
    data[offset] = byte
    with pytest.raises(Rejected):
        update_from_bytes(bytes(data), SIZE, TERMS.max_exponent)
    assert files.find_fault(bytes(data), SIZE, TERMS.max_exponent) == offset
    assert files.is_fault(SIZE, TERMS.max_exponent, offset, byte)


def test_a_manifest_names_its_parent_at_one_place() -> None:
    version, parent = CASE.versions[2], CASE.versions[1]
    manifest = version.manifest.to_bytes()
    at = files.parent_at(manifest)
    assert at is not None
    assert files.names_parent(manifest, at, parent.digest)
    assert not files.names_parent(manifest, at, version.digest)
    assert [place for place in range(1024) if files.names_parent(manifest, place, parent.digest)] == [at]
    assert files.parent_at(CASE.versions[0].manifest.to_bytes()) is None
