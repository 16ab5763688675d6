"""A node's update as its largest coordinates only, two bits each (after SparseLoCo, arXiv 2508.15706).

Flat coordinates fall into chunks of 64; the last one may be shorter. Of each chunk the `kept` largest are sent (all of
a chunk that has no more), as +-3 or +-5 times a power of two that the chunk shares: with one exponent for so few
numbers of like size these two levels lose about 3 % of their energy. Everything else waits in the remainder, so error
feedback is not an option here but the mechanism.

File: a record of bits per chunk, the first bit highest, zero bits up to a whole byte at the very end.
    6 bits               0 for a chunk of zeros, whose other bits are zero; else the exponent - MIN_EXPONENT + 1
    log2 C(length, kept) the set of positions, as numbered by subsets.py; rounded up to whole bits
    2 bits a position    sign, then 1 for the larger level
8 of 64 take 55 bits, 0.86 a parameter; 2 of 64 take 21, 0.33 a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco.blocks import (
    BLOCK,
    MAX_EXPONENT,
    MIN_EXPONENT,
    Update,
    decode_update,
    num_blocks,
)
from cupel.protocol.spec.diloco.subsets import num_subsets, subset_numbers, subset_positions
from cupel.protocol.spec.errors import Reason, Rejected

CHUNK: Final = 64
MAX_KEPT: Final = 16
SMALL, LARGE = 3, 5
EXPONENT_BITS: Final = 6

Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Record:
    """Shape of the records of chunks of one length."""

    length: int
    kept: int

    @property
    def position_bits(self) -> int:
        """Bits of a set of positions."""
        return (num_subsets(self.length, self.kept) - 1).bit_length()

    @property
    def bits(self) -> int:
        """Bits of a record."""
        return EXPONENT_BITS + self.position_bits + 2 * self.kept


def records_of(num_parameters: int, kept: int) -> list[tuple[Record, int]]:
    """Shapes of the records and how many of each there are: the whole chunks, then the rest if any."""
    assert 1 <= kept <= MAX_KEPT, f"{kept} of {CHUNK} kept"
    whole, rest = divmod(num_parameters, CHUNK)
    shapes = [(Record(CHUNK, kept), whole)] if whole else []
    return shapes + ([(Record(rest, min(kept, rest)), 1)] if rest else [])


def num_sparse_bytes(num_parameters: int, kept: int) -> int:
    """Length of the file."""
    return -(-sum(record.bits * count for record, count in records_of(num_parameters, kept)) // 8)


def encode_sparse(
    flat: npt.NDArray[np.float32], kept: int, max_exponent: int
) -> tuple[Update, npt.NDArray[np.float32]]:
    """Keep the largest coordinates of `flat` (float32 [parameters], finite); returns the update and what it leaves out.

    The exponent of a chunk is the one in [MIN_EXPONENT, max_exponent] that loses least. Of equals the earlier
    coordinate is kept.
    """
    assert MIN_EXPONENT <= max_exponent <= MAX_EXPONENT, f"exponent bound {max_exponent}"
    assert np.isfinite(flat).all(), "training diverged: the update is not finite"
    parts, start = [], 0
    for record, count in records_of(flat.size, kept):
        end = start + count * record.length
        values = flat[start:end].astype(np.float64).reshape(count, record.length)
        parts.append(_quantise(values, record.kept, max_exponent))
        start = end
    update = _update(parts, flat.size)
    return update, flat - decode_update(update, flat.size)


def sparse_to_bytes(update: Update, num_parameters: int, kept: int) -> bytes:
    """Canonical bytes of the update file."""
    streams, start = [], 0
    exponents = np.repeat(update.exponents, BLOCK)
    for record, count in records_of(num_parameters, kept):
        end = start + count * record.length
        shape = (count, record.length)
        mantissas = update.mantissas[start:end].reshape(shape)
        streams.append(_to_bits(mantissas, exponents[start:end].reshape(shape)[:, 0], record).reshape(-1))
        start = end
    return np.packbits(np.concatenate(streams)).tobytes() if streams else b""


def sparse_from_bytes(data: bytes, num_parameters: int, kept: int, max_exponent: int) -> Update:
    """Inverse of `sparse_to_bytes`, for a peer's file.

    Rejected(SIZE) for any other length; Rejected(UPDATE) for an exponent above `max_exponent`, a number that is no
    set of positions, and bits that are set in a chunk of zeros or after the last record.
    """
    if len(data) != num_sparse_bytes(num_parameters, kept):
        raise Rejected(Reason.SIZE, f"update of {len(data)} bytes for {num_parameters} parameters")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    parts, start = [], 0
    for record, count in records_of(num_parameters, kept):
        end = start + count * record.bits
        parts.append(_from_bits(bits[start:end].reshape(count, record.bits), record, max_exponent))
        start = end
    if bits[start:].any():
        raise Rejected(Reason.UPDATE, "bits after the last record")
    return _update(parts, num_parameters)


def _quantise(
    values: npt.NDArray[np.float64], kept: int, max_exponent: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Mantissas int8 [chunks, length] and exponents int8 [chunks] of values float64 [chunks, length]."""
    largest = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :kept]
    magnitudes = np.abs(np.take_along_axis(values, largest, axis=1))
    peaks = magnitudes.max(axis=1)
    highest = np.frexp(peaks / LARGE)[1]
    best, losses = np.zeros_like(highest), np.full(len(values), np.inf)
    for lower in range(3):
        exponents = (highest - lower).clip(MIN_EXPONENT, max_exponent)
        levels = np.ldexp(_level(magnitudes, exponents), exponents[:, None])
        loss = ((magnitudes - levels) ** 2).sum(axis=1)
        best, losses = np.where(loss < losses, exponents, best), np.minimum(loss, losses)
    signs = np.where(np.take_along_axis(values, largest, axis=1) < 0, -1, 1)
    mantissas = np.zeros(values.shape, dtype=np.int8)
    np.put_along_axis(mantissas, largest, (signs * _level(magnitudes, best)).astype(np.int8), axis=1)
    mantissas[peaks == 0] = 0
    return mantissas, np.where(peaks == 0, MIN_EXPONENT, best).astype(np.int8)


