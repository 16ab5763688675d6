"""What a jury is told: which rollout, what for, and the digest of a document that says more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError

from cupel.protocol.spec.errors import Reason, Rejected

WHOLE_SUBMISSION: Final = 2**32 - 1
"""Rollout index that names none in particular."""
_ABI: Final = ("uint32", "string", "bytes32")


@dataclass(frozen=True, slots=True)
class JuryEvidence:
    """Evidence as the JuryJudge takes it."""

    rollout: int | None
    reason: str
    digest: bytes
    """SHA-256 of an evidence document; says nothing about whether it can be fetched."""

    def to_bytes(self) -> bytes:
        """The bytes that go with a challenge."""
        index = WHOLE_SUBMISSION if self.rollout is None else self.rollout
        return abi_encode(_ABI, (index, self.reason, self.digest))

    @classmethod
    def from_bytes(cls, evidence: bytes) -> JuryEvidence:
        """Inverse of `to_bytes`, for any challenger's bytes. Rejected(ENCODING)."""
        try:
            index, reason, digest = abi_decode(_ABI, evidence)
        except (DecodingError, OverflowError, UnicodeDecodeError) as error:
            raise Rejected(Reason.ENCODING, f"not evidence for a jury: {error}") from None
        return cls(None if index == WHOLE_SUBMISSION else index, reason, digest)
