"""The data plane's serving half: blocks over HTTP, in the form any trustless IPFS gateway has.

    GET or HEAD /ipfs/{cid}?format=raw      200 with the block's bytes, 404 if it is not here

Source: the IPFS trustless gateway specification, its raw-block part. What is served was checked against its address
when it was read, so a peer that gets wrong bytes from us got them from somebody in between.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from cupel.protocol.network.listening import bind
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.port import BlockStore, StorageError

RAW_BLOCK: Final = "application/vnd.ipld.raw"
# Times the largest block (2 MiB): what answers in progress may hold in memory. Others are told to come back.
MAX_UPLOADS: Final = 32
# The slowest reader that is still served: 2 MiB in this time is 70 kB/s.
UPLOAD_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 1
PIECE_BYTES: Final = 256 * 1024
_BACKLOG: Final = 64
_SHUTDOWN_SECONDS: Final = 0.5


class BlockServer:
    """Serves a store's blocks until closed; counts what it served."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store
        self._runner: web.AppRunner | None = None
        self.uploads = 0
        """Answers in progress."""
        self.blocks_out = 0
        self.bytes_out = 0

    async def start(self, host: str, port: int) -> int:
        """Listen; the port (a free one for 0). PortTaken, or NetworkError for a host that is not this machine's."""
        listener = bind("http_port", host, port)
        application = web.Application()
        application.router.add_get("/ipfs/{cid}", self._answer, allow_head=True)
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=_BACKLOG).start()
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Stop listening; answers in progress get half a second."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("format", "raw") != "raw":
            return web.Response(status=406, text="only format=raw is served\n")
        try:
            cid = Cid.parse(request.match_info["cid"])
        except Rejected as rejected:
            return web.Response(status=400, text=f"{rejected}\n")
        if self.uploads >= MAX_UPLOADS:
            return web.Response(status=503, headers={"Retry-After": str(RETRY_SECONDS)})
        self.uploads += 1
        try:
            return await self._send(request, cid)
        finally:
            self.uploads -= 1

    async def _send(self, request: web.Request, cid: Cid) -> web.StreamResponse:
        try:
            block = await asyncio.to_thread(self._store.get, cid)
        except StorageError:
            return web.Response(status=500)
        if block is None:
            return web.Response(status=404)
        response = web.StreamResponse(
            headers={
                "Content-Type": RAW_BLOCK,
                "Cache-Control": "public, max-age=29030400, immutable",
                "Etag": f'"{cid}.raw"',
                "X-Content-Type-Options": "nosniff",
            },
        )
        response.content_length = len(block)
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await _write(request, response, block)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            return response
        if request.method == "GET":
            self.blocks_out += 1
            self.bytes_out += len(block)
        return response


async def _write(request: web.Request, response: web.StreamResponse, block: bytes) -> None:
    """Piece by piece, waiting for the reader: an upload ends when its bytes are gone, not when they are queued."""
    await response.prepare(request)
    if request.method == "GET":
        for start in range(0, len(block), PIECE_BYTES):
            await response.write(block[start : start + PIECE_BYTES])
    await response.write_eof()
