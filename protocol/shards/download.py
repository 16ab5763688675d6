"""All blocks of a file from several sources at once.

Each source is asked for a few blocks at a time and takes its next one when it delivered: a fast source delivers more,
a dead one keeps its few for a moment and a lying one is asked no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
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


def num_distinct_leaves(store: BlockStore, root: Link) -> int:
    """Leaves of a file that is in `store`, each counted once."""
    return len(set(_leaves_here(store, root)))


def _leaves_here(store: BlockStore, parent: Link) -> Iterator[Cid]:
    if parent.height == 0:
        yield parent.cid
        return
    block = store.get(parent.cid)
    assert block is not None, "whoever publishes a file has its nodes"
    for child in child_links(parent, block):
        yield from _leaves_here(store, child)


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
