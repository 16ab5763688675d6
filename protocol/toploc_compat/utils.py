"""The digest of a file."""

from __future__ import annotations

import hashlib


def sha256sum(filename: str, chunk_size: int = 65536) -> str:
    """SHA-256 of a file in hexadecimal, read `chunk_size` bytes at a time."""
    digest = hashlib.sha256()
    with open(filename, "rb", buffering=0) as file:
        while block := file.read(chunk_size):
            digest.update(block)
    return digest.hexdigest()
