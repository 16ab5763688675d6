"""A file is replaced as a whole: killed, without power, full or read-only at every call and every byte of a write."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cupel.protocol.storage import StorageError, StorageFull
from cupel.protocol.storage.replacing import replace_file
from cupel.protocol.testing.dying_disk import Dead, Death, calls_of, dying_disk

OLD, NEW = b"old", b"a longer new one"


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sync means is modelled; the disk below need not be waited for."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def attempts(folder: Path, work: Callable[[], object]) -> list[tuple[int, int]]:
    """Every call, and of the write every byte."""
    calls = calls_of(work)
    assert calls == ("open", "write", "fsync", "replace", "fsync")
    return [
        (number, torn)
        for number, call in enumerate(calls)
        for torn in (range(len(NEW) + 1) if call == "write" else (0,))
    ]


@pytest.mark.parametrize("before", [None, OLD])
@pytest.mark.parametrize("death", list(Death))
def test_the_old_bytes_or_the_new_ones(tmp_path: Path, before: bytes | None, death: Death) -> None:
    found = set()
    for number, (call, torn) in enumerate(attempts(tmp_path, lambda: replace_file(tmp_path / "x", NEW))):
        path = tmp_path / str(number) / "file"
        if before is not None:
            replace_file(path, before)
        with pytest.raises((Dead, StorageError)), dying_disk(call, death, torn):
            replace_file(path, NEW)
        left = path.read_bytes() if path.exists() else None
        assert left in (before, NEW)
        found.add(left)
        replace_file(path, b"next")
        assert [one.name for one in path.parent.iterdir()] == ["file"]
        assert path.read_bytes() == b"next"
    assert before in found


def test_what_returned_is_there_after_a_power_cut(tmp_path: Path) -> None:
    path = tmp_path / "file"
    calls = len(calls_of(lambda: replace_file(path, OLD)))

    def two_files() -> None:
        replace_file(path, NEW)
        replace_file(tmp_path / "other", NEW)

    for call in range(calls, len(calls_of(two_files))):
        replace_file(path, OLD)
        with pytest.raises(Dead), dying_disk(call, Death.POWER):
            two_files()
        assert path.read_bytes() == NEW


def test_without_a_sync_a_power_cut_may_take_it(tmp_path: Path) -> None:
    """The disk of these tests can fail: what is not durable is lost."""
    path = tmp_path / "file"
    replace_file(path, OLD)

    def work() -> None:
        replace_file(path, NEW, durable=False)
        replace_file(tmp_path / "other", NEW, durable=False)

    with pytest.raises(Dead), dying_disk(3, Death.POWER):
        work()
    assert path.read_bytes() == OLD


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="No space left"), dying_disk(0, Death.FULL):
        replace_file(tmp_path / "file", NEW)
    with pytest.raises(StorageError, match="Read-only"), dying_disk(0, Death.READ_ONLY):
        replace_file(tmp_path / "file", NEW)


def test_the_mode_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / ".file.new").write_bytes(b"left by another")
    replace_file(path, NEW, mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