def _level(magnitudes: npt.NDArray[np.float64], exponents: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """The nearer level of each magnitude, in units of its chunk."""
    middle = np.ldexp((SMALL + LARGE) / 2, exponents)[:, None]
    return np.where(magnitudes > middle, LARGE, SMALL)


def _to_bits(mantissas: npt.NDArray[np.int8], exponents: npt.NDArray[np.int8], record: Record) -> Bits:
    """Bits [chunks, record.bits]."""
    bits = np.zeros((len(mantissas), record.bits), dtype=np.uint8)
    used = mantissas.any(axis=1)
    assert ((mantissas[used] != 0).sum(axis=1) == record.kept).all(), "not an update of this many coordinates"
    positions = np.nonzero(mantissas[used])[1].reshape(-1, record.kept)
    values = np.take_along_axis(mantissas[used], positions, axis=1)
    assert np.isin(np.abs(values), (SMALL, LARGE)).all(), "not the levels of a sparse update"
    codes = (values < 0) << 1 | (np.abs(values) == LARGE)
    fields = (
        _bits_of(exponents[used].astype(np.int64) - MIN_EXPONENT + 1, EXPONENT_BITS),
        _bits_of(subset_numbers(positions, record.length), record.position_bits),
        _bits_of(codes.astype(np.int64).reshape(-1), 2).reshape(len(values), 2 * record.kept),
    )
    bits[used] = np.concatenate(fields, axis=1)
    return bits


def _from_bits(
    bits: Bits, record: Record, max_exponent: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Inverse of `_to_bits`: mantissas and exponents. Rejected(UPDATE)."""
    biased = _numbers_of(bits[:, :EXPONENT_BITS])
    if biased.max(initial=0) > max_exponent - MIN_EXPONENT + 1:
        raise Rejected(Reason.UPDATE, f"an exponent outside [{MIN_EXPONENT}, {max_exponent}]")
    used = biased > 0
    if bits[~used].any():
        raise Rejected(Reason.UPDATE, "a chunk of zeros with bits set")
    end = EXPONENT_BITS + record.position_bits
    numbers = _numbers_of(bits[used, EXPONENT_BITS:end])
    if numbers.max(initial=0) >= num_subsets(record.length, record.kept):
        raise Rejected(Reason.UPDATE, "a number that is no set of positions")
    pairs = bits[used, end:].reshape(-1, record.kept, 2).astype(np.int8)
    values = (1 - 2 * pairs[..., 0]) * (SMALL + (LARGE - SMALL) * pairs[..., 1])
    chosen = np.zeros((len(values), record.length), dtype=np.int8)
    positions = subset_positions(numbers, record.length, record.kept)
    np.put_along_axis(chosen, positions, values.astype(np.int8), axis=1)
    mantissas = np.zeros((len(bits), record.length), dtype=np.int8)
    mantissas[used] = chosen
    return mantissas, np.where(used, biased + MIN_EXPONENT - 1, MIN_EXPONENT).astype(np.int8)


def _update(parts: list[tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]], num_parameters: int) -> Update:
    """The update in blocks: each chunk's exponent for both of its blocks."""
    blocks = num_blocks(num_parameters)
    mantissas = np.zeros(blocks * BLOCK, dtype=np.int8)
    exponents = np.full(2 * (blocks // 2 + 1), MIN_EXPONENT, dtype=np.int8)
    coordinate = chunk = 0
    for values, own in parts:
        mantissas[coordinate : coordinate + values.size] = values.reshape(-1)
        exponents[2 * chunk : 2 * (chunk + len(own))] = np.repeat(own, CHUNK // BLOCK)
        coordinate, chunk = coordinate + values.size, chunk + len(own)
    return Update(mantissas, exponents[:blocks])


def _bits_of(numbers: npt.NDArray[np.int64], width: int) -> Bits:
    """Binary digits, highest first: [rows, width]."""
    return (numbers[:, None] >> np.arange(width - 1, -1, -1) & 1).astype(np.uint8)


def _numbers_of(bits: Bits) -> npt.NDArray[np.int64]:
    """Inverse of `_bits_of`."""
    return bits.astype(np.int64) @ (np.int64(1) << np.arange(bits.shape[1] - 1, -1, -1, dtype=np.int64))
