"""A TOPLOC proof and its one encoding, byte-compatible with the toploc package where that is sound.

    bytes 0-1            modulus, big-endian, always 65497
    bytes 2+2j, 3+2j     coefficient c_j, big-endian, below 65497; j = 0 .. k-1

The package folds indices by a modulus the prover chooses; here a chunk has at most 65497 elements, so the modulus is
pinned. Decoding accepts one byte string per polynomial and refuses degenerate ones, which pass for proofs without
any computation.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.toploc.polynomial import PRIME

MODULUS_BYTES: Final = 2
COEFFICIENT_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Proof:
    """The polynomial through a chunk's support: coefficients ascending, each in [0, 65497)."""

    coefficients: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The 2 + 2k bytes."""
        return struct.pack(f">{1 + len(self.coefficients)}H", PRIME, *self.coefficients)

    @property
    def is_degenerate(self) -> bool:
        """Whether the upper half, c_{k/2} .. c_{k-1}, is all zero, as in null and constant polynomials.

        An honest proof of k points has that with chance 65497^-(k - k/2). A single zero at the top happens to one
        honest proof in 65497, so it must not condemn.
        """
        return not any(self.coefficients[len(self.coefficients) // 2 :])


def proof_bytes(k: int) -> int:
    """Length of a proof of k points: 258 at k = 128."""
    return MODULUS_BYTES + COEFFICIENT_BYTES * k


def decode_proof(data: bytes, k: int) -> Proof:
    """Inverse of `Proof.to_bytes` for k points. Rejected as `decode_words`."""
    return decode_words(data, k, PRIME, "H")


def decode_words(data: bytes, k: int, prime: int, word: str) -> Proof:
    """The proof of k points that these words are: the modulus `prime`, then the coefficients.

    word: `struct`'s letter for one. Checked in this order: Rejected(TOPLOC_LENGTH, TOPLOC_MODULUS, TOPLOC_COEFFICIENT,
    TOPLOC_DEGENERATE).
    """
    form = f">{1 + k}{word}"
    size = struct.calcsize(form)
    if len(data) != size:
        raise Rejected(Reason.TOPLOC_LENGTH, f"{len(data)} bytes, not {size}")
    modulus, *coefficients = struct.unpack(form, data)
    if modulus != prime:
        raise Rejected(Reason.TOPLOC_MODULUS, f"modulus {modulus}, not {prime}")
    if max(coefficients) >= prime:
        raise Rejected(Reason.TOPLOC_COEFFICIENT, f"coefficient {max(coefficients)}, not below {prime}")
    proof = Proof(tuple(coefficients))
    if proof.is_degenerate:
        raise Rejected(Reason.TOPLOC_DEGENERATE, f"the upper {k - k // 2} of {k} coefficients are zero")
    return proof


def from_base64(text: str) -> bytes:
    """The bytes of RFC 4648's base64, standard alphabet with padding: the form in which toploc's users send proofs.

    Rejected(TOPLOC_BASE64) for every text but the one the bytes have, so that proofs stay unique as texts.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(Reason.TOPLOC_BASE64, str(error)) from None
    if base64.b64encode(data).decode("ascii") != text:
        raise Rejected(Reason.TOPLOC_BASE64, "not the canonical encoding")
    return data
