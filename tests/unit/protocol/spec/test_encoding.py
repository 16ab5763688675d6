"""Canonical JSON has one form per value; everything else is refused with a reason."""

import pytest

from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json, words
from cupel.protocol.spec.errors import Reason, Rejected


def test_words_are_abi_encoding() -> None:
    address = "0x00000000000000000000000000000000000000Ff"
    assert words(1, bytes(31) + b"\2", address) == bytes(31) + b"\1" + bytes(31) + b"\2" + bytes(31) + b"\xff"


def test_canonical_json_round_trip() -> None:
    value = {"b": [1, -2, None, True], "a": {"ü": "x"}}
    data = canonical_json(value)
    assert data == '{"a":{"ü":"x"},"b":[1,-2,null,true]}'.encode()
    assert parse_canonical_json(data, 100) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"b":1,"a":2}', Reason.ENCODING),
        (b'{"a": 1}', Reason.ENCODING),
        (b'{"a":1,"a":1}', Reason.ENCODING),
        (b'{"a":1.5}', Reason.ENCODING),
        (b'{"a":NaN}', Reason.ENCODING),
        (b'{"a":1e3}', Reason.ENCODING),
        (b"[1]", Reason.ENCODING),
        (b"\xff\xfe", Reason.ENCODING),
        (b"", Reason.ENCODING),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", Reason.ENCODING),
        (b'{"a":' + b"1" * 20_000 + b"}", Reason.SIZE),
    ],
)
def test_anything_else_is_refused(data: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        parse_canonical_json(data, 12_000)
    assert caught.value.reason is reason


def test_a_float_of_ours_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        canonical_json({"a": 0.5})
