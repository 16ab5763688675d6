"""The parsers that read from a connection, for tools/fuzz_parsers.py: of each pair of ends, one sends and closes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import trio
from eth_account import Account
from fuzz_form import Form, Target

from cupel.node.collective.answers import _show, answer_call, take_answer
from cupel.node.collective.attempts import Attempts, Certificate
from cupel.node.collective.calls import LENGTH, hear
from cupel.node.collective.frames import Aborted, LinkFailed, Receiver, Sender
from cupel.node.collective.identity import Identity, Member, Roster, context, new_identity, signed_member
from cupel.protocol.environments.process import EnvironmentFailed, EnvironmentProcess
from cupel.protocol.network import http_client, streams
from cupel.protocol.network.http_head import MalformedHead
from cupel.protocol.network.http_server import HttpServer, Limits
from cupel.protocol.spec.collective.agreement import Held, View
from cupel.protocol.spec.collective.reduce import Operation, Reduce
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import Cid

MOST_BYTES = 60_000
"""What a connection holds while nobody reads."""
KEY = b"\7" * 16
REDUCE = Reduce(1, 2, 3, Operation.SUM, "float32", 8)
ACCOUNTS = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]


def targets() -> Mapping[str, Target]:
    """Every one by name."""
    malformed = (ValueError, KeyError, TypeError, OSError)  # what a member's calls are refused by
    calls = [json.dumps(one).encode() for one in _calls()]
    failures = (http_client.BodyTooLarge, http_client.Aborted, MalformedHead, OSError)
    head = b"HTTP/1.1 200 OK\r\n"
    answers = [
        head + b"Content-Length: 5\r\n\r\nhello",
        head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]
    requests = [
        b"GET /ipfs/a?format=raw HTTP/1.1\r\nHost: a\r\nRange: bytes=0-5\r\n\r\n",
        b"POST /blocks HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    ]
    address = str(Cid.from_digest(b"\1" * 32)).encode()
    asked = [wish + bytes([len(address)]) + address for wish in (streams.HAVE, streams.GET)]
    return {
        "HTTP request": Target(_request, (MalformedHead,), requests),
        "HTTP answer": Target(_http_answer, failures, answers),
        "request over libp2p": Target(_stream, (streams.Malformed,), asked),
        "environment's answer": Target(_environment, (EnvironmentFailed,), [b'{"score": 0.5}\n'], Form.JSON),
        "collective's frame": Target(lambda data: _frame(data, None), (Aborted, LinkFailed), [_framed(None)]),
        "collective's sealed frame": Target(
            lambda data: _frame(data, KEY), (Aborted, LinkFailed), [_framed(KEY)]
        ),
        "collective's message": Target(_heard, malformed, calls, Form.JSON),
        "collective's call": Target(_called, malformed, calls, Form.JSON),
        "collective's answer": Target(_answered, (*malformed, Rejected, LinkFailed), calls, Form.JSON),
        "collective's member": Target(_member, (Rejected,), [_identity(0).certificate]),
    }


@contextmanager
def _fed(data: bytes) -> Iterator[socket.socket]:
    """One end of a connection whose other end sent this and nothing more."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(data[:MOST_BYTES])
        far.shutdown(socket.SHUT_WR)
        yield near


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _request(data: bytes) -> object:
    server: Any = SimpleNamespace(_limits=Limits())
    with _fed(data) as connection:
        connection.setblocking(False)
        return _loop().run_until_complete(HttpServer._read_request(server, connection, "127.0.0.1", b""))


def _http_answer(data: bytes) -> object:
    asking = http_client.Connection(
        "http://127.0.0.1:1"
    )  # where nobody listens: an answer is not asked for twice
    with _fed(data) as asking._socket:
        return asking.ask("GET", "/", 1 << 16, time.monotonic() + 5, "*/*")


def _stream(data: bytes) -> object:
    class Stream:
        def __init__(self) -> None:
            self.left, self.written = data, b""

        async def read(self, count: int) -> bytes:
            part, self.left = self.left[:count], self.left[count:]
            return part

        async def write(self, part: bytes) -> None:
            self.written += part

    stream = Stream()
    trio.run(streams._answer, stream, lambda cid: b"block")
    return stream.written


def _environment(data: bytes) -> object:
    reader, writer = os.pipe()
    os.write(writer, data[:MOST_BYTES])
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as output:
        itself: Any = SimpleNamespace(_name="fuzz")
        process: Any = SimpleNamespace(stdout=output)
        return EnvironmentProcess._read(itself, process, 1.0)


def _framed(key: bytes | None) -> bytes:
    near, far = socket.socketpair()
    with near, far:
        sender = Sender(near, key, 1.0)
        for body in (b"", b"values of a ring"):
            sender.begin(0, body)
            sender.push()
        return far.recv(MOST_BYTES)


def _frame(data: bytes, key: bytes | None) -> object:
    with _fed(data) as link:
        receiver = Receiver(link, key, 1.0, 1.0)
        taken = []
        for _ in range(2):
            receiver.expect(0, memoryview(bytearray(1024)))
            taken.append(receiver.pull())
        return taken


@cache
def _identity(number: int) -> Identity:
    return new_identity(ACCOUNTS[number].address.lower())


@cache
def _roster() -> Roster:
    return Roster(
        [signed_member(one, _identity(rank), "127.0.0.1", 4000 + rank) for rank, one in enumerate(ACCOUNTS)]
    )


def _attempts(rank: int) -> Attempts:
    return Attempts(REDUCE, _roster(), ACCOUNTS[rank].address.lower(), _identity(rank))


def _calls() -> list[dict[str, Any]]:
    """What members say to each other, from one that knows of no failure and from one that does."""
    fresh, disappointed = _attempts(0), _attempts(0)
    disappointed.failed(View(), LinkFailed("right", Rejected(Reason.COLLECTIVE_SILENT, "takes nothing")))
    name = {
        "kind": "reduce",
        "task": 1,
        "round": 2,
        "tag": 3,
        "reduce": fresh.name(View()).hex(),
        "early": False,
    }
    held = Certificate(
        View(), Held(b"\1" * 32, b"\2" * 32), {one.address.lower(): b"\3" * 70 for one in ACCOUNTS}
    )
    views = [fresh.shown(), disappointed.shown()]
    told = [{**name, "key": KEY.hex(), **view} for view in views] + [
        {"kind": "view", **view} for view in views
    ]
    return [*told, {"kind": "decided", **views[0], "certificate": _show(held)}, {"kind": "over", **views[0]}]


def _heard(data: bytes) -> object:
    with _fed(LENGTH.pack(len(data)) + data) as link:
        return hear(link)  # type: ignore[arg-type]  # it only receives


def _called(data: bytes) -> object:
    return answer_call(_attempts(1), ACCOUNTS[0].address.lower(), _heard(data), ACCOUNTS[1].address.lower())  # type: ignore[arg-type]


def _answered(data: bytes) -> None:
    take_answer(_attempts(1), View(), _heard(data))  # type: ignore[arg-type]


def _member(data: bytes) -> object:
    """A roster entry that its account signed whatever the certificate is, and the links that trust it."""
    identity = Identity(_identity(0).key, data)
    entry: Member = signed_member(ACCOUNTS[0], identity, "127.0.0.1", 4000)
    return context(_identity(1), Roster([entry]).members.values(), server_side=True)
