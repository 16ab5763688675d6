"""The two hash functions of the protocol.

keccak-256 for what the chain recomputes; SHA-256 for content addresses, which IPFS tools recompute.
"""

from __future__ import annotations

import hashlib

from eth_hash.auto import keccak


def keccak256(data: bytes) -> bytes:
    """Ethereum's keccak-256 of `data`: 32 bytes."""
    return bytes(keccak(data))


def sha256(data: bytes | memoryview) -> bytes:
    """SHA-256 of `data`: 32 bytes."""
    return hashlib.sha256(data).digest()


def domain(text: str) -> bytes:
    """Domain tag of a hash: keccak-256 of an ASCII name, so that no two uses share a preimage."""
    return keccak256(text.encode("ascii"))
