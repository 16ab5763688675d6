"""keccak-256 of many pieces of one size at once: what large trees are made of.

In C where a compiler was found at installation (`kernel/keccak.c`), by the library of `hashing` elsewhere: the same
bytes, ten times slower, nearly all of it in making objects for each hash.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.hashing import keccak256

try:
    from cupel.protocol.spec import _keccak
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True

HASH_BYTES = 32
Bytes = npt.NDArray[np.uint8]


def keccak256_each(prefix: bytes, pieces: Bytes) -> Bytes:
    """Hashes [N, 32] of a byte and each of the pieces [N, S], S at least 1."""
    assert len(prefix) == 1, f"a prefix of {len(prefix)} bytes"
    digests = np.empty((len(pieces), HASH_BYTES), np.uint8)
    if IS_COMPILED:
        _keccak.each(prefix[0], pieces.shape[1], np.ascontiguousarray(pieces), digests)
        return digests
    for piece, digest in zip(pieces, digests, strict=True):
        digest[:] = np.frombuffer(keccak256(prefix + piece.tobytes()), np.uint8)
    return digests
