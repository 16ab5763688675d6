"""From one canonical version to the next: the sum of the accepted updates, exactly, as one small file.

Whoever holds a version makes the next one from it, bit for bit. One file instead of an update from each node, and a
fraction of a checkpoint: a sum of n updates takes their eight bits, log2(n) more, and as many as the exponents within a
block differ.

Coordinates are those of the updates: flat in canonical order, zero padded to whole blocks of 32, int64 in units of
2^-32. Each block stores its values without their common factor 2^shift, in two's complement of `width` bits.

File: safetensors with count int32 [1] (of updates), shifts and widths uint8 [blocks], and data uint8 [4 * sum of
widths]: for each width in ascending order, of the blocks that have it, in order: `width // 8` planes of one byte a
value, the low byte first, [blocks of this width, 32] each; then the rest of `width % 8` bits, eight values to as many
bytes, the first value in the lowest bits, little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cupel.protocol.spec.diloco.blocks import BLOCK, MAX_MANTISSA, num_blocks
from cupel.protocol.spec.diloco.outer import MAX_UPDATES, MOMENTUM_FRACTION_BITS
from cupel.protocol.spec.errors import Reason, Rejected

# 2^16 updates of coordinates below 2^39 sum below 2^55; one bit more for the sign.
MAX_WIDTH: Final = 56
_GROUP: Final = 8
_HEADER_ALLOWANCE: Final = 1024
_NAMES: Final = {"count", "shifts", "widths", "data"}


@dataclass(frozen=True, slots=True)
class Delta:
    """The sum of a round's accepted updates."""

    total: npt.NDArray[np.int64]
    """[parameters], in units of 2^-32."""
    count: int
    """How many updates, at least one."""


def max_delta_bytes(num_parameters: int) -> int:
    """Size of the largest file that `delta_from_bytes` looks at."""
    return num_blocks(num_parameters) * (2 + MAX_WIDTH * BLOCK // 8) + _HEADER_ALLOWANCE


def delta_to_bytes(delta: Delta) -> bytes:
    """Canonical bytes of the delta."""
    values = np.zeros((num_blocks(delta.total.size), BLOCK), dtype=np.int64)
    values.reshape(-1)[: delta.total.size] = delta.total
    shifts, widths = _fit(values)
    parts = [
        _pack(values[widths == width] >> _column(shifts[widths == width]), width) for width in _used(widths)
    ]
    data = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint8)
    return _save(delta.count, shifts, widths, data)


def delta_from_bytes(file: bytes, num_parameters: int) -> Delta:
    """Inverse of `delta_to_bytes`, for a peer's file.

    Rejected(SIZE) for a file larger than any valid one; Rejected(UPDATE) for anything but the canonical bytes of a sum
    that so many updates can have.
    """
    if len(file) > max_delta_bytes(num_parameters):
        raise Rejected(Reason.SIZE, f"delta of {len(file)} bytes for {num_parameters} parameters")
    count, shifts, widths, data = _load(file, num_blocks(num_parameters))
    values = np.zeros((shifts.size, BLOCK), dtype=np.int64)
    start = 0
    for width in _used(widths):
        chosen = widths == width
        end = start + int(chosen.sum()) * width * BLOCK // 8
        values[chosen] = _unpack(data[start:end], width) << _column(shifts[chosen])
        start = end
    most = count * MAX_MANTISSA << MOMENTUM_FRACTION_BITS
    if values.min(initial=0) < -most or values.max(initial=0) > most:
        raise Rejected(Reason.UPDATE, f"a sum that {count} updates cannot have")
    flat = values.reshape(-1)
    if flat[num_parameters:].any():
        raise Rejected(Reason.UPDATE, "padding is not zero")
    # Given the widths, values and data are one to one: this makes the file the only one of its values.
    if any(not np.array_equal(*pair) for pair in zip(_fit(values), (shifts, widths), strict=True)):
        raise Rejected(Reason.UPDATE, "not the shortest form of a delta")
    return Delta(flat[:num_parameters], count)


