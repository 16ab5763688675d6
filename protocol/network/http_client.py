"""Fetching one body over HTTP/1.1 with a blocking socket, straight into the buffer where it is wanted.

For threads: receiving and hashing release the interpreter, so several blocks arrive at once. `abort` may be called
from another thread at any time and ends whatever waits.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from cupel.protocol.network.http_head import (
    END_OF_HEAD,
    MAX_HEAD_BYTES,
    MalformedHead,
    content_length,
    parse_head,
)
from cupel.protocol.storage.fast import aligned_buffer

CONNECT_SECONDS: Final = 2.0
_FIRST_READ_BYTES: Final = 4096
_MAX_CHUNK_LINE_BYTES: Final = 1024


class BodyTooLarge(Exception):
    """An answer with more bytes than asked for."""


class Aborted(Exception):
    """Somebody else ended the connection while it was in use."""


class Connection:
    """One connection to the server of `url`, kept alive as long as it keeps it. For one thread at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._path = parts.path.rstrip("/")
        self._socket: socket.socket | None = None
        self._aborted = False
        self._received = b""
        self._untaken = 0
        self._room: memoryview | None = None

    def abort(self) -> None:
        """End what another thread waits for; the connection cannot be used again."""
        self._aborted = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close; the next request opens again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._received = b""

    def ask(
        self,
        method: str,
        target: str,
        max_bytes: int,
        deadline: float,
        accept: str,
        body: bytes | None = None,
    ) -> tuple[int, memoryview]:
        """Status and body, of at most `max_bytes`, of the answer; `deadline` is of time.monotonic.

        body: what to send along, for POST.

        OSError, MalformedHead, BodyTooLarge or Aborted; the connection is closed then.
        """
        with self._closed_on_failure():
            head = self._head(self._request(method, target, accept, body), deadline)
            status, keep, content = self._read_answer(method, head, max_bytes, deadline)
        if not keep:
            self.close()
        return status, content

    @contextlib.contextmanager
    def asking(self, target: str, deadline: float, accept: str, body: bytes) -> Iterator[tuple[int, int]]:
        """POST `body`: status and length of the answer, whose bytes `part` takes one after the other.

        Errors as of `ask`, and the connection is closed as well if not all was taken.
        """
        with self._closed_on_failure():
            head = self._head(self._request("POST", target, accept, body), deadline)
            status, keep, fields = _parsed(head)
            length = content_length(fields)
            if length is None or "transfer-encoding" in fields:
                raise MalformedHead("an answer without a length")
            self._untaken = length
            yield status, length
        if not keep or self._untaken:
            self.close()

    def part(self, num_bytes: int, deadline: float) -> memoryview:
        """The next bytes of the answer within `asking`; valid until the next call. Errors as of `ask`."""
        if num_bytes > self._untaken:
            raise MalformedHead("the answer is shorter")
        self._untaken -= num_bytes
        part = self._buffer(num_bytes)
        self._fill(part, deadline)
        return part

    @contextlib.contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            if self._aborted:
                raise Aborted from None
            raise

    def _head(self, request: bytes, deadline: float) -> bytes:
        """Send the request; the head of its answer."""
        if self._socket is not None and (answer := self._try_again(request, deadline)):
            return answer
        self._connect(deadline)
        return self._exchange(request, deadline)

    def _request(self, method: str, target: str, accept: str, body: bytes | None) -> bytes:
        lines = [f"{method} {self._path}{target} HTTP/1.1", f"Host: {self._authority}", f"Accept: {accept}"]
        lines += ["Accept-Encoding: identity", "User-Agent: cupel"]
        lines += [] if body is None else [f"Content-Length: {len(body)}"]
        return "\r\n".join((*lines, "", "")).encode("ascii") + (body or b"")

    def _try_again(self, request: bytes, deadline: float) -> bytes | None:
        """Ask on the connection of before; None if the server has closed it meanwhile."""
        try:
            return self._exchange(request, deadline)
        except ConnectionError:
            self.close()
            return None

    def _connect(self, deadline: float) -> None:
        if self._aborted:
            raise Aborted
        connection = socket.create_connection(
            (self._host, self._port), timeout=min(CONNECT_SECONDS, _left(deadline))
        )
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._secure:
            import ssl  # a tenth of a second to load, and peers do not need it

            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=self._host)
        else:
            connection.settimeout(None)
        self._socket = connection
        if self._aborted:
            raise Aborted

    def _exchange(self, request: bytes, deadline: float) -> bytes:
        """Send the request; the head of its answer."""
        assert self._socket is not None
        self._wait_until(deadline)
        self._socket.sendall(request)
        received = self._received
        while (end := received.find(END_OF_HEAD)) < 0:
            if len(received) > MAX_HEAD_BYTES:
                raise MalformedHead("head too long")
            received += self._receive(_FIRST_READ_BYTES, deadline)
        self._received = received[end + len(END_OF_HEAD) :]
        return received[:end]

    def _read_answer(
        self, method: str, head: bytes, max_bytes: int, deadline: float
    ) -> tuple[int, bool, memoryview]:
        status, keep, fields = _parsed(head)
        if method == "HEAD" or status in (204, 304):
            return status, keep, memoryview(b"")
        length = content_length(fields)
        if "transfer-encoding" in fields:
            if fields["transfer-encoding"].lower() != "chunked" or length is not None:
                raise MalformedHead("unknown transfer encoding")
            return status, keep, self._read_chunks(max_bytes, deadline)
        if length is None:
            return status, False, self._read_to_end(max_bytes, deadline)
        if length > max_bytes:
            raise BodyTooLarge
        body = self._buffer(length)
        self._fill(body, deadline)
        return status, keep, body

    def _buffer(self, num_bytes: int) -> memoryview:
        """Room for a body: fresh memory would be mapped and zeroed first, which takes as long as filling it."""
        if self._room is None or len(self._room) < num_bytes:
            self._room = aligned_buffer(num_bytes)
        return self._room[:num_bytes]

    def _read_chunks(self, max_bytes: int, deadline: float) -> memoryview:
        body = bytearray()
        while True:
            line = self._read_line(deadline).partition(b";")[0].strip()
            try:
                count = int(line, 16)
            except ValueError:
                raise MalformedHead("not a chunk") from None
            if count < 0 or len(body) + count > max_bytes:
                raise BodyTooLarge
            if count == 0:
                while self._read_line(deadline):
                    pass
                return memoryview(body)
            chunk = memoryview(bytearray(count))
            self._fill(chunk, deadline)
            body += chunk
            if self._read_line(deadline):
                raise MalformedHead("chunk without an end")

    def _read_line(self, deadline: float) -> bytes:
        while b"\r\n" not in self._received:
            if len(self._received) > _MAX_CHUNK_LINE_BYTES:
                raise MalformedHead("line too long")
            self._received += self._receive(_MAX_CHUNK_LINE_BYTES, deadline)
        line, _, self._received = self._received.partition(b"\r\n")
        return line

    def _read_to_end(self, max_bytes: int, deadline: float) -> memoryview:
        body = bytearray(self._received)
        self._received = b""
        assert self._socket is not None
        while len(body) <= max_bytes:
            self._wait_until(deadline)
            if not (part := self._socket.recv(1 << 16)):
                return memoryview(body)
            body += part
        raise BodyTooLarge

    def _fill(self, body: memoryview, deadline: float) -> None:
        assert self._socket is not None
        filled = min(len(self._received), len(body))
        body[:filled] = self._received[:filled]
        self._received = self._received[filled:]
        while filled < len(body):
            received = self._receive_into(body[filled:], deadline)
            if not received:
                raise ConnectionError("broken off")
            filled += received

    def _receive_into(self, buffer: memoryview, deadline: float) -> int:
        """Fill the buffer by as few calls into the system as can be: each hands the interpreter over twice."""
        assert self._socket is not None
        self._wait_until(deadline)
        if self._secure:  # its bytes come through a library that knows no flags
            return self._socket.recv_into(buffer)
        return self._socket.recv_into(buffer, 0, socket.MSG_WAITALL)

    def _wait_until(self, deadline: float) -> None:
        """For how long the next calls wait: by the system's own clock, or each would ask it first whether it may."""
        assert self._socket is not None
        seconds = _left(deadline)
        if self._secure:
            self._socket.settimeout(seconds)
            return
        patience = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6) + 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)

    def _receive(self, max_bytes: int, deadline: float) -> bytes:
        assert self._socket is not None
        self._wait_until(deadline)
        part = self._socket.recv(max_bytes)
        if not part:
            raise ConnectionError("closed")
        return part


def _parsed(head: bytes) -> tuple[int, bool, dict[str, str]]:
    """Status of an answer, whether the connection stays, and the fields."""
    first, fields = parse_head(head)
    version, _, rest = first.partition(" ")
    if version not in ("HTTP/1.0", "HTTP/1.1") or not rest[:3].isdigit():
        raise MalformedHead("not an answer")
    if fields.get("content-encoding", "identity").lower() != "identity":
        raise MalformedHead("an encoding nobody asked for")
    keep = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    return int(rest[:3]), keep, fields


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0.0:
        raise TimeoutError
    return seconds
