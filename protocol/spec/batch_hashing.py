"""keccak-256 of many pieces of one size at once: what large trees are made of.

In C where that is compiled (`hashing`), one after the other elsewhere: the same bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec import hashing
from cupel.protocol.spec.hashing import keccak256

HASH_BYTES = 32
Bytes = npt.NDArray[np.uint8]


def keccak256_each(prefix: bytes, pieces: Bytes) -> Bytes:
    """Hashes [N, 32] of a byte and each of the pieces [N, S], S at least 1."""
    assert len(prefix) == 1, f"a prefix of {len(prefix)} bytes"
    digests = np.empty((len(pieces), HASH_BYTES), np.uint8)
    if hashing.IS_COMPILED:
        hashing.kernel.each(prefix[0], pieces.shape[1], np.ascontiguousarray(pieces), digests)
        return digests
    for piece, digest in zip(pieces, digests, strict=True):
        digest[:] = np.frombuffer(keccak256(prefix + piece.tobytes()), np.uint8)
    return digests
