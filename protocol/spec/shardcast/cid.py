"""Content identifiers: CIDv1 over SHA-256, as raw blocks or dag-pb nodes, in lower-case base32 text.

One content has one identifier and one spelling of it, so a CID may be compared, hashed and committed to as text.
Source: multiformats CIDv1, multicodec table, multihash; RFC 4648 base32 without padding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected

BytesLike = bytes | bytearray | memoryview

DIGEST_BYTES: Final = 32
# Version, codec, hash function, digest length: every number here is below 128, so each varint is one byte.
_VERSION: Final = 1
_SHA2_256: Final = 0x12
CID_BYTES: Final = 4 + DIGEST_BYTES
# 'b' names the base; 36 bytes are 58 base32 characters without padding.
CID_TEXT_CHARACTERS: Final = 59
# The same few roots are spoken of all the time, and base32 is slow.
_REMEMBERED: Final = 256


class Codec(IntEnum):
    """What the block's bytes are."""

    RAW = 0x55
    DAG_PB = 0x70


@dataclass(frozen=True, slots=True, order=True)
class Cid:
    """The address of a block: its codec and the SHA-256 of its bytes."""

    codec: Codec
    digest: bytes
    """32 bytes."""

    def __post_init__(self) -> None:
        assert len(self.digest) == DIGEST_BYTES, "a CID holds a SHA-256 digest"

    @classmethod
    def raw_of(cls, block: BytesLike) -> Cid:
        """Address of `block` as raw bytes."""
        return cls.of(Codec.RAW, block)

    @classmethod
    def of(cls, codec: Codec, block: BytesLike) -> Cid:
        """Address of `block` under `codec`."""
        return cls(codec, hashlib.sha256(block).digest())

    @classmethod
    def from_digest(cls, digest: bytes) -> Cid:
        """Address of the raw block whose SHA-256 is `digest`: how a digest on the chain is fetched."""
        return cls(Codec.RAW, digest)

    @classmethod
    def from_bytes(cls, binary: bytes) -> Cid:
        """Inverse of `to_bytes`. Rejected(CID) for any other version, codec, hash function or length."""
        if (
            len(binary) != CID_BYTES
            or binary[0] != _VERSION
            or binary[2:4] != bytes((_SHA2_256, DIGEST_BYTES))
        ):
            raise Rejected(Reason.CID, "not a CIDv1 over SHA-256")
        try:
            codec = Codec(binary[1])
        except ValueError:
            raise Rejected(Reason.CID, f"codec {binary[1]:#x} is neither raw nor dag-pb") from None
        return cls(codec, binary[4:])

    @classmethod
    def parse(cls, text: str) -> Cid:
        """The CID that `text` is the canonical spelling of. Rejected(CID) for any other text."""
        if len(text) != CID_TEXT_CHARACTERS or text[0] != "b" or text != text.lower():
            raise Rejected(Reason.CID, f"not {CID_TEXT_CHARACTERS} characters of lower-case base32 text")
        try:
            binary = _binary(text)
        except (binascii.Error, ValueError):
            raise Rejected(Reason.CID, "not base32") from None
        cid = cls.from_bytes(binary)
        # The last character carries two bits that no byte uses; only zeros there are canonical.
        if str(cid) != text:
            raise Rejected(Reason.CID, "not the canonical spelling")
        return cid

    def to_bytes(self) -> bytes:
        """Binary form: 36 bytes."""
        return bytes((_VERSION, self.codec, _SHA2_256, DIGEST_BYTES)) + self.digest

    def addresses(self, block: BytesLike) -> bool:
        """Whether `block` has this address."""
        return hashlib.sha256(block).digest() == self.digest

    def __str__(self) -> str:
        return _text(self.to_bytes())


@lru_cache(_REMEMBERED)
def _text(binary: bytes) -> str:
    return "b" + base64.b32encode(binary).decode("ascii").rstrip("=").lower()


@lru_cache(_REMEMBERED)
def _binary(text: str) -> bytes:
    """Inverse of `_text`, or ValueError for what has no such spelling at all."""
    return base64.b32decode(text[1:].upper() + "=" * 6)
