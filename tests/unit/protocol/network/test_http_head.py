"""Heads of messages, from strangers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.network.http_head import MalformedHead, content_length, parse_head


def test_a_head() -> None:
    head = b"GET /x HTTP/1.1\r\nHost: a:1\r\nX-Two:  b  \r\nx-two: c"
    assert parse_head(head) == ("GET /x HTTP/1.1", {"host": "a:1", "x-two": "c"})


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n folded: x",
        b"GET / HTTP/1.1\r\n: x",
        b"GET / HTTP/1.1\r\nname : x",
        b"GET / HTTP/1.1\r\nA: \x00",
        b"GET / HTTP/1.1\r\nA: b\nC: d",
        b"GET / HTTP/1.1\r\nA: \xc3\xa9",
        b"GET / HTTP/1.1" + b"\r\nA: b" * 65,
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1",
    ],
)
def test_what_is_no_head(head: bytes) -> None:
    with pytest.raises(MalformedHead):
        parse_head(head)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_malformed(head: bytes) -> None:
    try:
        _, fields = parse_head(head)
        content_length(fields)
    except MalformedHead:
        pass


@pytest.mark.parametrize("text", ["-1", "1.0", "", "0x1", "1 1", "9" * 16])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(MalformedHead):
        content_length({"content-length": text})
