"""What the paths of an IPFS gateway mean here.

    GET or HEAD /ipfs/{cid}?format=raw      the block
    GET or HEAD /ipfs/{cid}?format=car      the block and all below it, as a CARv1 in the order of the file
    GET or HEAD /ipfs/{cid}                 the file: bytes, with ranges (a raw block is its own file)
    POST /blocks                            many blocks in one answer, between peers of ours (see `bundle`)

The first two can be checked by whoever gets them; the third is for browsers and tools that trust this gateway.
Source: the trustless and path gateway specifications of IPFS; RFC 9110 for ranges and conditions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from cupel.protocol.network.bundle import from_request, to_lengths
from cupel.protocol.network.byte_ranges import UNSATISFIABLE, ByteRange, parse_range
from cupel.protocol.network.http_server import Piece, Request, Response, size
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.car import car_block_head, car_head
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import Link, child_links, leaf_link, root_link
from cupel.protocol.storage.fast import BlockPlace, FastStore
from cupel.protocol.storage.port import BlockStore, StorageError

RAW_BLOCK: Final = "application/vnd.ipld.raw"
CAR: Final = "application/vnd.ipld.car"
_CACHE: Final = "public, max-age=29030400, immutable"


class BlockGone(ConnectionError):
    """A block of a file whose sending has begun is not here (any more)."""


class Gateway:
    """Answers from the store that `store` names at that moment; `count` hears of blocks and bytes given away.

    `bring` is asked for what the store lacks, and says whether the store has it now.
    """

    def __init__(
        self,
        store: Callable[[], BlockStore],
        count: Callable[[int, int], None],
        bring: Callable[[Cid], Awaitable[bool]] | None = None,
    ) -> None:
        self._store = store
        self._count = count
        self._bring = bring
        self.uploads = 0
        """Answers in progress."""

    async def answer(self, request: Request) -> Response:
        """The answer to a GET or HEAD below /ipfs/."""
        text = request.path.removeprefix("/ipfs/")
        try:
            cid = Cid.parse(text)
        except Rejected as rejected:
            return Response(400 if text and "/" not in text else 404, body=f"{rejected}\n".encode())
        form = _form(request)
        try:
            if form == "raw":
                return await self._block(request, cid)
            if form == "car":
                return await self._archive(request, cid)
            if form == "file":
                return await self._file(request, cid)
        except StorageError:
            # The details are the operator's business: the store has told them.
            return Response(500)
        return Response(406, body=b"format is raw or car, or none for the file\n")

    async def bundle(self, request: Request) -> Response:
        """The answer to a POST of `bundle.PATH`: what the store has of the blocks; nothing is brought for it."""
        pieces: list[Piece | None] = []
        try:
            for cid in from_request(request.body):
                pieces.append(await self._stored_piece(cid))
        except Rejected as rejected:
            return Response(400, body=f"{rejected}\n".encode())
        except StorageError:
            _close(pieces)
            return Response(500)
        lengths = to_lengths([None if piece is None else size(piece) for piece in pieces])
        here = [piece for piece in pieces if piece is not None]
        num_bytes = len(lengths) + sum(map(size, here))
        fields = {"Content-Type": "application/octet-stream", "Cache-Control": "no-store"}
        response = Response(200, fields, pieces=_in_order(lengths, here), num_bytes=num_bytes)
        return self._giving(response, len(here), here)

    async def _block(self, request: Request, cid: Cid) -> Response:
        fields = _fields(RAW_BLOCK, f"{cid}.raw", f"{cid}.bin")
        if _has_it(request, fields):
            return Response(304, _without_content(fields))
        piece = await self._piece(cid)
        return Response(404) if piece is None else self._giving(Response(200, fields, piece), num_blocks=1)

    async def _archive(self, request: Request, cid: Cid) -> Response:
        fields = _fields(f"{CAR}; version=1; order=dfs; dups=y", f"{cid}.car", f"{cid}.car")
        if _has_it(request, fields):
            return Response(304, _without_content(fields))
        found = await self._root(cid)
        if found is None:
            return Response(404)
        if isinstance(found, Rejected):
            return Response(415, body=f"{found}\n".encode())
        return self._giving(Response(200, fields, pieces=self._archive_pieces(*found)))

    async def _file(self, request: Request, cid: Cid) -> Response:
        fields = _fields("application/octet-stream", str(cid), str(cid)) | {"Accept-Ranges": "bytes"}
        if _has_it(request, fields):
            return Response(304, _without_content(fields))
        found = await self._root(cid)
        if found is None:
            return Response(404)
        if isinstance(found, Rejected):
            return Response(415, body=f"{found}\n".encode())
        link, block = found
        wanted = None
        if request.fields.get("if-range", fields["Etag"]) == fields["Etag"]:
            wanted = parse_range(request.fields.get("range"), link.file_bytes)
        if wanted is UNSATISFIABLE:
            return Response(416, {"Content-Range": f"bytes */{link.file_bytes}"})
        status = 200
        if isinstance(wanted, ByteRange):
            status = 206
            fields["Content-Range"] = f"bytes {wanted.start}-{wanted.end - 1}/{link.file_bytes}"
        span = wanted if isinstance(wanted, ByteRange) else ByteRange(0, link.file_bytes)
        pieces = self._file_pieces(link, block, 0, span)
        return self._giving(Response(status, fields, pieces=pieces, num_bytes=span.end - span.start))

    async def _root(self, cid: Cid) -> tuple[Link, bytes] | Rejected | None:
        block = await self._block_bytes(cid)
        if block is None:
            return None
        if cid.codec is Codec.RAW:
            # Others cut files into larger leaves than ours.
            return leaf_link(cid, len(block)), block
        try:
            return root_link(cid, block), block
        except Rejected as rejected:
            return rejected

    async def _archive_pieces(self, link: Link, block: bytes) -> AsyncIterator[Piece]:
        yield car_head(link.cid)
        async for piece in self._archive_below(link, block):
            yield piece

    async def _archive_below(self, link: Link, block: bytes) -> AsyncIterator[Piece]:
        yield car_block_head(link.cid, len(block))
        yield block
        for child in child_links(link, block):
            if child.height:
                async for piece in self._archive_below(child, await self._present(child.cid)):
                    yield piece
                continue
            leaf = await self._piece(child.cid)
            if leaf is None:
                raise BlockGone(child.cid)
            with _closing(leaf):
                yield car_block_head(child.cid, size(leaf))
                yield leaf

    async def _file_pieces(
        self, link: Link, block: bytes, start: int, span: ByteRange
    ) -> AsyncIterator[Piece]:
        """The bytes of `span` at and below `link`, whose first byte is the file's byte `start`."""
        if link.height == 0:
            yield block[max(0, span.start - start) : span.end - start]
            return
        for child in child_links(link, block):
            end = start + child.file_bytes
            if end > span.start and start < span.end:
                if child.height:
                    async for piece in self._file_pieces(child, await self._present(child.cid), start, span):
                        yield piece
                else:
                    leaf = await self._piece(child.cid)
                    if leaf is None:
                        raise BlockGone(child.cid)
                    with _closing(leaf):
                        yield _part(leaf, max(0, span.start - start), min(end, span.end) - start)
            start = end

    async def _present(self, cid: Cid) -> bytes:
        block = await self._block_bytes(cid)
        if block is None:
            raise BlockGone(cid)
        return block

    async def _block_bytes(self, cid: Cid) -> bytes | None:
        block = await asyncio.to_thread(self._store().get, cid)
        if block is None and self._bring is not None and await self._bring(cid):
            block = await asyncio.to_thread(self._store().get, cid)
        return block

    async def _piece(self, cid: Cid) -> Piece | None:
        piece = await self._stored_piece(cid)
        if piece is None and self._bring is not None and await self._bring(cid):
            piece = await self._stored_piece(cid)
        return piece

    async def _stored_piece(self, cid: Cid) -> Piece | None:
        store = self._store()
        if isinstance(store, FastStore):
            place = store.known_block(cid) or await asyncio.to_thread(store.open_block, cid)
            if place is not None:
                return place
        return await asyncio.to_thread(store.get, cid)

    def _giving(self, response: Response, num_blocks: int = 0, opened: Sequence[Piece] = ()) -> Response:
        """Have the answer counted while it is sent and when it was, and what was opened for it closed then."""

        def done(num_bytes: int) -> None:
            self.uploads -= 1
            _close(opened)
            if num_bytes:
                self._count(num_blocks, num_bytes)

        self.uploads += 1
        response.done = done
        return response


