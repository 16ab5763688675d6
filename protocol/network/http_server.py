"""A small HTTP/1.1 server: many connections, none of which can hold up another, and files sent by the kernel.

Not a general one: it answers GET, HEAD and small POSTs, and whatever it does not take it refuses and hangs up. General
servers cost a quarter of a second to load and as much work for each block as sending it does.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from cupel.protocol.network.http_head import (
    END_OF_HEAD,
    MAX_HEAD_BYTES,
    MalformedHead,
    content_length,
    parse_head,
)
from cupel.protocol.network.sending import send_file, send_file_now, send_now
from cupel.protocol.network.upload_limit import UploadLimit
from cupel.protocol.storage.fast import BlockPlace

logger = logging.getLogger(__name__)

Piece = bytes | BlockPlace


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process gives away."""

    connections: int = 512
    connections_per_address: int = 256
    idle_seconds: float = 30.0
    """Between two requests, and for a request's head and body to arrive."""
    write_seconds: float = 30.0
    """For a reader to take a piece of at most 2 MiB: some 70 kB/s."""
    body_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks."""

    method: str
    path: str
    """As it was sent: no path of ours needs an escape."""
    query: Mapping[str, str]
    fields: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    remote: str
    """The client's address, without its port."""


@dataclass(slots=True)
class Response:
    """An answer: `body`, or else `pieces` one after the other, with `num_bytes` in all if given."""

    status: int
    fields: dict[str, str] = field(default_factory=dict)
    body: Piece = b""
    """Closed by the server, sent or not."""
    pieces: AsyncIterator[Piece] | None = None
    num_bytes: int | None = None
    """Bytes of `pieces`; None if nobody knows yet: they are sent in chunks then."""
    done: Callable[[int], None] | None = None
    """Hears once how many bytes of content were sent, when the answer is over, whether it was completed or not."""


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Answers every request by `handle` until closed."""

    def __init__(self, handle: Handler, upload_limit: UploadLimit, limits: Limits) -> None:
        self._handle = handle
        self._upload_limit = upload_limit
        self._limits = limits
        self._addresses: Counter[str] = Counter()
        self._conversations: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None

    def start(self, listener: socket.socket) -> None:
        """Answer on a bound socket, which becomes this server's own."""
        listener.setblocking(False)
        listener.listen(128)
        self._listener = listener
        self._accepting = asyncio.create_task(self._accept(listener))

    async def close(self) -> None:
        """Hang up on everybody and stop listening."""
        tasks = [*self._conversations, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, (address, *_) = await loop.sock_accept(listener)
            except OSError as error:
                # Out of descriptors, or the client left first.
                logger.warning("cannot accept a connection: %s", error)
                await asyncio.sleep(0.1)
                continue
            if (
                len(self._conversations) >= self._limits.connections
                or self._addresses[address] >= self._limits.connections_per_address
            ):
                connection.close()
                continue
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._addresses[address] += 1
            task = asyncio.create_task(self._converse(connection, address))
            self._conversations.add(task)
            task.add_done_callback(self._conversations.discard)

    async def _converse(self, connection: socket.socket, address: str) -> None:
        try:
            with connection:
                received: bytes | None = b""
                while received is not None:
                    received = await self._answer_one(connection, address, received)
        except (OSError, TimeoutError):
            pass  # the client left, or is too slow to be served
        except Exception:
            logger.exception("a request could not be answered")
        finally:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    async def _answer_one(self, connection: socket.socket, address: str, received: bytes) -> bytes | None:
        """Answer one request; what was received after it, or None to hang up."""
        try:
            async with asyncio.timeout(self._limits.idle_seconds):
                read = await self._read_request(connection, address, received)
        except MalformedHead as malformed:
            await self._send(connection, "GET", Response(400, body=f"{malformed}\n".encode()), keep=False)
            return None
        if read is None:
            return None
        request, received, keep = read
        await self._send(connection, request.method, await self._handle(request), keep)
        return received if keep else None

    async def _read_request(
        self, connection: socket.socket, address: str, received: bytes
    ) -> tuple[Request, bytes, bool] | None:
        loop = asyncio.get_running_loop()
        while (end := received.find(END_OF_HEAD)) < 0:
            if len(received) > MAX_HEAD_BYTES:
                raise MalformedHead("head too long")
            if not (part := await loop.sock_recv(connection, MAX_HEAD_BYTES)):
                return None
            received += part
        first, fields = parse_head(received[:end])
        method, target, version = _request_line(first)
        num_body = content_length(fields) or 0
        if num_body > self._limits.body_bytes or "transfer-encoding" in fields:
            raise MalformedHead("body too long, or in chunks")
        received = received[end + len(END_OF_HEAD) :]
        while len(received) < num_body:
            if not (part := await loop.sock_recv(connection, num_body - len(received))):
                return None
            received += part
        try:
            parts = urlsplit(target)
            query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=16))
        except ValueError:
            raise MalformedHead("not a target") from None
        request = Request(method, parts.path, query, fields, received[:num_body], address)
        asked_to_close = fields.get("connection", "").lower() == "close"
        return request, received[num_body:], version == "HTTP/1.1" and not asked_to_close

    async def _send(self, connection: socket.socket, method: str, response: Response, keep: bool) -> None:
        sent = 0
        try:
            length = size(response.body) if response.pieces is None else response.num_bytes
            head = _response_head(response, length, keep)
            if method == "HEAD":
                await self._send_bytes(connection, head)
            elif isinstance(response.body, bytes) and response.pieces is None:
                await self._send_bytes(connection, head + response.body)
                sent = len(response.body)
            else:
                # The first bytes of the content follow at once, and go with it.
                await self._send_bytes(connection, head, more=length != 0)
                async for piece in response.pieces or _one(response.body):
                    await self._send_piece(connection, piece, in_chunks=length is None)
                    sent += size(piece)
                if length is None:
                    await self._send_bytes(connection, b"0\r\n\r\n")
        finally:
            if isinstance(response.body, BlockPlace):
                response.body.close()
            if isinstance(response.pieces, AsyncGenerator):
                await response.pieces.aclose()
            if response.done is not None:
                response.done(sent)

    async def _send_piece(self, connection: socket.socket, piece: Piece, in_chunks: bool) -> None:
        if in_chunks:
            await self._send_bytes(connection, b"%x\r\n" % size(piece))
        if isinstance(piece, bytes):
            await self._send_bytes(connection, piece)
        else:
            step = self._upload_limit.piece_bytes or piece.num_bytes or 1
            for start in range(0, piece.num_bytes, step):
                count = min(step, piece.num_bytes - start)
                await self._upload_limit.wait(count)
                sent = send_file_now(connection, piece.descriptor, piece.offset + start, count)
                if sent < count:
                    async with asyncio.timeout(self._limits.write_seconds):
                        await send_file(
                            connection, piece.descriptor, piece.offset + start + sent, count - sent
                        )
        if in_chunks:
            await self._send_bytes(connection, b"\r\n")

    async def _send_bytes(self, connection: socket.socket, content: bytes, more: bool = False) -> None:
        loop = asyncio.get_running_loop()
        step = self._upload_limit.piece_bytes or len(content) or 1
        view = memoryview(content)
        for start in range(0, len(view), step):
            part = view[start : start + step]
            await self._upload_limit.wait(len(part))
            sent = send_now(connection, part, more)
            if sent < len(part):
                async with asyncio.timeout(self._limits.write_seconds):
                    await loop.sock_sendall(connection, part[sent:])


def size(piece: Piece) -> int:
    """Bytes that a piece sends."""
    return len(piece) if isinstance(piece, bytes) else piece.num_bytes


async def _one(piece: Piece) -> AsyncIterator[Piece]:
    yield piece


def _request_line(first: str) -> tuple[str, str, str]:
    parts = first.split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.0", "HTTP/1.1") or not parts[1].startswith("/"):
        raise MalformedHead("not a request")
    return parts[0], parts[1], parts[2]


def _response_head(response: Response, length: int | None, keep: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.fields.items()]
    lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
    return "\r\n".join((*lines, "", "")).encode("ascii")
