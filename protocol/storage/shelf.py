"""The versions that are whole on this machine, and only those: what a process may use or hand out after any crash.

    <folder>/ab/<cid of the manifest>    one file for each version, made when its last block is there

The file is empty, or says how the version was computed here.

A version appears with its mark, after all its blocks, and disappears with it, before the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.garbage import blocks_of_files
from cupel.protocol.storage.marks import Marks
from cupel.protocol.storage.port import BlockStore


class VersionShelf:
    """Versions by the digest of their manifest. Methods may raise StorageError."""

    def __init__(self, store: BlockStore, folder: Path) -> None:
        self.store = store
        self._marks = Marks(folder)

    def put(self, manifest: bytes, file: bytes, update: bytes | None = None, note: bytes = b"") -> None:
        """Keep a version: its checkpoint file and the update that leads to it, its manifest, and last its mark.

        note: of how it was computed; without one, what was noted before stays.
        """
        for part in (file, update):
            if part is not None:
                put_file(self.store, part)
        self._marks.add(self.store.put(manifest), note)

    def notes(self) -> dict[bytes, bytes]:
        """What is noted of the versions here, by their digests."""
        found = {cid.digest: self._marks.note(cid) for cid in self._marks}
        return {digest: note for digest, note in found.items() if note}

    def withdraw(self, digest: bytes) -> bool:
        """Let a version be deleted; whether it was here."""
        return self._marks.discard(Cid.from_digest(digest))

    def read(self, digest: bytes) -> tuple[bytes, bytes] | None:
        """Manifest and checkpoint file of a version that is here; None if it is not, or no longer whole."""
        address = Cid.from_digest(digest)
        manifest = self.store.get(address) if address in self._marks else None
        if manifest is None:
            return None
        try:
            parsed = WeightsManifest.from_bytes(manifest)
            return manifest, read_file(self.store, parsed.file, parsed.file_bytes)
        except (BlockMissing, Rejected):
            # A block decayed, or was taken away from outside.
            return None

    def __contains__(self, digest: bytes) -> bool:
        """Whether a version is here and whole, without reading its leaves."""
        address = Cid.from_digest(digest)
        manifest = self.store.get(address) if address in self._marks else None
        if manifest is None:
            return False
        try:
            root = WeightsManifest.from_bytes(manifest).file
        except Rejected:
            return False
        return all(self.store.has(cid) for cid in blocks_of_files((root,), self.store.get))

    def __iter__(self) -> Iterator[bytes]:
        """Digests of the versions that were put and not withdrawn."""
        return (cid.digest for cid in self._marks)
