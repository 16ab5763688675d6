"""Whole files from peers: checked from the root down, stored from the leaves up."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from cupel.protocol.network import fetching
from cupel.protocol.network.errors import NetworkError
from cupel.protocol.network.fetching import fetch_file
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast import unixfs
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, Link, file_dag
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes

CONTENT = pattern_bytes("file", 3 * CHUNK_BYTES + 5)


class Peer:
    """Delivers from a set of blocks, and notes what it was asked for and how much at a time."""

    def __init__(self, blocks: tuple[tuple[Cid, bytes], ...]) -> None:
        self.blocks = dict(blocks)
        self.asked: Counter[Cid] = Counter()
        self.shared: list[Cid] = []
        """Leaves that were asked for together."""
        self.most_at_once = 0
        self.answer_from = 0
        """Leaves are held back until so many were asked for at once."""
        self._now = 0
        self._answering = asyncio.Event()

    async def deliver(self, cid: Cid, max_bytes: int) -> bytes:
        self.asked[cid] += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        if cid.codec is Codec.RAW and self._now >= self.answer_from:
            self._answering.set()
        if cid.codec is Codec.RAW:
            await self._answering.wait()
        await asyncio.sleep(0.001)
        self._now -= 1
        if cid not in self.blocks:
            raise NetworkError("nobody has it")
        assert len(self.blocks[cid]) <= max_bytes
        return self.blocks[cid]


def fetch(store: MemoryStore, peer: Peer, root: Cid, max_bytes: int = 1 << 30) -> bytes:
    async def deliver_each(root: Cid, leaves: Sequence[Link]) -> None:
        for leaf in leaves:
            peer.shared.append(leaf.cid)
            store.put(await peer.deliver(leaf.cid, leaf.file_bytes), leaf.cid)

    return asyncio.run(fetch_file(store, peer.deliver, deliver_each, root, max_bytes))


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(CONTENT)])
def test_every_block_is_fetched_once_and_kept(size: int) -> None:
    root, blocks = file_dag(CONTENT[:size])
    peer, store = Peer(blocks), MemoryStore()
    assert fetch(store, peer, root) == CONTENT[:size]
    assert set(peer.asked.values()) == {1}
    assert set(store.cids()) == set(peer.blocks)
    assert fetch(store, Peer(()), root) == CONTENT[:size]


def test_deeper_files_and_repeated_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 16)
    monkeypatch.setattr(unixfs, "MAX_LINKS", 4)
    content = bytes(16 * 4 * 4 * 3) + b"tail"
    root, blocks = file_dag(content, 16, 4)
    peer, store = Peer(blocks), MemoryStore()
    assert fetch(store, peer, root) == content
    assert set(store.cids()) == set(peer.blocks)
    assert peer.asked.total() < len(blocks) / 2


def test_the_root_is_stored_last(monkeypatch: pytest.MonkeyPatch) -> None:
    # One leaf at a time: what comes before the lost one has arrived.
    monkeypatch.setattr(fetching, "WINDOW", 1)
    root, blocks = file_dag(CONTENT)
    lost = blocks[2][0]
    peer, store = Peer(tuple(block for block in blocks if block[0] != lost)), MemoryStore()
    with pytest.raises(NetworkError, match="nobody has it"):
        fetch(store, peer, root)
    assert not store.has(root)
    # What did arrive is not fetched again.
    complete = Peer(blocks)
    assert fetch(store, complete, root) == CONTENT
    assert lost in complete.asked
    assert complete.asked == Counter([lost, blocks[3][0], root])


def test_a_block_lost_from_the_store_is_fetched_again() -> None:
    root, blocks = file_dag(CONTENT)
    peer, store = Peer(blocks), MemoryStore()
    fetch(store, peer, root)
    store.delete(blocks[1][0])
    again = Peer(blocks)
    assert fetch(store, again, root) == CONTENT
    assert again.asked == Counter([blocks[1][0]])


def test_the_window_bounds_what_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 16)
    monkeypatch.setattr(fetching, "SHARED_LEAVES", 1000)
    content = pattern_bytes("many leaves", 16 * 200)
    root, blocks = file_dag(content, 16)
    peer = Peer(blocks)
    peer.answer_from = fetching.WINDOW
    assert fetch(MemoryStore(), peer, root) == content
    assert peer.most_at_once == fetching.WINDOW


def test_leaves_of_a_large_file_are_asked_for_together_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 16)
    content = pattern_bytes("distinct leaves", 16 * fetching.SHARED_LEAVES) + bytes(64)
    root, blocks = file_dag(content, 16)
    peer, store = Peer(blocks), MemoryStore()
    assert fetch(store, peer, root) == content
    assert peer.shared == list(dict.fromkeys(cid for cid, _ in blocks[:-1]))


def test_a_file_too_large_is_refused_from_its_root_alone() -> None:
    root, blocks = file_dag(CONTENT)
    peer, store = Peer(blocks), MemoryStore()
    with pytest.raises(Rejected) as caught:
        fetch(store, peer, root, len(CONTENT) - 1)
    assert caught.value.reason is Reason.SIZE
    assert peer.asked == Counter([root])
    assert list(store.cids()) == []


def test_a_dag_that_lies_about_a_leaf_is_refused() -> None:
    full, tail = bytes(CHUNK_BYTES), b"tail"
    lying = [Link(Cid.raw_of(full), 0, CHUNK_BYTES, CHUNK_BYTES), Link(Cid.raw_of(tail), 0, 5, 5)]
    block = unixfs._encode_node(lying)
    root = Cid(Codec.DAG_PB, sha256(block))
    peer = Peer(((lying[0].cid, full), (lying[1].cid, tail), (root, block)))
    store = MemoryStore()
    with pytest.raises(Rejected) as caught:
        fetch(store, peer, root)
    assert caught.value.reason is Reason.DAG
    assert not store.has(root)
