"""Frames on a link: numbered, sealed with AES-128-GCM, one way.

TLS 1.3 opens a link and proves both ends. Its records hold 16 KiB, and reading them one by one costs more than adding
what they hold; so the caller sends a fresh key through TLS and then frames of up to a chunk each. A frame is number and
length in the clear (authenticated), then the sealed body. Nonces count frames: one that is lost, doubled or out of
order does not open.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cupel.protocol.spec.errors import Reason, Rejected

HEADER: Final = struct.Struct(">II")
TAG_BYTES: Final = 16
KEY_BYTES: Final = 16
BEAT: Final = 2**32 - 1
"""Number of a frame without content: its sender lives, and waits for its own left neighbour."""


class Aborted(Exception):
    """A link ended: its other end is dead or has begun anew, which a call tells."""


class LinkFailed(Exception):
    """A neighbour that is to be left out: at the "left" or the "right", and why."""

    def __init__(self, side: str, problem: Rejected) -> None:
        super().__init__(f"{side}: {problem}")
        self.side = side
        self.problem = problem


def end_link(link: socket.socket) -> None:
    """End a link that another thread may be using, which finds it ended."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(link, socket.SHUT_RDWR)  # not through TLS, which would take its leave first


def new_key() -> bytes:
    """For one link."""
    return secrets.token_bytes(KEY_BYTES)


class Sender:
    """The calling end of a link. Usable from several threads, a frame at a time."""

    def __init__(self, link: socket.socket, key: bytes, timeout_seconds: float) -> None:
        self.link = link
        link.settimeout(timeout_seconds)
        self._cipher, self._count, self._lock = AESGCM(key), 0, threading.Lock()
        self._buffer = bytearray()

    def send(self, number: int, body: memoryview | bytes) -> None:
        """LinkFailed("right") if nothing is taken for too long, Aborted if the link has ended."""
        length = memoryview(body).nbytes
        total = HEADER.size + length + TAG_BYTES
        with self._lock:
            if len(self._buffer) < total:
                self._buffer = bytearray(total)
            frame = memoryview(self._buffer)[:total]
            HEADER.pack_into(frame, 0, number, length)
            nonce = self._count.to_bytes(12, "big")
            self._count += 1
            self._cipher.encrypt_into(nonce, body, frame[: HEADER.size], frame[HEADER.size :])
            try:
                self.link.sendall(frame)
            except TimeoutError:
                raise LinkFailed("right", Rejected(Reason.COLLECTIVE_SILENT, "takes nothing")) from None
            except OSError:
                raise Aborted from None

    def ended(self) -> bool:
        """Whether the other end has closed the link: nothing else ever comes from there."""
        poll = select.poll()
        poll.register(self.link, select.POLLIN)
        return bool(poll.poll(0))


class Receiver:
    """The answering end of a link.

    It also watches the link to the right, where nothing comes from but its end; `through` tells whether everything was
    sent there, and its end is no failure then. `last`: monotonic time at which no grace is left for anybody.
    """

    def __init__(
        self, link: socket.socket, key: bytes, timeout_seconds: float, right: socket.socket,
        through: Callable[[], bool], last: float,
    ) -> None:  # fmt: skip
        self.link = link
        link.setblocking(False)
        self._right: socket.socket | None = right
        self._through, self._last, self._timeout_seconds = through, last, timeout_seconds
        self._cipher, self._count = AESGCM(key), 0
        self._buffer = bytearray(TAG_BYTES)

    def receive(self, number: int, into: memoryview) -> int:
        """The next frame's body, which must have this number and fit `into`; its length.

        LinkFailed("left") if it breaks a rule or no frame comes whole in time. Beats are passed over: each is a new
        period of grace. Aborted if the link ends or a frame does not open.
        """
        while True:
            deadline = time.monotonic() + self._timeout_seconds
            header = bytearray(HEADER.size)
            self._fill(memoryview(header), deadline)
            found, length = HEADER.unpack(header)
            if found == BEAT and length == 0:
                self._body(header, into[:0], deadline)
                continue
            if found != number:
                raise LinkFailed("left", Rejected(Reason.COLLECTIVE_NAME, f"frame {found}, not {number}"))
            if length > into.nbytes:
                raise LinkFailed("left", Rejected(Reason.SIZE, f"{length} bytes, at most {into.nbytes}"))
            self._body(header, into[:length], deadline)
            return int(length)

    def _body(self, header: bytearray, into: memoryview, deadline: float) -> None:
        total = into.nbytes + TAG_BYTES
        if len(self._buffer) < total:
            self._buffer = bytearray(total)
        body = memoryview(self._buffer)[:total]
        self._fill(body, deadline)
        nonce = self._count.to_bytes(12, "big")
        self._count += 1
        try:
            self._cipher.decrypt_into(nonce, body, header, into)
        except InvalidTag:
            raise Aborted from None

    def _fill(self, into: memoryview, deadline: float) -> None:
        while into.nbytes:
            try:
                count = self.link.recv_into(into)
            except BlockingIOError:
                self._wait(deadline)
                continue
            except OSError:  # also closed by another thread, which knows of a newer attempt
                raise Aborted from None
            if count == 0:
                raise Aborted
            into = into[count:]

    def _wait(self, deadline: float) -> None:
        until = min(deadline, self._last)
        poll = select.poll()
        poll.register(self.link, select.POLLIN)
        if self._right is not None:
            poll.register(self._right, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000)]
        if not ready and until == self._last:
            raise Rejected(Reason.COLLECTIVE_SILENT, "the attempt takes too long, and nobody is to blame")
        if not ready:
            problem = f"no whole frame within {self._timeout_seconds} s"
            raise LinkFailed("left", Rejected(Reason.COLLECTIVE_SILENT, problem))
        if self.link.fileno() not in ready:
            if not self._through():
                raise Aborted
            self._right = None
