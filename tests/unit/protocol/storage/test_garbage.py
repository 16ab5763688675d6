"""Garbage: what goes, when, and in which order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES
from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.garbage import blocks_of_files, sweep
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes

A, B, C = (Cid.raw_of(text) for text in (b"a", b"b", b"c"))
NODE = Cid(Codec.DAG_PB, bytes(32))


def test_an_orphan_goes_after_the_grace() -> None:
    first = sweep([A, B], frozenset({A}), {}, now=100, grace_seconds=10)
    assert (first.delete, first.orphans) == ((), {B: 100})
    later = sweep([A, B, C], frozenset({A}), first.orphans, now=110, grace_seconds=10)
    assert (later.delete, later.orphans) == ((B,), {C: 110})


def test_an_orphan_that_is_claimed_in_time_starts_anew() -> None:
    first = sweep([B], frozenset(), {}, now=100, grace_seconds=10)
    claimed = sweep([B], frozenset({B}), first.orphans, now=105, grace_seconds=10)
    assert claimed.orphans == {}
    assert sweep([B], frozenset(), claimed.orphans, now=112, grace_seconds=10).orphans == {B: 112}


def test_a_clock_that_goes_back_deletes_nothing_early() -> None:
    back = sweep([B], frozenset(), {B: 100}, now=50, grace_seconds=10)
    assert back.orphans == {B: 50}


def test_nodes_go_before_leaves() -> None:
    assert sweep([A, NODE, B], frozenset(), {}, 0, grace_seconds=0).delete[0] == NODE


def test_a_kept_file_keeps_its_blocks_and_a_missing_node_hides_only_its_own() -> None:
    store = MemoryStore()
    root = put_file(store, pattern_bytes("kept", 2 * CHUNK_BYTES + 5))
    assert blocks_of_files([root], store.get) == frozenset(store.cids())
    assert len(list(store.cids())) == 4
    store.delete(root)
    assert blocks_of_files([root], store.get) == frozenset({root})


def test_what_is_no_file_keeps_only_its_root() -> None:
    store = MemoryStore()
    false_root = Cid(Codec.DAG_PB, Cid.raw_of(b"\xff" * 9).digest)
    store.put(b"\xff" * 9, false_root)
    small = put_file(store, b"small")
    assert blocks_of_files([false_root, small], store.get) == frozenset({false_root, small})


@given(st.data())
@settings(max_examples=20, deadline=None)  # four files of a megabyte each time
def test_at_any_moment_of_a_sweep_a_root_that_is_there_has_its_file(data: st.DataObject) -> None:
    store = MemoryStore()
    contents = [pattern_bytes(f"file {number % 2}", CHUNK_BYTES + 1 + number // 2) for number in range(4)]
    roots = [put_file(store, content) for content in contents]
    keep = data.draw(st.sets(st.sampled_from(roots)))
    result = sweep(store.cids(), blocks_of_files(keep, store.get), {}, 0, grace_seconds=0)
    for cid in result.delete[: data.draw(st.integers(0, len(result.delete)))]:
        assert store.delete(cid)
    for root, content in zip(roots, contents, strict=True):
        if store.has(root):
            assert read_file(store, root, len(content)) == content
        else:
            assert root not in keep
            with pytest.raises(BlockMissing):
                read_file(store, root, len(content))
