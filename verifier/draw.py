"""Which parts of a submission are looked at: drawn after the commitment, from a secret only we know.

The commitment's block hash is not known before the commitment, the secret never leaves this machine: neither the
node nor anyone it pays can tell beforehand what will be looked at.
"""

from __future__ import annotations

import itertools
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256

AUDIT_DRAW: Final = domain("cupel.audit-draw.v1")
AUDIT_INDEX: Final = domain("cupel.audit-index.v1")
AUDIT_PIECE: Final = domain("cupel.audit-piece.v1")
SECRET_BYTES: Final = 32
# A lie in a tenth of the rollouts escapes 64 draws once in 850 (0.9 ** 64).
DEFAULT_AUDIT_ROLLOUTS: Final = 64


def draw_seed(secret: bytes, block_hash: bytes, task: bytes, node: str, sequence: int) -> bytes:
    """Seed of one submission's draw: 32 bytes. secret: 32 bytes; block_hash: of the block that holds the commitment."""
    return keccak256(words(AUDIT_DRAW, secret, block_hash, task, node, sequence))


def draw(seed: bytes, units: int, count: int) -> tuple[int, ...]:
    """`count` different rollouts out of `units`, or all if there are fewer; ascending.

    Those with the smallest hashes, which is a uniform choice without replacement.
    """
    ranked = sorted(range(units), key=lambda index: keccak256(words(AUDIT_INDEX, seed, index)))
    return tuple(sorted(ranked[:count]))


def draw_pieces(seed: bytes, num_pieces: int, count: int) -> tuple[int, ...]:
    """`count` different pieces of a file, or all if there are fewer; ascending. A file may have billions."""
    if num_pieces <= count:
        return tuple(range(num_pieces))
    drawn: dict[int, None] = {}
    for number in itertools.count():
        if len(drawn) == count:
            return tuple(sorted(drawn))
        drawn[int.from_bytes(keccak256(words(AUDIT_PIECE, seed, number)), "big") % num_pieces] = None
    raise AssertionError("counting does not end")
