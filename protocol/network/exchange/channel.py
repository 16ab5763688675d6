"""Answers to peers that speak of a file: POST /swarm/{root} of the block server.

A publisher shows each peer what it should fetch here; who still fetches tells what it has. A file that lies complete
in the store is opened when somebody asks. Of any other nothing is known, which is status 204; servers that are none of
ours do not know the path and say 404.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
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
# Files that are spoken of at a time: the one that nobody spoke of for longest is closed.
MAX_FILES: Final = 16

FindFile = Callable[[Cid], Awaitable[int | None]]
"""Distinct leaves of a file that is complete here; None if it is not."""


async def find_nothing(root: Cid) -> int | None:
    """Of a process that opens every file itself."""
    return None


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

    def __init__(self, session: bytes, draw: random.Random, find: FindFile = find_nothing) -> None:
        self._session = session
        self._draw = draw
        self._find = find
        self.port = 0
        """Where this process serves; 0 if it does not."""
        self._files: OrderedDict[Cid, OpenFile] = OrderedDict()

    def open(self, root: Cid, file: OpenFile) -> None:
        """Let peers speak of a file."""
        self._files[root] = file
        self._files.move_to_end(root)
        if len(self._files) > MAX_FILES:
            self._files.popitem(last=False)

    def close(self, root: Cid) -> None:
        """Let nobody speak of it any more."""
        self._files.pop(root, None)

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
            file = self._files.get(root) or await self._found(root)
            if file is None:
                return Response(NOT_OPEN)
            self._files.move_to_end(root)
            message = Message.from_bytes(request.body, file.num_leaves)
        except Rejected as rejected:
            return Response(400, body=f"{rejected}\n".encode())
        if message.session == self._session:
            return Response(NOT_OPEN)  # we were told of ourselves
        return Response(200, body=self._hear(file, request.remote, message))

    async def _found(self, root: Cid) -> OpenFile | None:
        num_leaves = await self._find(root)
        if num_leaves is None:
            return None
        if root not in self._files:  # somebody else may have asked meanwhile
            self.open(root, OpenFile(num_leaves, publisher=Publisher(num_leaves)))
        return self._files[root]

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
