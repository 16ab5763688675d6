"""Announcements: bounded, canonical, and nothing but what they say."""

from typing import Any

import pytest

from cupel.protocol.network.announcement import MAX_ANNOUNCEMENT_BYTES, Announcement, AnnouncementKind
from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid

ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
ANNOUNCEMENT = Announcement(AnnouncementKind.CHECKPOINT, sha256(b"task"), ACCOUNT, 7, Cid.raw_of(b"manifest"))


@pytest.mark.parametrize("kind", AnnouncementKind)
def test_round_trip(kind: AnnouncementKind) -> None:
    announcement = Announcement(kind, sha256(b"task"), ACCOUNT, 2**32 - 1, Cid.raw_of(b""))
    assert Announcement.from_bytes(announcement.to_bytes()) == announcement
    assert len(announcement.to_bytes()) < 400


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "gossip"),
        ("kind", 1),
        ("task", "ab"),
        ("task", "A" * 64),
        ("task", None),
        ("account", ACCOUNT.lower()),
        ("account", ACCOUNT[:-1]),
        ("account", 1),
        ("round", -1),
        ("round", 2**32),
        ("round", True),
        ("round", "7"),
        ("cid", "b"),
        ("cid", 7),
        ("more", 1),
    ],
)
def test_any_other_value_is_rejected(key: str, value: Any) -> None:
    document = parse_canonical_json(ANNOUNCEMENT.to_bytes(), MAX_ANNOUNCEMENT_BYTES) | {key: value}
    with pytest.raises(Rejected) as caught:
        Announcement.from_bytes(canonical_json(document))
    assert caught.value.reason in (Reason.SCHEMA, Reason.CID)


def test_other_encodings_and_excess_size_are_rejected() -> None:
    for message, reason in [
        (b" " + ANNOUNCEMENT.to_bytes(), Reason.ENCODING),
        (b"\xff", Reason.ENCODING),
        (b"{}", Reason.SCHEMA),
        (b"1" * (MAX_ANNOUNCEMENT_BYTES + 1), Reason.SIZE),
    ]:
        with pytest.raises(Rejected) as caught:
            Announcement.from_bytes(message)
        assert caught.value.reason is reason
