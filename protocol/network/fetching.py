"""Whole files from the swarm: the DAG is walked from the root, checked on the way and stored from the leaves up.

The root is stored last. So whoever holds a root holds the whole file, and asking for the root alone (`holders`)
tells who can serve it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES, Link, child_links, root_link
from cupel.protocol.storage.files import BlockMissing, read_file
from cupel.protocol.storage.port import BlockStore

# Leaves in flight: with 1 MiB each, what a fetch holds in memory beside the file itself.
WINDOW: Final = 8
# Files of so many leaves are worth the talk about who has which.
SHARED_LEAVES: Final = 8

FetchBlock = Callable[[Cid, int], Awaitable[bytes]]
"""A block of at most so many bytes, from a peer, checked; not stored."""
FetchLeaves = Callable[[Cid, Sequence[Link]], Awaitable[None]]
"""Has the leaves of a file, by its root, in the store."""


async def fetch_file(
    store: BlockStore, fetch: FetchBlock, fetch_leaves: FetchLeaves, root: Cid, max_bytes: int
) -> bytes:
    """The file below `root`, from the store as far as it is there, else from peers; all of it is stored then.

    `fetch_leaves` is asked for the leaves of large files. Rejected(SIZE) for a file above `max_bytes`, found out from
    the root alone; Rejected(DAG, CID) for a root that is no file of ours; both are the publisher's doing, not the
    serving peer's. Whatever the functions raise otherwise.
    """
    while True:
        try:
            return await asyncio.to_thread(read_file, store, root, max_bytes)
        except BlockMissing:
            await _complete_file(store, fetch, fetch_leaves, root, max_bytes)


async def _complete_file(
    store: BlockStore, fetch: FetchBlock, fetch_leaves: FetchLeaves, root: Cid, max_bytes: int
) -> None:
    block = await _obtain(store, fetch, root, MAX_BLOCK_BYTES)
    link = root_link(root, block)
    if link.file_bytes > max_bytes:
        raise Rejected(Reason.SIZE, f"file of {link.file_bytes} bytes, at most {max_bytes} allowed")
    nodes, leaves = await fetch_nodes(link, block, lambda cid: _obtain(store, fetch, cid, MAX_BLOCK_BYTES))
    if len(leaves) >= SHARED_LEAVES:
        await fetch_leaves(root, leaves)
    else:
        await fetch_each(store, fetch, leaves)
    for cid, node in reversed(nodes):
        await asyncio.to_thread(store.put, node, cid)


async def fetch_nodes(
    root: Link, block: bytes, obtain: Callable[[Cid], Awaitable[bytes]]
) -> tuple[list[tuple[Cid, bytes]], tuple[Link, ...]]:
    """The nodes of the file below `root`, whose bytes are `block`, parents first, and its leaves; each once.

    A leaf that is its own file comes as the node. Rejected(DAG, CID) for what is no file of ours.
    """
    nodes, level = [(root.cid, block)], [(root, block)]
    while level[0][0].height > 1:
        # A checkpoint may repeat a leaf of zeros, and so a whole node of them, a thousand times.
        children = dict.fromkeys(child for parent, block in level for child in child_links(parent, block))
        level = [(child, await obtain(child.cid)) for child in children]
        nodes += [(child.cid, block) for child, block in level]
    return nodes, tuple(dict.fromkeys(leaf for parent, block in level for leaf in child_links(parent, block)))


def leaf_starts(link: Link, nodes: Mapping[Cid, bytes], start: int = 0) -> Iterator[tuple[Link, int]]:
    """The leaves at and below `link`, in the order of the file, and where each begins."""
    if link.height == 0:
        yield link, start
        return
    for child in child_links(link, nodes[link.cid]):
        yield from leaf_starts(child, nodes, start)
        start += child.file_bytes


async def fetch_each(store: BlockStore, fetch: FetchBlock, leaves: Sequence[Link]) -> None:
    """Have the leaves in the store, each by itself. What `fetch` raises; Rejected(DAG) as `child_links`."""
    window = asyncio.Semaphore(WINDOW)
    try:
        async with asyncio.TaskGroup() as tasks:
            for leaf in leaves:
                tasks.create_task(_complete_leaf(store, fetch, leaf, window))
    except BaseExceptionGroup as group:
        # One leaf that fails fails the file; the first reason is the reason.
        raise group.exceptions[0] from None


async def _complete_leaf(store: BlockStore, fetch: FetchBlock, leaf: Link, window: asyncio.Semaphore) -> None:
    async with window:
        block = await _obtain(store, fetch, leaf.cid, leaf.file_bytes)
        child_links(leaf, block)
        await asyncio.to_thread(store.put, block, leaf.cid)


async def _obtain(store: BlockStore, fetch: FetchBlock, cid: Cid, max_bytes: int) -> bytes:
    block = await asyncio.to_thread(store.get, cid)
    return await fetch(cid, max_bytes) if block is None else block
