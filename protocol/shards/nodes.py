"""What a file is made of, from whichever source has it: its nodes come first, and tell the leaves to fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from cupel.protocol.network.exchange.engine import GIVE_UP_SECONDS, NotFetched, put_checked, told
from cupel.protocol.network.exchange.wire import AskBlock
from cupel.protocol.network.fetching import fetch_nodes
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES, Link, root_link
from cupel.protocol.storage.files import file_leaves
from cupel.protocol.storage.port import BlockStore

RETRY_SECONDS: Final = 0.25


async def fetch_leaves(
    root: Cid, sources: Sequence[str], store: BlockStore, request: AskBlock
) -> tuple[Link, ...]:
    """The leaves of the file below `root`, in order; its nodes are fetched and stored.

    NotFetched if nobody delivers them, Rejected(DAG, CID) if `root` is no file of ours.
    """

    async def obtain(cid: Cid) -> bytes:
        return await _node(cid, sources, store, request)

    block = await obtain(root)
    await fetch_nodes(root_link(root, block), block, obtain)
    return await asyncio.to_thread(file_leaves, store, root)


async def _node(cid: Cid, sources: Sequence[str], store: BlockStore, request: AskBlock) -> bytes:
    block = await asyncio.to_thread(store.get, cid)
    if block is not None:
        return block
    trouble: dict[str, str] = {}
    loop = asyncio.get_running_loop()
    end = loop.time() + GIVE_UP_SECONDS
    while loop.time() < end:
        for source in sources:
            if trouble.get(source) == "lied":
                continue
            outcome = await request(source, cid, MAX_BLOCK_BYTES)
            if not isinstance(outcome.result, NotDelivered):
                await asyncio.to_thread(put_checked, store, outcome.result, cid)
                return bytes(outcome.result)
            trouble[source] = outcome.result.name.lower()
        if all(reason == "lied" for reason in trouble.values()):
            break
        await asyncio.sleep(RETRY_SECONDS)
    raise NotFetched(f"nobody delivers {cid} ({told(trouble)}); check the CID and the sources")
