"""Whole files in a block store."""

from __future__ import annotations

import os
from pathlib import Path

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import Link, child_links, file_dag, root_link
from cupel.protocol.storage.fast import write_exactly
from cupel.protocol.storage.filesystem import storage_errors
from cupel.protocol.storage.port import BlockStore, BulkStore


class BlockMissing(Exception):
    """A block of a file that is not in the store."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"block {cid} is not in the store")
        self.cid = cid


def put_file(store: BlockStore, content: bytes) -> Cid:
    """Store a file and return its root. The root is stored last: whoever holds it holds the file."""
    root, blocks = file_dag(content)
    if isinstance(store, BulkStore):
        store.put_blocks(blocks)
    else:
        for cid, block in blocks:
            store.put(block, cid)
    return root


def read_file(store: BlockStore, root: Cid, max_bytes: int) -> bytes:
    """The file below `root`.

    BlockMissing if the store lacks a block, Rejected(SIZE) if the file is larger than `max_bytes` (found out before
    its leaves are read), Rejected(DAG, CID) if it is no file of ours.
    """
    link = root_link(root, _block(store, root))
    if link.file_bytes > max_bytes:
        raise Rejected(Reason.SIZE, f"file of {link.file_bytes} bytes, at most {max_bytes} allowed")
    return b"".join(_leaves(store, link))


def file_leaves(store: BlockStore, root: Cid) -> tuple[Link, ...]:
    """The leaves of the file below `root`, in order; they need not be in the store.

    BlockMissing if a node is not, Rejected(DAG, CID) if it is no file of ours.
    """
    level = [root_link(root, _block(store, root))]
    while level[0].height:
        level = [child for link in level for child in child_links(link, _block(store, link.cid))]
    return tuple(level)


def write_file(store: BlockStore, root: Cid, path: Path) -> None:
    """Write the file below `root` to `path`, where it appears whole or not at all; one leaf at a time in memory.

    BlockMissing if the store lacks a block, Rejected(DAG, CID) if it is no file of ours, StorageFull or StorageError
    if it cannot be written. It survives a power cut once this returns.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with storage_errors(path):
        try:
            with temporary.open("xb", buffering=0) as file:
                offset = 0
                for leaf in file_leaves(store, root):
                    write_exactly(file.fileno(), offset, _block(store, leaf.cid))
                    offset += leaf.file_bytes
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _leaves(store: BlockStore, link: Link) -> list[bytes]:
    block = _block(store, link.cid)
    children = child_links(link, block)
    return [leaf for child in children for leaf in _leaves(store, child)] if children else [block]


def _block(store: BlockStore, cid: Cid) -> bytes:
    block = store.get(cid)
    if block is None:
        raise BlockMissing(cid)
    return block
