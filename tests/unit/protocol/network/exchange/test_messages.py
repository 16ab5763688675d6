"""What peers tell each other: one form, read strictly and within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.network.exchange.contacts import MAX_NAMED
from cupel.protocol.network.exchange.messages import Message, max_message_bytes
from cupel.protocol.spec.errors import Reason, Rejected

MESSAGE = Message(b"session!", 4001, 3, 0b1000000101, ("http://10.0.0.2:80",))
# magic, session, port 4001, want 3, leaves 10, two bytes of holdings, one name of 18 characters.
GOLDEN = b"CSX1session!\x0f\xa1\x00\x03\x00\x00\x00\x0a\x05\x02\x12http://10.0.0.2:80"


def test_golden() -> None:
    assert MESSAGE.to_bytes(10) == GOLDEN
    assert Message.from_bytes(GOLDEN, 10) == MESSAGE


@given(st.integers(1, 3000), st.data())
def test_round_trip(num_leaves: int, data: st.DataObject) -> None:
    message = Message(
        session=data.draw(st.binary(min_size=8, max_size=8)),
        port=data.draw(st.integers(0, 65535)),
        want=data.draw(st.integers(0, 65535)),
        holdings=data.draw(st.integers(0, 2**num_leaves - 1)),
        names=tuple(
            f"http://10.0.{number}.1:{port}"
            for number, port in enumerate(data.draw(st.lists(st.integers(1, 65535), max_size=MAX_NAMED)))
        ),
    )
    encoded = message.to_bytes(num_leaves)
    assert len(encoded) <= max_message_bytes(num_leaves)
    assert Message.from_bytes(encoded, num_leaves) == message


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", Reason.ENCODING),
        (GOLDEN[:21], Reason.ENCODING),
        (b"CSX2" + GOLDEN[4:], Reason.SCHEMA),
        (GOLDEN[:19] + b"\x0b" + GOLDEN[20:], Reason.SCHEMA),
        (GOLDEN[:20] + b"\x05\x06" + GOLDEN[22:], Reason.SCHEMA),
        (GOLDEN[:-1], Reason.ENCODING),
        (GOLDEN[:23] + b"ftp" + GOLDEN[26:], Reason.ENDPOINT),
        (GOLDEN[:-1] + b"\xff", Reason.ENDPOINT),
        (GOLDEN + GOLDEN[22:] * MAX_NAMED, Reason.ENCODING),
        (GOLDEN + bytes(max_message_bytes(10)), Reason.SIZE),
    ],
)
def test_hostile_bytes_have_a_reason(message: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        Message.from_bytes(message, 10)
    assert caught.value.reason is reason


@given(st.binary(max_size=700), st.integers(1, 64))
def test_any_bytes_are_read_or_refused(message: bytes, num_leaves: int) -> None:
    try:
        read = Message.from_bytes(message, num_leaves)
    except Rejected:
        return
    assert read.to_bytes(num_leaves) == message
