"""The shelf: a version is there whole or not at all, also after a process that died at any moment."""

import subprocess
import sys
from pathlib import Path

import pytest

from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import TensorShape, WeightsManifest
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, file_dag
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.testing.patterns import pattern_bytes

FILE = pattern_bytes("version", 3 * CHUNK_BYTES + 5)
ROOT, BLOCKS = file_dag(FILE)
MANIFEST = WeightsManifest.of(0, None, FILE, (TensorShape("weight", (4,)),), canonical_root=bytes(32))
ALL_BLOCKS = {*(cid for cid, _ in BLOCKS), Cid.from_digest(MANIFEST.digest)}

# Processes that put the version, or take it away again: number n is killed before its n-th change on the disk.
DIE = """
import hashlib, os, signal, sys
from pathlib import Path
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.garbage import sweep
from cupel.protocol.storage.shelf import VersionShelf

action, folders = sys.argv[1], [Path(name) for name in sys.argv[4:]]
file, manifest = (Path(name).read_bytes() for name in sys.argv[2:4])

def die(folder, left):
    store = FilesystemStore(folder)
    shelf = VersionShelf(store, folder / "versions")

    def dying(act):
        def change(*arguments, **named):
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return act(*arguments, **named)
        return change

    Path.replace, Path.unlink, Path.touch = dying(Path.replace), dying(Path.unlink), dying(Path.touch)
    if action == "put":
        shelf.put(manifest, file)
    else:
        shelf.withdraw(hashlib.sha256(manifest).digest())
        for cid in sweep(store.cids(), frozenset(), {}, 0, 0).delete:
            store.delete(cid)

for left, folder in enumerate(folders):
    child = os.fork()
    if child == 0:
        die(folder, left)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def open_shelf(folder: Path) -> VersionShelf:
    return VersionShelf(FilesystemStore(folder), folder / "versions")


def test_a_version_is_read_as_it_was_put(tmp_path: Path) -> None:
    shelf = open_shelf(tmp_path)
    assert MANIFEST.digest not in shelf
    assert shelf.read(MANIFEST.digest) is None
    shelf.put(MANIFEST.to_bytes(), FILE, update=b"the update")
    again = open_shelf(tmp_path)
    assert MANIFEST.digest in again
    assert again.read(MANIFEST.digest) == (MANIFEST.to_bytes(), FILE)
    assert list(again) == [MANIFEST.digest]
    assert again.store.has(Cid.raw_of(b"the update"))


def test_a_version_without_its_mark_is_not_there(tmp_path: Path) -> None:
    shelf = open_shelf(tmp_path)
    for cid, block in BLOCKS:
        shelf.store.put(block, cid)
    shelf.store.put(MANIFEST.to_bytes())
    assert MANIFEST.digest not in shelf
    assert shelf.read(MANIFEST.digest) is None
    shelf.put(MANIFEST.to_bytes(), FILE)
    assert shelf.withdraw(MANIFEST.digest)
    assert not shelf.withdraw(MANIFEST.digest)
    assert MANIFEST.digest not in shelf


@pytest.mark.parametrize("lost", range(len(BLOCKS) + 1))
def test_a_version_that_lost_a_block_is_not_there(tmp_path: Path, lost: int) -> None:
    shelf = open_shelf(tmp_path)
    shelf.put(MANIFEST.to_bytes(), FILE)
    assert shelf.store.delete(sorted(ALL_BLOCKS)[lost])
    assert MANIFEST.digest not in shelf
    assert shelf.read(MANIFEST.digest) is None


@pytest.mark.parametrize("action", ["put", "delete"])
def test_a_process_killed_at_any_change_leaves_no_partial_version(tmp_path: Path, action: str) -> None:
    file, manifest = tmp_path / "file", tmp_path / "manifest"
    file.write_bytes(FILE)
    manifest.write_bytes(MANIFEST.to_bytes())
    folders = [tmp_path / str(number) for number in range(len(ALL_BLOCKS) + 1)]
    if action == "delete":
        for folder in folders:
            open_shelf(folder).put(MANIFEST.to_bytes(), FILE)
    arguments = [action, *map(str, (file, manifest, *folders))]
    child = subprocess.run(
        [sys.executable, "-c", DIE, *arguments], check=True, timeout=60, capture_output=True, text=True
    )
    assert child.stdout.split() == ["-9"] * len(folders)
    for number, folder in enumerate(folders):
        shelf = open_shelf(folder)
        held = MANIFEST.digest in shelf
        assert (shelf.read(MANIFEST.digest) is not None) == held
        # Killed before the first change nothing has gone, and before the last nothing has come.
        assert held == (action == "delete" and number == 0)
        shelf.put(MANIFEST.to_bytes(), FILE)
        assert shelf.read(MANIFEST.digest) == (MANIFEST.to_bytes(), FILE)
