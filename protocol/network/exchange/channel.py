"""Answers to peers that speak of a file: POST /swarm/{root} of the block server.

A publisher shows each peer what it should fetch here; who still fetches tells what it has. Of a file that is not open
here nothing is known, which is status 204; other servers than ours do not know the path and say 404.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cupel.protocol.network.exchange.contacts import Contacts, may_name, peer_url
from cupel.protocol.network.exchange.messages import Message
from cupel.protocol.network.exchange.publisher import Publisher
from cupel.protocol.network.exchange.scheduler import Scheduler
from cupel.protocol.network.http_server import Request, Response
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid

PREFIX: Final = "/swarm/"
NOT_OPEN: Final = 204


@dataclass(slots=True)
class OpenFile:
    """A file that peers may speak of: published here, or being fetched."""

    num_leaves: int
    publisher: Publisher | None = None
    scheduler: Scheduler | None = None
    contacts: Contacts = field(default_factory=Contacts)
    wake: Callable[[], None] = lambda: None
    """Called when a peer brought news."""

    def show(self, peer: str, message: Message, now: float, draw: random.Random) -> int:
        """What to tell this peer that is here."""
        if self.publisher is not None:
            return self.publisher.show(peer, message.holdings, message.want, now, draw)
        assert self.scheduler is not None, "a file is open because it is published or fetched"
        return self.scheduler.holdings


class Channel:
    """The files that are open in this process, and what is said of them."""

    def __init__(self, session: bytes, draw: random.Random) -> None:
        self._session = session
        self._draw = draw
        self.port = 0
        """Where this process serves; 0 if it does not."""
        self.files: dict[Cid, OpenFile] = {}

    def message(self, file: OpenFile, holdings: int, want: int, asker: str) -> bytes:
        """What to say of a file to `asker`, a URL or empty."""
        names = file.contacts.names(asker, self._draw)
        return Message(self._session, self.port, want, holdings, names).to_bytes(file.num_leaves)

    async def answer(self, request: Request) -> Response:
        """Handle a request under PREFIX."""
        if request.method != "POST":
            return Response(405, {"Allow": "POST"})
        try:
            root = Cid.parse(request.path.removeprefix(PREFIX))
            file = self.files.get(root)
            if file is None:
                return Response(NOT_OPEN)
            message = Message.from_bytes(request.body, file.num_leaves)
        except Rejected as rejected:
            return Response(400, body=f"{rejected}\n".encode())
        if message.session == self._session:
            return Response(NOT_OPEN)  # we were told of ourselves
        return Response(200, body=self._hear(file, request.remote, message))

    def _hear(self, file: OpenFile, host: str, message: Message) -> bytes:
        now = time.monotonic()
        url = peer_url(host, message.port) if message.port else ""
        told = self.message(
            file, file.show(f"{host} {message.session.hex()}", message, now, self._draw), 0, url
        )
        if url:
            self.meet(file, url, host, message, now)
            file.wake()
        return told

    def meet(
        self, file: OpenFile, url: str, host: str, message: Message, now: float, seconds: float | None = None
    ) -> None:
        """A peer at the address `host` said what it holds; whom it names may be spoken to.

        seconds: see `Scheduler.heard`.
        """
        file.contacts.add(url, self._draw)
        scheduler = file.scheduler
        if scheduler is None:
            return
        scheduler.meet(url, now)
        scheduler.heard(url, message.holdings, now, seconds)
        for name in message.names:
            if may_name(host, name):
                scheduler.meet(name, now)
