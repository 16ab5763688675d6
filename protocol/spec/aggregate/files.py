"""Where integers stand in checkpoints and updates; twin of contracts/libraries/CheckpointFile.sol and MxInt8.sol.

A checkpoint is a safetensors file: a header, the momentum as int64 [parameters], the weights as int32 [parameters],
both little-endian in the order of the flat vectors: safetensors puts larger types first, and tensors in the order of
their names. An update is one of exponents int8 [blocks] and mantissas int8 [32 * blocks].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from cupel.protocol.spec.diloco.blocks import (
    BLOCK,
    MAX_MANTISSA,
    MIN_EXPONENT,
    Update,
    num_blocks,
    update_to_bytes,
)

MOMENTUM_BYTES: Final = 8
WEIGHT_BYTES: Final = 4
_PARENT: Final = b'"parent":"'


@dataclass(frozen=True, slots=True)
class Place:
    """An integer of a checkpoint."""

    coordinate: int
    is_weight: bool
    start: int
    """Of its bytes in the file."""

    @property
    def size(self) -> int:
        """Bytes."""
        return WEIGHT_BYTES if self.is_weight else MOMENTUM_BYTES


def locate(file_bytes: int, parameters: int, offset: int) -> Place | None:
    """The integer that a byte of a checkpoint belongs to; None for the header."""
    first = file_bytes - (MOMENTUM_BYTES + WEIGHT_BYTES) * parameters
    if offset < first:
        return None
    weights = first + MOMENTUM_BYTES * parameters
    if offset < weights:
        coordinate = (offset - first) // MOMENTUM_BYTES
        return Place(coordinate, is_weight=False, start=first + MOMENTUM_BYTES * coordinate)
    coordinate = (offset - weights) // WEIGHT_BYTES
    return Place(coordinate, is_weight=True, start=weights + WEIGHT_BYTES * coordinate)


def weight_at(file_bytes: int, parameters: int, coordinate: int) -> Place:
    """The weight of a coordinate."""
    start = file_bytes - WEIGHT_BYTES * (parameters - coordinate)
    return Place(coordinate, is_weight=True, start=start)


def momentum_at(file_bytes: int, parameters: int, coordinate: int) -> Place:
    """The momentum of a coordinate."""
    start = file_bytes - WEIGHT_BYTES * parameters - MOMENTUM_BYTES * (parameters - coordinate)
    return Place(coordinate, is_weight=False, start=start)


def integer(data: bytes, start: int, place: Place) -> int:
    """The integer in data whose first byte it is."""
    return int.from_bytes(data[start : start + place.size], "little", signed=True)


def parent_at(manifest: bytes) -> int | None:
    """Where in a version's manifest its parent's digest begins; None for version 0."""
    start = manifest.find(_PARENT)
    return None if start < 0 else start + len(_PARENT)


def names_parent(manifest: bytes, at: int, digest: bytes) -> bool:
    """Whether the manifest has this parent there."""
    named = _PARENT + digest.hex().encode()
    return at >= len(_PARENT) and manifest[at - len(_PARENT) : at + 2 * len(digest)] == named


def update_header(parameters: int) -> bytes:
    """What the file of every update begins with."""
    blocks = num_blocks(parameters)
    zeros = Update(np.zeros(blocks * BLOCK, np.int8), np.full(blocks, MIN_EXPONENT, np.int8))
    return update_to_bytes(zeros)[: -(BLOCK + 1) * blocks]


def update_bytes(parameters: int) -> int:
    """Length of the file of every update."""
    return len(update_header(parameters)) + (BLOCK + 1) * num_blocks(parameters)


def exponent_at(parameters: int, coordinate: int) -> int:
    """Where the exponent of a coordinate's block stands in an update's file."""
    return len(update_header(parameters)) + coordinate // BLOCK


def mantissa_at(parameters: int, coordinate: int) -> int:
    """Where the mantissa of a coordinate stands in an update's file."""
    return len(update_header(parameters)) + num_blocks(parameters) + coordinate


def is_fault(parameters: int, max_exponent: int, offset: int, found: int) -> bool:
    """Whether no update has this byte there."""
    header = update_header(parameters)
    if offset < len(header):
        return found != header[offset]
    place, blocks = offset - len(header), num_blocks(parameters)
    signed = found - 256 if found > 127 else found
    if place < blocks:
        return not MIN_EXPONENT <= signed <= max_exponent
    return signed < -MAX_MANTISSA if place - blocks < parameters else signed != 0


def find_fault(file: bytes, parameters: int, max_exponent: int) -> int | None:
    """The first byte of a file of an update's length that no update has there; None if it is one."""
    header, blocks = update_header(parameters), num_blocks(parameters)
    data = np.frombuffer(file, dtype=np.int8)
    expected = np.frombuffer(header, dtype=np.int8)
    body = data[len(header) :]
    values = np.concatenate(
        (
            data[: len(header)] != expected,
            (body[:blocks] < MIN_EXPONENT) | (body[:blocks] > max_exponent),
            body[blocks : blocks + parameters] < -MAX_MANTISSA,
            body[blocks + parameters :] != 0,
        )
    )
    return int(values.argmax()) if values.any() else None