def _fit(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Shift and width of each block, both as large and as small as can be; zero for a block of zeros."""
    either = np.bitwise_or.reduce(values, axis=1)
    lowest = either & -either
    shifts = np.maximum(_bit_length(lowest) - 1, 0)
    # A negative number takes as many bits as the number of ones' complement that it is, and all take a sign.
    largest = np.bitwise_or.reduce(values ^ (values >> 63), axis=1)
    widths = np.where(either == 0, 0, np.maximum(_bit_length(largest) - shifts, 0) + 1)
    return shifts.astype(np.uint8), widths.astype(np.uint8)


def _bit_length(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of numbers from zero up."""
    rest, length = numbers.copy(), np.zeros(numbers.size, dtype=np.int64)
    for step in (32, 16, 8, 4, 2, 1):
        reaches = (rest >> step) > 0
        length += step * reaches
        rest = np.where(reaches, rest >> step, rest)
    return np.asarray(length + (rest > 0), dtype=np.int64)


def _pack(values: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    """Values [blocks, 32] in `width` bits each: uint8 [blocks * 4 * width]."""
    planes = [(values >> 8 * plane).astype(np.uint8).reshape(-1) for plane in range(width // 8)]
    rest = width % 8
    if rest:
        top = (values >> 8 * (width // 8)) & ((1 << rest) - 1)
        groups = top.reshape(-1, _GROUP).astype(np.uint64)
        joined = np.bitwise_or.reduce(groups << _lanes(rest), axis=1)
        planes.append(joined.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :rest].reshape(-1))
    return np.concatenate(planes)


def _unpack(data: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.int64]:
    """Inverse of `_pack`: int64 [blocks, 32]."""
    blocks, rest = data.size * 8 // (width * BLOCK), width % 8
    values = np.zeros(blocks * BLOCK, dtype=np.int64)
    for plane in range(width // 8):
        part = data[plane * values.size : (plane + 1) * values.size]
        values |= part.astype(np.int64) << 8 * plane
    if rest:
        words = np.zeros((values.size // _GROUP, 8), dtype=np.uint8)
        words[:, :rest] = data[width // 8 * values.size :].reshape(-1, rest)
        lanes = words.view("<u8") >> _lanes(rest) & np.uint64((1 << rest) - 1)
        values |= lanes.reshape(-1).astype(np.int64) << 8 * (width // 8)
    # The top bit of a value is its sign.
    spare = 64 - width
    return (values << spare >> spare).reshape(blocks, BLOCK)


def _lanes(bits: int) -> npt.NDArray[np.uint64]:
    return np.arange(_GROUP, dtype=np.uint64) * np.uint64(bits)


def _column(shifts: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    return shifts.astype(np.int64)[:, None]


def _used(widths: npt.NDArray[np.uint8]) -> list[int]:
    return [int(width) for width in np.unique(widths) if width]


def _save(
    count: int,
    shifts: npt.NDArray[np.uint8],
    widths: npt.NDArray[np.uint8],
    data: npt.NDArray[np.uint8],
) -> bytes:
    return save(
        {"count": np.array([count], dtype=np.int32), "shifts": shifts, "widths": widths, "data": data}
    )


def _load(
    file: bytes, blocks: int
) -> tuple[int, npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    try:
        arrays = load(file)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Rejected(Reason.UPDATE, f"not a safetensors file: {error}") from None
    if set(arrays) != _NAMES:
        raise Rejected(Reason.UPDATE, f"arrays {sorted(arrays)}, expected {sorted(_NAMES)}")
    count = arrays["count"]
    shifts, widths, data = (
        arrays[name].astype(np.uint8, copy=False) for name in ("shifts", "widths", "data")
    )
    if (
        count.dtype != np.int32
        or count.shape != (1,)
        or any(
            arrays[name].dtype != np.uint8 or arrays[name].shape != (length,)
            for name, length in (("shifts", blocks), ("widths", blocks), ("data", data.size))
        )
    ):
        raise Rejected(Reason.UPDATE, "arrays of another type or shape than a delta's")
    number = int(count.astype(np.int64)[0])
    if not 1 <= number <= MAX_UPDATES:
        raise Rejected(Reason.UPDATE, f"a sum of {number} updates")
    if (
        widths.max(initial=0) > MAX_WIDTH
        or int((shifts.astype(np.int64) + widths).max(initial=0)) > MAX_WIDTH
    ):
        raise Rejected(Reason.UPDATE, f"a value wider than {MAX_WIDTH} bits")
    if data.shape != (int(widths.sum(dtype=np.int64)) * BLOCK // 8,):
        raise Rejected(Reason.UPDATE, "not as much data as the widths say")
    if _save(number, shifts, widths, data) != file:
        raise Rejected(Reason.UPDATE, "not the canonical bytes of a delta")
    return number, shifts, widths, data