def _form(request: Request) -> str:
    """What is asked for: by the query, else by the kinds of content the client accepts."""
    if "format" in request.query:
        return request.query["format"]
    accepted = request.fields.get("accept", "")
    return "raw" if RAW_BLOCK in accepted else "car" if CAR in accepted else "file"


def _fields(kind: str, tag: str, name: str) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "Cache-Control": _CACHE,
        "Etag": f'"{tag}"',
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "X-Ipfs-Path": f"/ipfs/{tag.partition('.')[0]}",
        "Access-Control-Allow-Origin": "*",
    }


def _without_content(fields: dict[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in ("Etag", "Cache-Control", "Access-Control-Allow-Origin")}


def _has_it(request: Request, fields: dict[str, str]) -> bool:
    known = [tag.strip().removeprefix("W/") for tag in request.fields.get("if-none-match", "").split(",")]
    return fields["Etag"] in known or known == ["*"]


def _close(pieces: Sequence[Piece | None]) -> None:
    for piece in pieces:
        if isinstance(piece, BlockPlace):
            piece.close()


async def _in_order(first: bytes, pieces: Sequence[Piece]) -> AsyncIterator[Piece]:
    yield first
    for piece in pieces:
        yield piece


@contextmanager
def _closing(piece: Piece) -> Iterator[None]:
    try:
        yield
    finally:
        if isinstance(piece, BlockPlace):
            piece.close()


def _part(piece: Piece, start: int, end: int) -> Piece:
    if isinstance(piece, bytes):
        return piece[start:end]
    return BlockPlace(piece.descriptor, piece.offset + start, end - start)
