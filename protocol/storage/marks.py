"""A set of CIDs on disk: one file for each, empty or with a note, so that a crash leaves each of them in or out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.port import StorageError
from cupel.protocol.storage.replacing import replace_file


class Marks:
    """A set in one folder, which it creates; StorageError where the folder does not work."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._storage_errors():
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, cid: Cid, note: bytes = b"") -> None:
        """Have it in the set, with this note, or else the one that it has."""
        path = self._path(cid)
        if note:
            replace_file(path, note, durable=False)
            return
        with self._storage_errors():
            path.parent.mkdir(exist_ok=True)
            path.touch()

    def note(self, cid: Cid) -> bytes:
        """What was noted; empty if nothing was, or if it is not in the set."""
        with self._storage_errors():
            try:
                return self._path(cid).read_bytes()
            except FileNotFoundError:
                return b""

    def discard(self, cid: Cid) -> bool:
        """Have it out of the set; whether it was in."""
        with self._storage_errors():
            try:
                self._path(cid).unlink()
            except FileNotFoundError:
                return False
            return True

    def __contains__(self, cid: Cid) -> bool:
        with self._storage_errors():
            return self._path(cid).exists()

    def __iter__(self) -> Iterator[Cid]:
        with self._storage_errors():
            for shard in sorted(self._folder.iterdir()):
                for path in shard.iterdir():
                    # Files that are not ours are nobody's mark.
                    with contextlib.suppress(Rejected):
                        yield Cid.parse(path.name)

    def _path(self, cid: Cid) -> Path:
        # As FilesystemStore spreads its blocks.
        text = str(cid)
        return self._folder / text[-3:-1] / text

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"{self._folder}: {error.strerror or error}", "check the folder's owner, mode and disk"
            ) from error
