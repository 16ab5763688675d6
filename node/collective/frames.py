"""Frames on a link: numbered, sealed with AES-128-GCM or in the clear, one way, and nobody waits here.

TLS 1.3 opens a link and proves both ends. Its records hold 16 KiB, and reading them one by one costs more than adding
what they hold; so the caller sends a fresh key through TLS and then frames of up to a chunk each. A frame is number and
length in the clear (authenticated), then the sealed body. Nonces count frames: one that is lost, doubled or out of
order does not open.

Without a key bodies travel as they are: whoever is on the way can read and change them. Members allow that between
loopback addresses only.

One thread serves both links of a ring by turns (`passing`): two threads would hand Python's lock to each other for
every chunk. So the ends only do what the socket does at once, and say how long they have been waiting.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import select
import socket
import struct
import time
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
    """The calling end of a link, a frame at a time; `key` None: in the clear."""

    def __init__(self, link: socket.socket, key: bytes | None, timeout_seconds: float) -> None:
        self.link = link
        link.setblocking(False)
        self._cipher, self._count = AESGCM(key) if key else None, 0
        self._timeout_seconds, self.deadline = timeout_seconds, math.inf
        self._buffer, self._left = bytearray(), memoryview(b"")
        self._next: memoryview | None = None

    @property
    def busy(self) -> bool:
        """Whether part of a frame is still to be sent."""
        return self._left.nbytes > 0

    def begin(self, number: int, body: memoryview | bytes) -> None:
        """Take a frame to send; only when not busy. In the clear the body is read as it is sent."""
        assert not self.busy
        body = memoryview(body)
        self.deadline = time.monotonic() + self._timeout_seconds
        header = HEADER.pack(number, body.nbytes)
        if self._cipher is None:
            self._left, self._next = memoryview(header), body
            return
        total = HEADER.size + body.nbytes + TAG_BYTES
        if len(self._buffer) < total:
            self._buffer = bytearray(total)
        frame = memoryview(self._buffer)[:total]
        frame[: HEADER.size] = header
        nonce = self._count.to_bytes(12, "big")
        self._count += 1
        self._cipher.encrypt_into(nonce, body, header, frame[HEADER.size :])
        self._left, self._next = frame, None

    def push(self) -> bool:
        """Send what the socket takes at once; whether it took anything. Aborted if the link has ended."""
        moved = False
        while self.busy:
            try:
                parts = [self._left] if self._next is None else [self._left, self._next]
                count = self.link.sendmsg(parts)
            except BlockingIOError:
                return moved
            except OSError:
                raise Aborted from None
            moved = True
            self._sent(count)
        return moved

    def _sent(self, count: int) -> None:
        rest = count - self._left.nbytes
        self._left = self._left[count:]
        if rest >= 0 and self._next is not None:
            self._left, self._next = self._next[rest:], None

    def check_time(self, now: float) -> None:
        """LinkFailed("right") if a frame has not been taken in time."""
        if self.busy and now > self.deadline:
            raise LinkFailed("right", Rejected(Reason.COLLECTIVE_SILENT, "takes nothing"))

    def ended(self) -> bool:
        """Whether the other end has closed the link: nothing else ever comes from there."""
        poll = select.poll()
        poll.register(self.link, select.POLLIN)
        return bool(poll.poll(0))


class Receiver:
    """The answering end of a link, a frame at a time; `key` None: in the clear.

    `first_seconds`: until the other end's first frame, which comes when it begins; `timeout_seconds` for those after.
    """

    def __init__(
        self, link: socket.socket, key: bytes | None, first_seconds: float, timeout_seconds: float
    ) -> None:
        self.link = link
        link.setblocking(False)
        self._cipher, self._count = AESGCM(key) if key else None, 0
        self._header = bytearray(HEADER.size)
        self._tail = TAG_BYTES if key else 0
        self._buffer = bytearray(self._tail)
        self._timeout_seconds = timeout_seconds
        self.deadline = time.monotonic() + first_seconds
        self._seconds = first_seconds
        self._number, self._into, self._found = 0, memoryview(b""), 0
        self._body: memoryview | None = None
        self._left = memoryview(self._header)

    def expect(self, number: int, into: memoryview) -> None:
        """The next frame must have this number, and fit `into`."""
        self._number, self._into = number, into

    def pull(self) -> int | None:
        """Take what has come; the frame's length once it is whole, None until then.

        LinkFailed("left") if it breaks a rule. Beats are passed over: each is a new period of grace. Aborted if the
        link ends or a frame does not open.
        """
        while self._fill():
            if self._body is None:
                self._begin_body()
                continue
            length = self._open()
            if self._found != BEAT:
                return length
        return None

    def check_time(self, now: float) -> None:
        """LinkFailed("left") if no frame has come whole in time."""
        if now > self.deadline:
            problem = f"no whole frame within {self._seconds} s"
            raise LinkFailed("left", Rejected(Reason.COLLECTIVE_SILENT, problem))

    def _begin_body(self) -> None:
        self._found, length = HEADER.unpack(self._header)
        beat = self._found == BEAT and length == 0
        if not beat and self._found != self._number:
            problem = f"frame {self._found}, not {self._number}"
            raise LinkFailed("left", Rejected(Reason.COLLECTIVE_NAME, problem))
        if length > self._into.nbytes:
            problem = f"{length} bytes, at most {self._into.nbytes}"
            raise LinkFailed("left", Rejected(Reason.SIZE, problem))
        total = length + self._tail
        self._body = self._into[:length]
        if self._cipher is None:
            self._left = self._body
            return
        if len(self._buffer) < total:
            self._buffer = bytearray(total)
        self._left = memoryview(self._buffer)[:total]

    def _open(self) -> int:
        assert self._body is not None
        body, self._body, self._left = self._body, None, memoryview(self._header)
        self._seconds = self._timeout_seconds
        self.deadline = time.monotonic() + self._seconds
        if self._cipher is not None:
            nonce = self._count.to_bytes(12, "big")
            self._count += 1
            sealed = memoryview(self._buffer)[: body.nbytes + TAG_BYTES]
            try:
                self._cipher.decrypt_into(nonce, sealed, self._header, body)
            except InvalidTag:
                raise Aborted from None
        return body.nbytes

    def _fill(self) -> bool:
        """Whether what is being read is whole."""
        while self._left.nbytes:
            try:
                count = self.link.recv_into(self._left)
            except BlockingIOError:
                return False
            except OSError:  # also closed by another thread, which knows of a newer attempt
                raise Aborted from None
            if count == 0:
                raise Aborted
            self._left = self._left[count:]
        return True


def wait(left: Receiver | None, right: Sender | None, until: float) -> bool:
    """Sleep until a link can go on, or `until` on the monotonic clock; whether the right end closed its link.

    None: nothing more is to come from there, or to go there.
    """
    poll = select.poll()
    if right is not None:
        poll.register(right.link, select.POLLIN | (select.POLLOUT if right.busy else 0))
    if left is not None:
        poll.register(left.link, select.POLLIN)
    ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
    return right is not None and bool(ready.get(right.link.fileno(), 0) & ~select.POLLOUT)
