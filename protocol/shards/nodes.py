"""What a file is made of, from whichever source has it: its nodes come first, and tell the leaves to fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from cupel.protocol.network.exchange.engine import GIVE_UP_SECONDS, AskBlock, NotFetched, put_checked
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES, Link, child_links, root_link
from cupel.protocol.storage.port import BlockStore

RETRY_SECONDS: Final = 0.25


async def fetch_leaves(
    root: Cid, sources: Sequence[str], store: BlockStore, request: AskBlock
) -> tuple[Link, ...]:
    """The leaves of the file below `root`, in order; its nodes are fetched and stored.

    NotFetched if nobody delivers them, Rejected(DAG, CID) if `root` is no file of ours.
    """
    block = await _node(root, sources, store, request)
    level = [(root_link(root, block), block)]
    while level[0][0].height > 1:
        children = [child for link, block in level for child in child_links(link, block)]
        level = [(child, await _node(child.cid, sources, store, request)) for child in children]
    if level[0][0].height == 0:
        return (level[0][0],)
    return tuple(leaf for link, block in level for leaf in child_links(link, block))


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
    raise NotFetched(f"nobody delivers {cid} ({_troubles(trouble)}); check the CID and the sources")


def _troubles(trouble: dict[str, str]) -> str:
    return ", ".join(f"{source}: {reason}" for source, reason in sorted(trouble.items())) or "no answer"
