"""Bytes that any language can make again from a seed: what golden vectors hash without storing it."""

from __future__ import annotations

from cupel.protocol.spec.hashing import sha256

_STEP = 32


def pattern_bytes(seed: str, size: int) -> bytes:
    """Byte i is byte i mod 32 of sha256(seed || uint64_be(i // 32))."""
    steps = range(-(-size // _STEP))
    return b"".join(sha256(seed.encode() + step.to_bytes(8, "big")) for step in steps)[:size]
