"""What a verifier found, as others can check it: a document that a charge before the jury names by its digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec import documents
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import Commitment

MAX_EVIDENCE_BYTES: Final = 16 * 1024
_KIND: Final = "cupel.evidence.v1"


@dataclass(frozen=True, slots=True)
class EvidenceDocument:
    """What a verifier found, and where. Whoever fetches the commitment's files can find it again."""

    chain_id: int
    hub: str
    task: bytes
    node: str
    commitment: Commitment
    accuser: str
    check: str
    reason: str
    rollout: int
    """Index of the rollout, or WHOLE_SUBMISSION."""
    observed: str
    allowed: str
    detail: str

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return documents.encode(_KIND, self)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what a jury is told, and the document's address."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> EvidenceDocument:
        """Inverse of `to_bytes`. Rejected(SIZE, ENCODING, SCHEMA)."""
        return documents.decode(cls, _KIND, data, MAX_EVIDENCE_BYTES)
