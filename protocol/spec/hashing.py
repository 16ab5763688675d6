"""The two hash functions of the protocol.

keccak-256 for what the chain recomputes; SHA-256 for content addresses, which IPFS tools recompute. keccak-256 is C of
ours where a compiler was found at installation (`kernel/keccak.c`), and a library elsewhere: the same bytes, ten and
more times slower for short ones, nearly all of it in making an object for each hash.
"""

from __future__ import annotations

import hashlib

from eth_hash.auto import keccak

try:
    from cupel.protocol.spec import _keccak as kernel
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True

__all__ = ["IS_COMPILED", "domain", "keccak256", "kernel", "sha256"]


def keccak256(data: bytes) -> bytes:
    """Ethereum's keccak-256 of `data`: 32 bytes."""
    return kernel.digest(data) if IS_COMPILED else bytes(keccak(data))


def sha256(data: bytes | memoryview) -> bytes:
    """SHA-256 of `data`: 32 bytes."""
    return hashlib.sha256(data).digest()


def domain(text: str) -> bytes:
    """Domain tag of a hash: keccak-256 of an ASCII name, so that no two uses share a preimage."""
    return keccak256(text.encode("ascii"))
