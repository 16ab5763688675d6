"""`ProofPoly`, and the arrays of many proofs.

A proof from outside is checked where it is read: no function here or behind it can be made to crash or to read
another number than the bytes say.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.toploc.polynomial import PRIME, evaluate
from cupel.protocol.spec.toploc.proof import from_base64
from cupel.protocol.toploc_compat.errors import InvalidProof
from cupel.protocol.toploc_compat.interpolation import injective_modulus, integers, interpolated

_PATTERN_TYPES = (torch.bfloat16, torch.float16)
_INTEGER_TYPES = (torch.int32, torch.uint32, torch.int64)


class ProofPoly:
    """The polynomial of one chunk, modulo 65497, and the modulus that folds its indices.

    Attributes are 32-bit integers, as in the package (TypeError otherwise); whether they make a proof is asked when
    it is encoded or used.
    """

    __slots__ = ("_coeffs", "_modulus")
    __hash__ = None  # type: ignore[assignment]  # mutable, as in the package

    def __init__(self, coeffs: Sequence[int], modulus: int) -> None:
        self.coeffs = coeffs
        self.modulus = modulus

    @property
    def coeffs(self) -> list[int]:
        """Coefficients, ascending; a copy."""
        return list(self._coeffs)

    @coeffs.setter
    def coeffs(self, coeffs: Sequence[int]) -> None:
        self._coeffs = _int32(coeffs)

    @property
    def modulus(self) -> int:
        """What indices are folded by; 0 in a null proof."""
        return self._modulus

    @modulus.setter
    def modulus(self, modulus: int) -> None:
        (self._modulus,) = _int32([modulus])

    def __call__(self, x: int) -> int:
        """The polynomial at x, which is not folded. InvalidProof(TOPLOC_LENGTH) without coefficients."""
        if not self._coeffs:
            raise InvalidProof(Reason.TOPLOC_LENGTH, "no coefficients")
        return evaluate(self._coeffs, *_int32([x]))

    def __len__(self) -> int:
        return len(self._coeffs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProofPoly):
            return NotImplemented
        return (self._coeffs, self._modulus) == (other._coeffs, other._modulus)

    def __repr__(self) -> str:
        return f"ProofPoly[{self._modulus}]({list(self._coeffs)})"

    def __reduce__(self) -> tuple[type[ProofPoly], tuple[list[int], int]]:
        return type(self), (self.coeffs, self._modulus)

    @staticmethod
    def from_points(x: Sequence[int], y: Sequence[int]) -> ProofPoly:
        """Through the points (x, y), x not negative. ValueError: none, unequal numbers, no injective modulus."""
        places, values = integers(x), integers(y)
        if places and min(places) < 0:
            raise ValueError(f"index {min(places)} is negative")
        modulus = injective_modulus(places, 1)
        return ProofPoly(interpolated([place % modulus for place in places], values), modulus)

    @staticmethod
    def from_points_tensor(x: torch.Tensor, y: torch.Tensor) -> ProofPoly:
        """`from_points` of two vectors: x int32 or int64, y bfloat16 or float16 (their bits), int32, uint32, int64."""
        if x.dim() != 1 or y.dim() != 1:
            raise ValueError("x and y must be 1D tensors")
        if x.dtype not in (torch.int32, torch.int64):
            raise ValueError("x must be an int32 or long tensor")
        if y.dtype in _PATTERN_TYPES:
            y = y.view(torch.int16).to(torch.int32) & 0xFFFF
        elif y.dtype not in _INTEGER_TYPES:
            raise ValueError("y must be of dtype [float16, bfloat16, int32, uint32, long]")
        return ProofPoly.from_points(x.tolist(), y.tolist())

    @staticmethod
    def null(length: int) -> ProofPoly:
        """What a failed build gives: modulus 0 and zeros. No verifier accepts it."""
        return ProofPoly([0] * length, 0)

    @staticmethod
    def from_bytes(data: bytes) -> ProofPoly:
        """Inverse of `to_bytes`, of null proofs too.

        InvalidProof(TOPLOC_LENGTH, TOPLOC_MODULUS above 65497, TOPLOC_COEFFICIENT not below 65497).
        """
        if len(data) < 4 or len(data) % 2:
            raise InvalidProof(Reason.TOPLOC_LENGTH, f"{len(data)} bytes")
        modulus, *coeffs = struct.unpack(f">{len(data) // 2}H", data)
        if modulus > PRIME:
            raise InvalidProof(Reason.TOPLOC_MODULUS, f"modulus {modulus}, at most {PRIME}")
        if max(coeffs) >= PRIME:
            raise InvalidProof(Reason.TOPLOC_COEFFICIENT, f"coefficient {max(coeffs)}, not below {PRIME}")
        return ProofPoly(coeffs, modulus)

    @staticmethod
    def from_base64(base64_str: str) -> ProofPoly:
        """Inverse of `to_base64`. InvalidProof(TOPLOC_BASE64, and those of `from_bytes`)."""
        return ProofPoly.from_bytes(decode_base64(base64_str))

    def to_bytes(self) -> bytes:
        """2 + 2k bytes, big-endian. InvalidProof(TOPLOC_MODULUS, TOPLOC_COEFFICIENT) beyond 16 bits."""
        if not 0 <= self._modulus <= 0xFFFF:
            raise InvalidProof(Reason.TOPLOC_MODULUS, f"modulus {self._modulus}")
        if not all(0 <= value <= 0xFFFF for value in self._coeffs):
            raise InvalidProof(Reason.TOPLOC_COEFFICIENT, "a coefficient is not of 16 bits")
        return struct.pack(f">{1 + len(self._coeffs)}H", self._modulus, *self._coeffs)

    def to_base64(self) -> str:
        """`to_bytes` in the standard alphabet of RFC 4648."""
        return base64.b64encode(self.to_bytes()).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Bytes of the one text RFC 4648 gives them; InvalidProof(TOPLOC_BASE64) for every other."""
    try:
        return from_base64(text)
    except Rejected as rejected:
        raise InvalidProof(rejected.reason, rejected.detail) from None


