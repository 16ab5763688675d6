"""What every BlockStore does, as checks that any implementation can be run through.

Each check of STORE_CHECKS takes a fresh, empty store; each of PLACE_CHECKS a fresh, empty place where a store keeps
its blocks when no process runs. All raise AssertionError where the store departs from the port.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, Protocol

import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, MAX_BLOCK_BYTES, file_dag
from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.port import BlockStore, StorageFull
from cupel.protocol.testing.patterns import pattern_bytes

# A dag-pb node with empty data and no links: stores that read what they keep accept it.
_NODE: Final = b"\x0a\x00"
_THREADS: Final = 8


class StorePlace(Protocol):
    """Where a store keeps its blocks, and the two accidents that can happen there."""

    def open(self) -> BlockStore:
        """A store over this place, as a process has it that starts now."""
        ...

    def die_while_putting(self, block: bytes) -> None:
        """Let a process begin to put `block` here and die when half of its bytes are on their way."""
        ...

    def full(self) -> AbstractContextManager[None]:
        """While this is entered, a block of 64 KiB does not fit here."""
        ...


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
    node = Cid(Codec.DAG_PB, sha256(_NODE))
    store.put(_NODE, node)
    assert store.get(node) == _NODE
    assert not store.has(Cid.raw_of(_NODE))
    assert store.get(Cid.raw_of(_NODE)) is None
    assert list(store.cids()) == [node]


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


def takes_puts_at_once(store: BlockStore) -> None:
    """Threads that put the same and different blocks all succeed, and every block is whole."""
    blocks = [pattern_bytes(f"block {number}", 40_000) for number in range(_THREADS)]
    with ThreadPoolExecutor(_THREADS) as threads:
        put = list(threads.map(store.put, [block for block in blocks for _ in range(3)]))
    assert set(put) == {Cid.raw_of(block) for block in blocks}
    assert set(store.cids()) == set(put)
    assert [store.get(Cid.raw_of(block)) for block in blocks] == blocks


def survives_its_process(place: StorePlace) -> None:
    """What one process put and pinned, the next one holds."""
    first = place.open()
    cid = first.put(b"block")
    first.pin(cid)
    second = place.open()
    assert second.get(cid) == b"block"
    assert list(second.cids()) == [cid]
    assert second.pinned() == frozenset({cid})
    assert not second.delete(cid)


def shows_nothing_of_half_a_put(place: StorePlace) -> None:
    """A process that died while it put a block leaves no block, and nothing in the way of the next put."""
    block = pattern_bytes("half", CHUNK_BYTES)
    place.die_while_putting(block)
    store = place.open()
    cid = Cid.raw_of(block)
    assert not store.has(cid)
    assert store.get(cid) is None
    assert list(store.cids()) == []
    store.put(block)
    assert store.get(cid) == block


def says_when_it_is_full(place: StorePlace) -> None:
    """No space is StorageFull and nothing stored; what was there before is unharmed, and space is used again."""
    store = place.open()
    before = store.put(b"before")
    block = pattern_bytes("too much", 1 << 16)
    cid = Cid.raw_of(block)
    with place.full(), pytest.raises(StorageFull):
        store.put(block)
    assert not store.has(cid)
    assert store.get(cid) is None
    assert list(store.cids()) == [before]
    assert store.get(before) == b"before"
    store.put(block)
    assert store.get(cid) == block


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
    takes_puts_at_once,
)

PLACE_CHECKS: Final[tuple[Callable[[StorePlace], None], ...]] = (
    survives_its_process,
    shows_nothing_of_half_a_put,
    says_when_it_is_full,
)
