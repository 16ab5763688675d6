"""The two hash functions of the protocol.

keccak-256 for what the chain recomputes; SHA-256 for content addresses, which IPFS tools recompute.
"""

from __future__ import annotations

import hashlib
import threading
from typing import Any, Final

from Crypto.Hash.keccak import _raw_keccak_lib  # type: ignore[attr-defined]  # its types leave out what is in C
from Crypto.Util._raw_api import (
    SmartPointer,
    VoidPointer,
    c_size_t,
    c_ubyte,
    create_string_buffer,
    get_raw_buffer,
)

_BYTES: Final = 32
_ROUNDS: Final = 24
_PADDING: Final = 1
"""Keccak's own; SHA-3 has 6."""


class _Sponge(threading.local):
    """A sponge for every thread, used again for every hash: pycryptodome's own interface makes four Python objects a
    hash, which takes three times as long as the hash itself, and a checkpoint's trees have a hundred thousand."""

    def __init__(self) -> None:
        state = VoidPointer()
        _check(_raw_keccak_lib.keccak_init(state.address_of(), c_size_t(2 * _BYTES), c_ubyte(_ROUNDS)))
        self._owner = SmartPointer(state.get(), _raw_keccak_lib.keccak_destroy)
        self._state: Any = self._owner.get()
        self._digest = create_string_buffer(_BYTES, None)

    def hash(self, data: bytes) -> bytes:
        """keccak-256 of `data`."""
        lib, state = _raw_keccak_lib, self._state
        _check(
            lib.keccak_reset(state)
            | lib.keccak_absorb(state, data, c_size_t(len(data)))
            | lib.keccak_digest(state, self._digest, c_size_t(_BYTES), c_ubyte(_PADDING))
        )
        return get_raw_buffer(self._digest)


def _check(problem: int) -> None:
    assert problem == 0, f"keccak failed with {problem}"


_SPONGE: Final = _Sponge()


def keccak256(data: bytes) -> bytes:
    """Ethereum's keccak-256 of `data`: 32 bytes."""
    return _SPONGE.hash(data)


def sha256(data: bytes | memoryview) -> bytes:
    """SHA-256 of `data`: 32 bytes."""
    return hashlib.sha256(data).digest()


def domain(text: str) -> bytes:
    """Domain tag of a hash: keccak-256 of an ASCII name, so that no two uses share a preimage."""
    return keccak256(text.encode("ascii"))
