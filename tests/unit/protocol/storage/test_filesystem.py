"""The folder store when the disk, the machine or another process misbehaves."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.fast import FileMark
from cupel.protocol.storage.filesystem import STALE_TEMPORARY_SECONDS, FilesystemStore
from cupel.protocol.storage.port import StorageError, StorageFull
from cupel.protocol.storage.trust import TRUST_SECONDS, Trust


def files_below(folder: Path) -> list[Path]:
    """Every file, by its path below the folder."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def block_path(cid: Cid) -> Path:
    """Where the store keeps a block."""
    return Path("blocks") / str(cid)[-3:-1] / str(cid)


def test_blocks_and_pins_survive_reopening(tmp_path: Path) -> None:
    first = FilesystemStore(tmp_path)
    cid = first.put(b"block")
    first.pin(cid)
    second = FilesystemStore(tmp_path)
    assert second.get(cid) == b"block"
    assert second.pinned() == frozenset({cid})


def test_a_decayed_block_is_absent_and_quarantined(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    cid = store.put(b"block")
    for decayed in (b"blocK", b""):
        (tmp_path / block_path(cid)).write_bytes(decayed)
        assert store.get(cid) is None
        assert not store.has(cid)
        assert (tmp_path / "quarantine" / str(cid)).read_bytes() == decayed
        store.put(b"block")
        assert store.get(cid) == b"block"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FilesystemStore(tmp_path)

    def full_disk(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full_disk)
        with pytest.raises(StorageFull, match="free some space"):
            store.put(b"block")
    assert files_below(tmp_path) == []
    assert not store.has(Cid.raw_of(b"block"))


def test_any_other_failure_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    (tmp_path / "temporary").rmdir()
    (tmp_path / "temporary").write_bytes(b"not a folder")
    with pytest.raises(StorageError, match="check the folder") as caught:
        store.put(b"block")
    assert not isinstance(caught.value, StorageFull)


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file") as caught:
        FilesystemStore(tmp_path / "file" / "store")
    assert "check the folder" in caught.value.remedy


def test_only_stale_temporaries_are_removed(tmp_path: Path) -> None:
    FilesystemStore(tmp_path)
    stale, fresh = tmp_path / "temporary" / "stale", tmp_path / "temporary" / "fresh"
    for path in (stale, fresh):
        path.write_bytes(b"half a block")
    past = stale.stat().st_mtime - STALE_TEMPORARY_SECONDS - 1
    os.utime(stale, (past, past))
    FilesystemStore(tmp_path)
    assert files_below(tmp_path) == [Path("temporary/fresh")]


def test_foreign_files_are_nobodys_block(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    cid = store.put(b"block")
    (tmp_path / block_path(cid)).with_name("README").write_bytes(b"")
    (tmp_path / "pins" / "README").write_bytes(b"")
    assert list(store.cids()) == [cid]
    assert store.pinned() == frozenset()


def test_a_checked_block_is_known_until_its_file_changes(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    cid = store.put(b"block")
    path = tmp_path / block_path(cid)
    for known in (store.known_block(cid), store.open_block(cid)):
        assert known is not None
        assert os.pread(known.descriptor, known.num_bytes, known.offset) == b"block"
        known.close()
    # Another process must look for itself, once.
    other = FilesystemStore(tmp_path)
    assert other.known_block(cid) is None
    for opened in (other.open_block(cid), other.known_block(cid)):
        assert opened is not None
        opened.close()
    path.write_bytes(b"blocK")
    assert store.known_block(cid) is None
    assert store.open_block(cid) is None
    assert (tmp_path / "quarantine" / str(cid)).read_bytes() == b"blocK"
    assert store.open_block(cid) is None


def test_a_checked_block_is_checked_again_in_time() -> None:
    trust, cid, mark = Trust(), Cid.raw_of(b"block"), FileMark(1, 2, 3, 4, 5)
    trust.add(cid, mark, 100.0)
    assert trust.holds(cid, mark, 100.0 + TRUST_SECONDS - 1)
    assert not trust.holds(cid, mark, 100.0 + TRUST_SECONDS)
    assert not trust.holds(cid, FileMark(1, 2, 3, 4, 6), 100.0)
    assert not trust.holds(Cid.raw_of(b"other"), mark, 100.0)


def test_what_must_be_checked_again_is_not_remembered() -> None:
    trust, mark = Trust(), FileMark(1, 2, 3, 4, 5)
    for second in range(0, 3 * int(TRUST_SECONDS), 10):
        trust.add(Cid.raw_of(second.to_bytes(4, "big")), mark, float(second))
    assert len(trust) == TRUST_SECONDS / 10
