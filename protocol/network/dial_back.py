"""Whether others reach a port of ours: somebody who runs is asked to dial it (as libp2p's AutoNAT does).

    GET /cupel/dial-back/<port>/<SHA-256 of a nonce>   ->   {"address": "<who asks, as seen there>", "reached": true}

Who is asked dials the address that the question came from and no other, so nobody can have a third party dialled. It
answers yes or no: yes if what answered sent the nonce, so it tells nothing of other programs behind that address.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Final

import aiohttp

from cupel.protocol.network.http_server import Request, Response
from cupel.protocol.network.listening import bind
from cupel.protocol.network.rate_limit import RateLimit
from cupel.protocol.network.server import Route
from cupel.protocol.spec.hashing import sha256

PREFIX: Final = "/cupel/dial-back/"
DIAL_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 8.0
NONCE_BYTES: Final = 16
# A machine is examined now and then; nobody else needs more.
QUESTIONS_PER_SECOND: Final = 0.1
BURST_QUESTIONS: Final = 8.0
_FORM: Final = re.compile(re.escape(PREFIX) + r"([1-9][0-9]{0,4})/([0-9a-f]{64})")
_MAX_ANSWER_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class DialledBack:
    """What somebody found."""

    address: str
    """Ours, as it is seen there."""
    reached: bool


class DialBack:
    """The side that is asked."""

    def __init__(self, rate_limit: RateLimit | None = None) -> None:
        self._rate_limit = rate_limit or RateLimit(QUESTIONS_PER_SECOND, BURST_QUESTIONS)

    @property
    def route(self) -> Route:
        """For a block server."""
        return Route(PREFIX, self._answer)

    async def _answer(self, request: Request) -> Response:
        match = _FORM.fullmatch(request.path)
        if match is None or int(match[1]) > 65535:
            return Response(404)
        if request.method != "GET":
            return Response(405, {"Allow": "GET"})
        if self._rate_limit.ask(request.remote, time.monotonic()) > 0.0:
            return Response(429, {"Retry-After": str(round(1 / QUESTIONS_PER_SECOND))})
        reached = await _sends(request.remote, int(match[1]), bytes.fromhex(match[2]))
        answer = {"address": request.remote, "reached": reached}
        return Response(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())


async def _sends(host: str, port: int, digest: bytes) -> bool:
    """Whether what listens there sends bytes of this digest."""
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return sha256(await reader.readexactly(NONCE_BYTES)) == digest
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


async def ask(url: str, setting: str, host: str, port: int) -> DialledBack | None:
    """Listen there for a moment and have the block server at `url` dial it; None if it does not answer.

    PortTaken, or NetworkError for an address that is not this machine's.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(nonce)
            await writer.drain()
        writer.close()

    listener: socket.socket = bind(setting, host, port)
    server = await asyncio.start_server(greet, sock=listener)
    async with server:
        wanted = f"{url}{PREFIX}{listener.getsockname()[1]}/{sha256(nonce).hex()}"
        return await _question(wanted)


async def _question(url: str) -> DialledBack | None:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            answer.raise_for_status()
            told = json.loads(await answer.content.read(_MAX_ANSWER_BYTES))
            address, reached = str(ipaddress.ip_address(told["address"])), told["reached"]
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError, KeyError, TypeError):
        return None
    return DialledBack(address, reached) if isinstance(reached, bool) else None
