"""Blocks over libp2p streams, for peers that accept no connections: over the one that they made themselves.

    request   one byte, `?` or `!`, one of length, and a CID as text
    answer    one byte, 0 (not here) or 1, and after `!` four bytes of length, big-endian, and the block

One request a stream. In trio, in the gossip thread: what a store does happens in other threads.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES

PROTOCOL: Final = TProtocol("/cupel/block/1.0.0")
HAVE, GET = b"?", b"!"
ABSENT, PRESENT = b"\0", b"\1"
MAX_ADDRESS_BYTES: Final = 64
LENGTH_BYTES: Final = 4
WRITE_BYTES: Final = 1 << 18
SERVE_SECONDS: Final = 30.0
RESET_SECONDS: Final = 1.0
MAX_SERVED: Final = 8
"""At a time: each holds a block in memory."""

FindBlock = Callable[[Cid], bytes | None]
"""Called in a thread of its own. May raise anything."""


class Malformed(Exception):
    """A peer's request or answer that is none."""


def server(find: FindBlock) -> Callable[[Any], Awaitable[None]]:
    """What answers a stream from the store behind `find`; others wait for their turn, within the same deadline."""
    turns = trio.CapacityLimiter(MAX_SERVED)

    async def serve(stream: Any) -> None:
        try:
            with trio.fail_after(SERVE_SECONDS):
                async with turns:
                    await _answer(stream, find)
            await stream.close()
        except BaseException:
            with trio.CancelScope(deadline=trio.current_time() + RESET_SECONDS, shield=True):
                await stream.reset()
            raise

    return serve


async def ask(host: Any, peer_id: str, cid: Cid, max_bytes: int, only_have: bool) -> bytes | None:
    """A block, unchecked, from a peer that is connected; empty bytes for `only_have`. None if it has none.

    Malformed, or whatever the library raises; it has no deadline of its own.
    """
    stream = await host.new_stream(ID.from_string(peer_id), [PROTOCOL])
    try:
        address = str(cid).encode("ascii")
        await stream.write((HAVE if only_have else GET) + bytes([len(address)]) + address)
        if await _read_exactly(stream, 1) != PRESENT:
            return None
        if only_have:
            return b""
        size = int.from_bytes(await _read_exactly(stream, LENGTH_BYTES), "big")
        if size > max_bytes:
            raise Malformed(f"{size} bytes, at most {max_bytes} were asked for")
        return await _read_exactly(stream, size)
    finally:
        with trio.CancelScope(deadline=trio.current_time() + RESET_SECONDS, shield=True):
            await stream.reset()


async def _answer(stream: Any, find: FindBlock) -> None:
    wish, length = await _read_exactly(stream, 2)
    if length > MAX_ADDRESS_BYTES or wish not in HAVE + GET:
        raise Malformed("no request")
    try:
        cid = Cid.parse((await _read_exactly(stream, length)).decode("ascii"))
    except (Rejected, UnicodeDecodeError) as error:
        raise Malformed("no address") from error
    block = await trio.to_thread.run_sync(functools.partial(find, cid))
    if block is None or len(block) > MAX_BLOCK_BYTES:
        await stream.write(ABSENT)
    elif wish == HAVE[0]:
        await stream.write(PRESENT)
    else:
        await stream.write(PRESENT + len(block).to_bytes(LENGTH_BYTES, "big"))
        for start in range(0, len(block), WRITE_BYTES):
            await stream.write(block[start : start + WRITE_BYTES])


async def _read_exactly(stream: Any, count: int) -> bytes:
    parts, missing = [], count
    while missing:
        part = await stream.read(missing)
        if not part:
            raise Malformed("broken off")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
