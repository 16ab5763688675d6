"""The shelf: a version is there whole or not at all, also after a process that died at any moment."""

import os
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
MANIFEST = WeightsManifest(0, None, ROOT, len(FILE), (TensorShape("weight", (4,)),))
ALL_BLOCKS = {*(cid for cid, _ in BLOCKS), Cid.from_digest(MANIFEST.digest)}

# A process that puts the version, or takes it away again, and is killed before its n-th change on the disk.
DIES = """
import os, signal, sys
from pathlib import Path
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.storage.garbage import sweep

folder, action, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
file, manifest = (Path(name).read_bytes() for name in sys.argv[4:6])
store = FilesystemStore(folder)
shelf = VersionShelf(store, folder / "versions")

def dying(act):
    def change(*arguments, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return act(*arguments, **named)
    return change

Path.replace, Path.unlink, Path.touch = dying(Path.replace), dying(Path.unlink), dying(Path.touch)
if action == "put":
    shelf.put(manifest, file)
else:
    import hashlib
    shelf.withdraw(hashlib.sha256(manifest).digest())
    for cid in sweep(store.cids(), frozenset(), {}, 0, 0).delete:
        store.delete(cid)
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
@pytest.mark.parametrize("changes", range(len(ALL_BLOCKS) + 1))
def test_a_process_killed_at_any_change_leaves_no_partial_version(
    tmp_path: Path, action: str, changes: int
) -> None:
    file, manifest, folder = (tmp_path / name for name in ("file", "manifest", "store"))
    file.write_bytes(FILE)
    manifest.write_bytes(MANIFEST.to_bytes())
    if action == "delete":
        open_shelf(folder).put(MANIFEST.to_bytes(), FILE)
    arguments = [str(folder), action, str(changes), str(file), str(manifest)]
    child = subprocess.run(
        [sys.executable, "-c", DIES, *arguments], check=False, timeout=60, env={**os.environ}
    )
    assert child.returncode == -9
    shelf = open_shelf(folder)
    held = MANIFEST.digest in shelf
    assert (shelf.read(MANIFEST.digest) is not None) == held
    # Killed before the first change nothing has gone, and before the last nothing has come.
    assert held == (action == "delete" and changes == 0)
    shelf.put(MANIFEST.to_bytes(), FILE)
    assert shelf.read(MANIFEST.digest) == (MANIFEST.to_bytes(), FILE)
