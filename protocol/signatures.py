"""Signatures over a hash as documents carry them: r and s of 32 bytes each, and a parity."""

from __future__ import annotations

from typing import Final

from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_typing import Hash32
from eth_utils.exceptions import ValidationError

from cupel.protocol.spec.errors import Reason, Rejected

_RECOVERY_BASE: Final = 27


def sign(account: LocalAccount, digest: bytes) -> tuple[bytes, bytes, int]:
    """r, s and parity of the account's signature over a 32-byte digest."""
    signed = account.unsafe_sign_hash(Hash32(digest))
    return signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"), signed.v - _RECOVERY_BASE


def signer(digest: bytes, r: bytes, s: bytes, parity: int) -> str:
    """Checksum address that signed. Rejected(SCHEMA) for what no key makes."""
    numbers = (parity, int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    try:
        key = Signature(vrs=numbers).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError) as error:
        raise Rejected(Reason.SCHEMA, f"not a signature: {error}") from None
    return str(key.to_checksum_address())
