"""Calls between members: a TLS 1.3 connection, a question, an answer. What becomes of the link is others' business.

A listener answers whoever is in a roster. It knows no call by itself: each kind has a handler. Everything has a bound:
handshakes at once, seconds, bytes of a message.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any, Final

from cupel.node.collective.frames import Aborted, LinkFailed
from cupel.node.collective.identity import Member
from cupel.protocol.spec.errors import Reason, Rejected

LENGTH: Final = struct.Struct(">I")
MAX_MESSAGE_BYTES: Final = 1 << 18
MAX_CALLS_AT_ONCE: Final = 256
CONNECTIONS_WAITING: Final = 128

Message = dict[str, Any]
Handler = Callable[[ssl.SSLSocket, str, Message], None]
"""Takes the link (which it closes, or keeps), the caller's address and its message."""


def call(context: ssl.SSLContext, member: Member, message: Message, call_seconds: float) -> ssl.SSLSocket:
    """A link to a member that was asked something; the answer is still to be heard.

    LinkFailed("right") if nobody listens there, nobody takes the call in time, or somebody else does. Aborted if the
    link ends, which a member that still listens does when it is closing or overrun.
    """
    try:
        plain = socket.create_connection((member.host, member.port), call_seconds)
    except OSError as error:
        raise LinkFailed("right", Rejected(Reason.COLLECTIVE_LOST, str(error))) from None
    link: socket.socket = plain
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = tls = context.wrap_socket(plain)
        if tls.getpeercert(True) != member.certificate:
            raise LinkFailed("right", Rejected(Reason.COLLECTIVE_MEMBER, "another member answered"))
        say(tls, message)
    except BaseException as error:
        link.close()
        raise _call_failure(error) from None
    return tls


def _call_failure(error: BaseException) -> BaseException:
    if isinstance(error, TimeoutError):
        return LinkFailed("right", Rejected(Reason.COLLECTIVE_SILENT, "does not take a call"))
    if isinstance(error, ssl.SSLCertVerificationError):
        return LinkFailed("right", Rejected(Reason.COLLECTIVE_MEMBER, "shows a certificate of nobody's"))
    return Aborted() if isinstance(error, OSError) else error


def listens(member: Member, call_seconds: float) -> bool:
    """Whether anything accepts connections at a member's endpoint."""
    try:
        socket.create_connection((member.host, member.port), call_seconds).close()
    except OSError:
        return False
    return True


def say(link: ssl.SSLSocket, message: Message) -> None:
    """Send a message. OSError if the link ends."""
    text = json.dumps(message).encode()
    link.sendall(LENGTH.pack(len(text)) + text)


def hear(link: ssl.SSLSocket) -> Message:
    """Receive a message. OSError if the link ends, ValueError for anything but an object of a bounded size."""
    head = bytearray(LENGTH.size)
    receive_all(link, memoryview(head))
    (length,) = LENGTH.unpack(head)
    if length > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {length} bytes")
    text = bytearray(length)
    receive_all(link, memoryview(text))
    try:
        message = json.loads(text)
    except RecursionError:
        raise ValueError("a message too deeply nested") from None
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def receive_all(link: socket.socket, into: memoryview) -> None:
    """Fill `into`. OSError if the link ends before."""
    while into.nbytes:
        count = link.recv_into(into)
        if count == 0:
            raise ConnectionError("the link ended")
        into = into[count:]


def plain_link(link: ssl.SSLSocket) -> socket.socket:
    """The connection below a TLS link, from now on without TLS. Nothing sent through TLS may be unread."""
    return socket.socket(fileno=link.detach())


class Listener:
    """Answers calls at a bound and listening socket, until closed."""

    def __init__(self, listener: socket.socket, call_seconds: float) -> None:
        self._listener, self._call_seconds = listener, call_seconds
        self.handlers: dict[str, Handler] = {}
        self._context: ssl.SSLContext | None = None
        self._callers: dict[bytes, str] = {}
        self._room = threading.Semaphore(MAX_CALLS_AT_ONCE)
        listener.listen(CONNECTIONS_WAITING)
        threading.Thread(target=self._listen, daemon=True).start()

    def trust(self, context: ssl.SSLContext, callers: dict[bytes, str]) -> None:
        """Take calls from these certificates, each of which is an address's."""
        self._context, self._callers = context, callers

    def close(self) -> None:
        """Answer no more. Links that were handed over stay."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            if self._context is None or not self._room.acquire(blocking=False):
                plain.close()
                continue
            threading.Thread(target=self._answer, args=(plain, self._context), daemon=True).start()

    def _answer(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        link: socket.socket = plain
        try:
            plain.settimeout(self._call_seconds)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = tls = context.wrap_socket(plain, server_side=True)
            message = hear(tls)
            caller, handler = self._callers[tls.getpeercert(True) or b""], self.handlers[message["kind"]]
            handler(tls, caller, message)
        except (OSError, ValueError, KeyError, TypeError):
            link.close()  # a stranger, a probe or a malformed call; the caller's own deadline tells it
        finally:
            self._room.release()