def proof_words(proofs: Sequence[bytes], topk: int) -> npt.NDArray[np.int64]:
    """Modulus and coefficients of each proof, [C, 1 + topk]. InvalidProof(TOPLOC_LENGTH)."""
    size = 2 + 2 * topk
    for position, proof in enumerate(proofs):
        if len(proof) != size:
            raise InvalidProof(Reason.TOPLOC_LENGTH, f"proof {position}: {len(proof)} bytes, not {size}")
    return np.frombuffer(b"".join(proofs), dtype=">u2").reshape(len(proofs), 1 + topk).astype(np.int64)


def poly_words(proofs: Sequence[ProofPoly], topk: int) -> npt.NDArray[np.int64]:
    """`proof_words` of decoded proofs."""
    for position, proof in enumerate(proofs):
        if len(proof) != topk:
            raise InvalidProof(
                Reason.TOPLOC_LENGTH, f"proof {position}: {len(proof)} coefficients, not {topk}"
            )
    rows = [(proof.modulus, *proof.coeffs) for proof in proofs]
    return np.array(rows, dtype=np.int64).reshape(len(rows), 1 + topk)


def check_words(words: npt.NDArray[np.int64]) -> None:
    """InvalidProof(TOPLOC_MODULUS, TOPLOC_COEFFICIENT) unless every row is a proof that can be used."""
    moduli, coefficients = words[:, 0], words[:, 1:]
    for position in np.flatnonzero((moduli < 1) | (moduli > PRIME)):
        detail = f"proof {position}: modulus {moduli[position]}, not in [1, {PRIME}]"
        raise InvalidProof(Reason.TOPLOC_MODULUS, detail)
    for position in np.flatnonzero(((coefficients < 0) | (coefficients >= PRIME)).any(axis=1)):
        detail = f"proof {position}: a coefficient is not in [0, {PRIME})"
        raise InvalidProof(Reason.TOPLOC_COEFFICIENT, detail)


def encode_words(words: npt.NDArray[np.int64]) -> list[bytes]:
    """The bytes of each row: modulus, coefficients."""
    return [row.tobytes() for row in words.astype(">u2")]


def _int32(values: Sequence[int]) -> tuple[int, ...]:
    exact = tuple(integers(values))
    if exact and not -(2**31) <= min(exact) <= max(exact) < 2**31:
        raise TypeError("an integer is not of 32 bits")
    return exact
