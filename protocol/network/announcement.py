"""What gossip carries: hints that something new can be fetched.

The truth is on the chain. An announcement saves its readers a poll, a forged one costs them one bounded fetch, and
a lost one costs them the wait for the chain's event.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from eth_utils.address import is_checksum_address

from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import Cid

# An announcement takes some 300 bytes; the rest is room for later versions.
MAX_ANNOUNCEMENT_BYTES: Final = 4096
MAX_ROUND: Final = 2**32 - 1
_KEYS: Final = {"kind", "task", "account", "round", "cid"}


class AnnouncementKind(StrEnum):
    """What the address leads to."""

    SUBMISSION = "submission"
    CHECKPOINT = "checkpoint"
    SPEC = "spec"
    EVIDENCE = "evidence"
    ATTESTATION = "attestation"


@dataclass(frozen=True, slots=True)
class Announcement:
    """`account` says that the content at `cid` can be fetched."""

    kind: AnnouncementKind
    task: bytes
    """Task id, 32 bytes."""
    account: str
    """Checksum address of who claims to announce: unproven."""
    round: int
    """Round of a submission, an attested one too; version of a checkpoint, else 0."""
    cid: Cid

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return canonical_json(
            {
                "kind": self.kind.value,
                "task": self.task.hex(),
                "account": self.account,
                "round": self.round,
                "cid": str(self.cid),
            }
        )

    @classmethod
    def from_bytes(cls, message: bytes) -> Announcement:
        """Inverse of `to_bytes`. Rejected(SIZE, ENCODING, CID) or Rejected(SCHEMA)."""
        document = parse_canonical_json(message, MAX_ANNOUNCEMENT_BYTES)
        if set(document) != _KEYS:
            raise Rejected(Reason.SCHEMA, "not an announcement")
        return cls(
            kind=_kind(document["kind"]),
            task=_task(document["task"]),
            account=_account(document["account"]),
            round=_round(document["round"]),
            cid=Cid.parse(_text(document["cid"])),
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Rejected(Reason.SCHEMA, "not a string")
    return value


def _kind(value: Any) -> AnnouncementKind:
    try:
        return AnnouncementKind(_text(value))
    except ValueError:
        raise Rejected(Reason.SCHEMA, "unknown kind of announcement") from None


def _task(value: Any) -> bytes:
    text = _text(value)
    if len(text) != 64 or any(character not in "0123456789abcdef" for character in text):
        raise Rejected(Reason.SCHEMA, "a task id is 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def _account(value: Any) -> str:
    if not is_checksum_address(_text(value)):
        raise Rejected(Reason.SCHEMA, "not a checksum address")
    return _text(value)


def _round(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_ROUND:
        raise Rejected(Reason.SCHEMA, "not a round")
    return value
