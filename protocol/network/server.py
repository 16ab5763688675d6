"""The data plane's serving half: blocks over HTTP, in the forms any IPFS gateway has (see `gateway`).

What is served was checked against its address when it was written, or now; a peer that gets wrong bytes from us got
them from somebody in between. A slow, silent or greedy client holds up nobody else.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.network import bundle
from cupel.protocol.network.exchange.turns import LIMITED_SLOTS, UNLIMITED_SLOTS, UploadTurns
from cupel.protocol.network.gateway import Gateway
from cupel.protocol.network.http_server import Handler, HttpServer, Limits, Request, Response
from cupel.protocol.network.listening import bind
from cupel.protocol.network.rate_limit import RateLimit
from cupel.protocol.network.upload_limit import UploadLimit
from cupel.protocol.spec.shardcast.cid import CID_BYTES, Cid
from cupel.protocol.storage.port import BlockStore

RETRY_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers the requests whose path begins so; the rest of the path is the handler's to look at."""

    prefix: str
    handle: Callable[[Request], Awaitable[Response]]


class BlockServer:
    """Serves a store's blocks until closed; counts what it served."""

    def __init__(
        self,
        store: BlockStore,
        routes: Sequence[Route] = (),
        upload_limit: UploadLimit | None = None,
        rate_limit: RateLimit | None = None,
        limits: Limits | None = None,
        bring: Callable[[Cid], Awaitable[bool]] | None = None,
    ) -> None:
        self._store = store
        self._gateway = Gateway(self._current_store, self._count, bring)
        self._routes = routes
        self._rate_limit = rate_limit or RateLimit()
        limited = upload_limit is not None and upload_limit.piece_bytes is not None
        self._turns = UploadTurns(LIMITED_SLOTS if limited else UNLIMITED_SLOTS)
        self._server = HttpServer(self._answer, upload_limit or UploadLimit(None), limits or Limits())
        self.blocks_out = 0
        self.bytes_out = 0

    @property
    def uploads(self) -> int:
        """Answers in progress."""
        return self._gateway.uploads

    def use(self, store: BlockStore) -> None:
        """Serve from this store from now on."""
        self._store = store

    async def start(self, host: str, port: int) -> int:
        """Listen; the port (a free one for 0). PortTaken, or NetworkError for a host that is not this machine's."""
        listener = bind("http_port", host, port)
        self._server.start(listener)
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Stop listening and hang up."""
        await self._server.close()

    async def _answer(self, request: Request) -> Response:
        num_blocks = max(1, len(request.body) // CID_BYTES) if request.path == bundle.PATH else 1
        wait_seconds = self._rate_limit.ask(request.remote, time.monotonic(), num_blocks)
        if wait_seconds > 0.0:
            return Response(429, {"Retry-After": str(max(1, round(wait_seconds + 0.5)))})
        for route in self._routes:
            if request.path.startswith(route.prefix):
                return await route.handle(request)
        if request.path == bundle.PATH:
            if request.method != "POST":
                return Response(405, {"Allow": "POST"})
            return await self._in_turn(request, self._gateway.bundle)
        if not request.path.startswith("/ipfs/"):
            return Response(404)
        if request.method not in ("GET", "HEAD"):
            return Response(405, {"Allow": "GET, HEAD"})
        if request.method == "HEAD":
            return await self._gateway.answer(request)
        return await self._in_turn(request, self._gateway.answer)

    async def _in_turn(self, request: Request, answer: Handler) -> Response:
        """Serve one after the other rather than all at once; see `exchange.slots`."""
        turn = await self._turns.enter(request.remote)
        if turn is None:
            return Response(503, {"Retry-After": str(RETRY_SECONDS)})
        try:
            response = await answer(request)
        except BaseException:
            self._turns.leave(request.remote, turn)
            raise
        told = response.done

        def done(num_bytes: int) -> None:
            self._turns.leave(request.remote, turn)
            if told is not None:
                told(num_bytes)

        response.done = done
        return response

    def _current_store(self) -> BlockStore:
        return self._store

    def _count(self, num_blocks: int, num_bytes: int) -> None:
        self.blocks_out += num_blocks
        self.bytes_out += num_bytes
