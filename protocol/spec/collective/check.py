"""A keyed check of a result: who has another result has another check, but for a chance of 2^-64 over the key.

NH (Black, Halevi, Krawczyk, Krovetz and Rogaway 1999, UMAC) of each 4096 bytes, in words of 64 bits: a multiplication
for every 16 bytes, so that it costs little more than reading them. It says nothing once the key is known; the key is
therefore drawn by all members together after they have the result. SHA-256 makes one value of the blocks' hashes.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.collective import native
from cupel.protocol.spec.hashing import domain

CHECK: Final = domain("cupel.collective-check.v2")
BLOCK_BYTES: Final = 4096
HASH_BYTES: Final = 16
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(2**32 - 1)
_BLOCKS_AT_ONCE: Final = 64


def check(key: bytes, data: memoryview) -> bytes:
    """32 bytes about `data`, of a length that all know; a last block is continued with zeros."""
    words = hashlib.shake_256(CHECK + key).digest(BLOCK_BYTES)
    whole = data.nbytes // BLOCK_BYTES * BLOCK_BYTES
    rest = bytes(data[whole:])
    found = hashlib.sha256(CHECK + key + block_hashes(words, data[:whole]))
    if rest:
        found.update(block_hashes(words, memoryview(rest.ljust(BLOCK_BYTES, b"\0"))))
    return found.digest()


def block_hashes(key: bytes, blocks: memoryview) -> bytes:
    """NH of whole blocks, 16 bytes each. key: BLOCK_BYTES."""
    hashes = bytearray(blocks.nbytes // BLOCK_BYTES * HASH_BYTES)
    if native.IS_COMPILED:
        native.kernel.hash_blocks(blocks, key, hashes)
        return bytes(hashes)
    step = _BLOCKS_AT_ONCE * BLOCK_BYTES  # what is computed on the way stays in the cache
    parts = (blocks[start : start + step] for start in range(0, blocks.nbytes, step))
    return b"".join(_hashed(key, part).tobytes() for part in parts)


def _hashed(key: bytes, blocks: memoryview) -> npt.NDArray[np.uint64]:
    """Sums over the pairs (a, b) of a block's masked words of a * b, as two words each: [blocks, 2]."""
    words = np.frombuffer(blocks, "<u8").reshape(-1, BLOCK_BYTES // 8) + np.frombuffer(key, "<u8")
    low, high = words & _LOW, words >> _HALF
    a0, a1, b0, b1 = low[:, 0::2], high[:, 0::2], low[:, 1::2], high[:, 1::2]
    lows, crossed, other = a0 * b0, a0 * b1, a1 * b0
    lowest = (lows & _LOW).sum(1)
    middle = (lows >> _HALF).sum(1) + (crossed & _LOW).sum(1) + (other & _LOW).sum(1) + (lowest >> _HALF)
    highest = (a1 * b1).sum(1) + (crossed >> _HALF).sum(1) + (other >> _HALF).sum(1) + (middle >> _HALF)
    return np.stack([(lowest & _LOW) | middle << _HALF, highest], 1).astype("<u8")
