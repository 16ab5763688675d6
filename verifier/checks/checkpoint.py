"""Whether a posted checkpoint is the version that everyone computes."""

from __future__ import annotations

from typing import Final

from cupel.protocol.spec.errors import Reason
from cupel.verifier.checks.base import Finding

NAME: Final = "checkpoint"


def check_checkpoint(version: int, posted: bytes, canonical: bytes) -> Finding | None:
    """Compare manifest digests; `canonical` is of the version we computed ourselves."""
    if posted == canonical:
        return None
    detail = f"version {version} has another digest"
    return Finding(
        NAME, Reason.CHECKPOINT, detail, observed=f"0x{posted.hex()}", allowed=f"0x{canonical.hex()}"
    )
