"""What every BlockStore does, as checks that any implementation can be run through.

Each check takes a fresh, empty store and raises AssertionError where the store departs from the port.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, MAX_BLOCK_BYTES, file_dag
from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.port import BlockStore
from cupel.protocol.testing.patterns import pattern_bytes


def returns_what_was_put(store: BlockStore) -> None:
    """A block is absent before it is put, and itself afterwards, empty and largest blocks included."""
    for block in (b"", b"block", bytes(MAX_BLOCK_BYTES)):
        cid = Cid.raw_of(block)
        assert not store.has(cid)
        assert store.get(cid) is None
        assert store.put(block) == cid
        assert store.has(cid)
        assert store.get(cid) == block


def puts_again_for_free(store: BlockStore) -> None:
    """The same block twice is one block."""
    cid = store.put(b"block")
    assert store.put(b"block", cid) == cid
    assert list(store.cids()) == [cid]


def keeps_codecs_apart(store: BlockStore) -> None:
    """Equal bytes under two codecs have two addresses, and both can be asked for."""
    node = Cid(Codec.DAG_PB, sha256(b"block"))
    store.put(b"block", node)
    assert store.get(node) == b"block"
    assert not store.has(Cid.raw_of(b"block"))


def refuses_other_bytes(store: BlockStore) -> None:
    """Bytes that the address does not name are refused and nothing is stored."""
    cid = Cid.raw_of(b"block")
    _assert_rejected(store, b"blocK", cid, Reason.BLOCK_HASH)
    _assert_rejected(store, bytes(MAX_BLOCK_BYTES + 1), None, Reason.SIZE)
    assert not store.has(cid)
    assert list(store.cids()) == []


def deletes_once(store: BlockStore) -> None:
    """A deleted block is absent; deleting what is absent does nothing."""
    cid = store.put(b"block")
    assert store.delete(cid)
    assert not store.has(cid)
    assert store.get(cid) is None
    assert list(store.cids()) == []
    assert not store.delete(cid)


def lists_every_block(store: BlockStore) -> None:
    """The listing is exactly what was put, and may be deleted from while it runs."""
    blocks = {store.put(bytes([number])) for number in range(50)}
    listed = set()
    for cid in store.cids():
        listed.add(cid)
        store.delete(cid)
    assert listed == blocks
    assert list(store.cids()) == []


def keeps_what_is_pinned(store: BlockStore) -> None:
    """A pin holds before and after the block arrives, and until it is taken away."""
    cid = Cid.raw_of(b"block")
    store.pin(cid)
    store.pin(cid)
    assert store.pinned() == frozenset({cid})
    assert not store.has(cid)
    store.put(b"block")
    assert not store.delete(cid)
    assert store.has(cid)
    store.unpin(cid)
    store.unpin(cid)
    assert store.pinned() == frozenset()
    assert store.delete(cid)


def holds_files(store: BlockStore) -> None:
    """Files of no, one and several chunks read back; a file lacking a block says which; bounds hold."""
    for size in (0, 5, 2 * CHUNK_BYTES + 5):
        content = pattern_bytes("file", size)
        root = put_file(store, content)
        assert root == file_dag(content)[0]
        assert read_file(store, root, size) == content
    with pytest.raises(Rejected) as caught:
        read_file(store, root, size - 1)
    assert caught.value.reason is Reason.SIZE
    lost = file_dag(content)[1][1][0]
    store.delete(lost)
    with pytest.raises(BlockMissing) as missing:
        read_file(store, root, size)
    assert missing.value.cid == lost


def _assert_rejected(store: BlockStore, block: bytes, cid: Cid | None, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        store.put(block, cid)
    assert caught.value.reason is reason


STORE_CHECKS: Final[tuple[Callable[[BlockStore], None], ...]] = (
    returns_what_was_put,
    puts_again_for_free,
    keeps_codecs_apart,
    refuses_other_bytes,
    deletes_once,
    lists_every_block,
    keeps_what_is_pinned,
    holds_files,
)
