"""The same blocks at half the size: four-bit mantissas, two to a byte.

An update is what blocks.py says it is, with mantissas from -7 to 7. -8 is left out, as -128 is there.

File: exponents, one byte each, biased by -MIN_EXPONENT; then the mantissas as two's complement nibbles, the earlier
coordinate in the high one. Its length follows from the number of parameters, so there is no header: 17 bytes a block,
4.25 bits a parameter.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco.blocks import BLOCK, MIN_EXPONENT, Update, encode_update, num_blocks
from cupel.protocol.spec.errors import Reason, Rejected

MAX_INT4_MANTISSA: Final = 7
BLOCK_BYTES: Final = 1 + BLOCK // 2


def num_int4_bytes(num_parameters: int) -> int:
    """Length of the file."""
    return num_blocks(num_parameters) * BLOCK_BYTES


def encode_int4(flat: npt.NDArray[np.float32], max_exponent: int) -> tuple[Update, npt.NDArray[np.float32]]:
    """Quantise `flat` (float32 [parameters], finite); returns the update and what it leaves out."""
    return encode_update(flat, max_exponent, MAX_INT4_MANTISSA)


def int4_to_bytes(update: Update) -> bytes:
    """Canonical bytes of the update file."""
    assert np.abs(update.mantissas).max(initial=0) <= MAX_INT4_MANTISSA
    nibbles = update.mantissas.view(np.uint8) & 0xF
    packed = nibbles[0::2] << 4 | nibbles[1::2]
    return (update.exponents - MIN_EXPONENT).astype(np.uint8).tobytes() + packed.tobytes()


def int4_from_bytes(data: bytes, num_parameters: int, max_exponent: int) -> Update:
    """Inverse of `int4_to_bytes`, for a peer's file.

    Rejected(SIZE) for any other length; Rejected(UPDATE) for a mantissa of -8, an exponent outside [MIN_EXPONENT,
    max_exponent] or padding that is not zero.
    """
    if len(data) != num_int4_bytes(num_parameters):
        raise Rejected(Reason.SIZE, f"update of {len(data)} bytes for {num_parameters} parameters")
    blocks = num_blocks(num_parameters)
    biased = np.frombuffer(data, dtype=np.uint8, count=blocks)
    if biased.max(initial=0) > max_exponent - MIN_EXPONENT:
        raise Rejected(Reason.UPDATE, f"an exponent outside [{MIN_EXPONENT}, {max_exponent}]")
    packed = np.frombuffer(data, dtype=np.uint8, offset=blocks)
    nibbles = np.stack((packed >> 4, packed & 0xF), axis=1).reshape(-1).astype(np.int8)
    # Flipping the sign bit and taking it away again extends it.
    mantissas = ((nibbles ^ 8) - 8).astype(np.int8)
    if mantissas.min(initial=0) < -MAX_INT4_MANTISSA:
        raise Rejected(Reason.UPDATE, "a mantissa is -8")
    if mantissas[num_parameters:].any():
        raise Rejected(Reason.UPDATE, "padding is not zero")
    return Update(mantissas, (biased.astype(np.int16) + MIN_EXPONENT).astype(np.int8))
