"""Files that are their own block stores: published where they lie, fetched to where they stay."""

import os
from pathlib import Path

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, file_dag, leaf_link
from cupel.protocol.storage.fast import BlockPlace
from cupel.protocol.storage.files import BlockMissing, file_leaves, put_file, read_file, write_file
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.publishing import published_file
from cupel.protocol.storage.whole_files import WholeFiles
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes

# A leaf that repeats, and a last one that is short.
CONTENT = pattern_bytes("file", CHUNK_BYTES) + bytes(2 * CHUNK_BYTES) + b"end"
ROOT, BLOCKS = file_dag(CONTENT)
LEAVES = tuple(
    leaf_link(Cid.raw_of(part), len(part))
    for part in (CONTENT[start : start + CHUNK_BYTES] for start in range(0, len(CONTENT), CHUNK_BYTES))
)


def bytes_at(place: BlockPlace | None) -> bytes:
    """What a peer would be sent."""
    assert place is not None
    try:
        return os.pread(place.descriptor, place.num_bytes, place.offset)
    finally:
        place.close()


@pytest.mark.parametrize("size", [0, 5, CHUNK_BYTES, len(CONTENT)])
def test_a_published_file_has_the_address_and_blocks_of_its_bytes(size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT[:size])
    base, heard = MemoryStore(), list[int]()
    with published_file(base, path, heard.append) as (root, store):
        assert (root.cid, root.file_bytes) == (file_dag(CONTENT[:size])[0], size)
        assert read_file(store, root.cid, size) == CONTENT[:size]
        for cid, block in file_dag(CONTENT[:size])[1]:
            assert store.has(cid)
            if cid not in set(base.cids()):
                assert bytes_at(store.open_block(cid)) == block
    assert heard[-1] == size


def test_a_published_file_that_changes_is_never_served_wrongly(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with published_file(MemoryStore(), path) as (_, store):
        with path.open("r+b") as file:
            file.write(b"X")
        assert store.known_block(LEAVES[0].cid) is None
        assert store.open_block(LEAVES[0].cid) is None
        assert store.get(LEAVES[0].cid) is None
        assert not store.has(LEAVES[0].cid)
        # The others are hashed again, and then known again.
        assert store.known_block(LEAVES[3].cid) is None
        assert bytes_at(store.open_block(LEAVES[3].cid)) == b"end"
        assert bytes_at(store.known_block(LEAVES[3].cid)) == b"end"
        os.truncate(path, 10)
        assert store.open_block(LEAVES[3].cid) is None


def test_a_published_file_that_is_replaced_stays_what_it_was(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(CONTENT)
    other.write_bytes(b"another")
    with published_file(MemoryStore(), path) as (root, store):
        other.replace(path)
        assert read_file(store, root.cid, len(CONTENT)) == CONTENT


@pytest.mark.parametrize("name", ["absent", "folder"])
def test_what_is_no_file_is_not_published(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="FILE"), published_file(MemoryStore(), tmp_path / name):
        pass


def test_a_fetched_file_is_written_to_its_places_and_appears_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = WholeFiles(tmp_path / "store")
    with files.open(MemoryStore(), ROOT, LEAVES) as file:
        assert file.store.missing() == [LEAVES[0].cid, LEAVES[1].cid, LEAVES[3].cid]
        for number, start in ((3, 3), (0, 0), (1, 1)):
            file.store.put(CONTENT[start * CHUNK_BYTES : (start + 1) * CHUNK_BYTES], LEAVES[number].cid)
            assert not out.exists()
        file.finish(out)
        assert bytes_at(file.store.known_block(LEAVES[0].cid)) == CONTENT[:CHUNK_BYTES]
    assert out.read_bytes() == CONTENT
    assert list(files.roots()) == [(ROOT, True)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "store"]


def test_a_partial_file_goes_on_with_its_right_leaves_only(tmp_path: Path) -> None:
    files = WholeFiles(tmp_path)
    with files.open(MemoryStore(), ROOT, LEAVES) as file:
        file.store.put(CONTENT[:CHUNK_BYTES])
        file.store.put(b"end")
    assert list(files.roots()) == [(ROOT, False)]
    with (tmp_path / "files" / f"{ROOT}.partial").open("r+b") as damaged:
        damaged.write(b"X")
    with files.open(MemoryStore(), ROOT, LEAVES) as file:
        # The leaf of zeros needs no fetching: the file was made of them.
        assert file.store.missing() == [LEAVES[0].cid]


def test_a_complete_file_that_was_changed_is_fetched_anew_beside_it(tmp_path: Path) -> None:
    files, out = WholeFiles(tmp_path / "store"), tmp_path / "out"
    for _ in range(2):
        with files.open(MemoryStore(), ROOT, LEAVES) as file:
            for cid in file.store.missing():
                file.store.put(dict(BLOCKS)[cid], cid)
            file.finish(out)
    assert out.read_bytes() == CONTENT
    with out.open("r+b") as edited:
        edited.write(b"X")
    with files.open(MemoryStore(), ROOT, LEAVES) as file:
        assert LEAVES[0].cid in file.store.missing()
        for cid in file.store.missing():
            file.store.put(dict(BLOCKS)[cid], cid)
        file.finish(None)
    assert out.read_bytes() == b"X" + CONTENT[1:]
    assert files.path(ROOT).read_bytes() == CONTENT


def test_two_processes_do_not_fetch_into_one_file(tmp_path: Path) -> None:
    files = WholeFiles(tmp_path)
    with (
        files.open(MemoryStore(), ROOT, LEAVES),
        pytest.raises(ConfigError, match="another process"),
        files.open(MemoryStore(), ROOT, LEAVES),
    ):
        pass


def test_a_file_is_written_out_leaf_by_leaf_whole_or_not_at_all(tmp_path: Path) -> None:
    store, path = FilesystemStore(tmp_path / "store"), tmp_path / "out"
    assert put_file(store, CONTENT) == ROOT
    assert file_leaves(store, ROOT) == LEAVES
    path.write_bytes(b"before")
    write_file(store, ROOT, path)
    assert path.read_bytes() == CONTENT
    store.delete(LEAVES[3].cid)
    path.write_bytes(b"before")
    with pytest.raises(BlockMissing):
        write_file(store, ROOT, path)
    assert path.read_bytes() == b"before"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "store"]
