"""Blocks over a stream that exists in memory: what is asked, what is answered, and what is neither."""

from typing import Any

import pytest

pytest.importorskip("libp2p")

import trio

from cupel.protocol.network import streams
from cupel.protocol.network.streams import Malformed, ask, server
from cupel.protocol.spec.shardcast.cid import Cid

BLOCK = b"a block of some bytes"
CID = Cid.raw_of(BLOCK)
PEER_ID = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"


class End:
    """One end of a stream: reads what was given, and keeps what is written."""

    def __init__(self, readable: bytes) -> None:
        self.readable = readable
        self.written = b""
        self.ended = ""

    async def read(self, count: int) -> bytes:
        # Never all at once, as on a network.
        part, self.readable = self.readable[: min(count, 7)], self.readable[min(count, 7) :]
        return part

    async def write(self, data: bytes) -> None:
        self.written += data

    async def close(self) -> None:
        self.ended = "closed"

    async def reset(self) -> None:
        self.ended = "reset"


class Host:
    """Opens one stream."""

    def __init__(self, end: End) -> None:
        self.end = end

    async def new_stream(self, peer: Any, protocols: Any) -> End:
        assert protocols == [streams.PROTOCOL]
        return self.end


def served(request: bytes) -> End:
    end = End(request)
    trio.run(server({CID: BLOCK}.get), end)
    return end


def asked(answer: bytes, max_bytes: int = 100, only_have: bool = False) -> bytes | None:
    result: bytes | None = trio.run(ask, Host(End(answer)), PEER_ID, CID, max_bytes, only_have)
    return result


def request_of(only_have: bool) -> bytes:
    host = Host(End(b"\0"))
    trio.run(ask, host, PEER_ID, CID, 100, only_have)
    return host.end.written


def test_what_is_asked_is_answered() -> None:
    end = served(request_of(only_have=False))
    assert end.ended == "closed"
    assert asked(end.written) == BLOCK
    assert asked(served(request_of(only_have=True)).written, only_have=True) == b""
    other = request_of(only_have=False).replace(str(CID).encode(), str(Cid.raw_of(b"other")).encode())
    assert served(other).written == b"\0"
    assert asked(b"\0") is None


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"!",
        b"x" + request_of(only_have=False)[1:],
        b"!\xff" + 255 * b"b",
        b"!\x03\xff\xfe\xfd",
        b"!\x05short",
        request_of(only_have=False)[:-1],
    ],
)
def test_a_request_that_is_none_ends_its_stream_alone(request_: bytes) -> None:
    end = End(request_)
    with pytest.raises(Malformed):
        trio.run(server({CID: BLOCK}.get), end)
    assert (end.written, end.ended) == (b"", "reset")


@pytest.mark.parametrize(
    "answer", [b"", b"\x01", b"\x01\0\0\0", b"\x01\0\0\0\x05four", b"\x01\xff\xff\xff\xff", b"\x01\0\0\0\x65"]
)
def test_an_answer_that_is_none_or_too_large_is_refused(answer: bytes) -> None:
    with pytest.raises(Malformed):
        asked(answer)
