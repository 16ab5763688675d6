"""What a store's folder holds: which files, how much of each, and whether every block is still what it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import Link, child_links, root_link
from cupel.protocol.storage.files import BlockMissing, file_leaves
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.whole_files import WholeFiles


@dataclass(frozen=True, slots=True)
class Holding:
    """A file of which the folder has the nodes."""

    root: Cid
    num_bytes: int
    """Of the whole file."""
    held_bytes: int
    """Of it, here."""

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self.held_bytes == self.num_bytes


def existing_folder(folder: Path) -> Path:
    """ConfigError for a folder that is no store."""
    if not (folder / "blocks").is_dir():
        raise ConfigError(
            "--store", f"{folder} is no store", "Name the folder that `publish` or `fetch` used"
        )
    return folder


def holdings(folder: Path, check: bool) -> Iterator[Holding]:
    """Every file that has its nodes here: those in pieces, and those in one piece.

    check: hash every block; else what the names of the files say is believed, and of a file that is being fetched
    only what lies in pieces counts.
    """
    base, files = FilesystemStore(folder), WholeFiles(folder)
    whole_files = dict(files.roots())
    for root in sorted(_roots(base) | set(whole_files)):
        try:
            leaves = (
                (Link(root, 0, size, size),) if (size := files.leaf_bytes(root)) else file_leaves(base, root)
            )
        except (BlockMissing, Rejected):
            continue
        held: frozenset[Cid] = frozenset()
        if check and root in whole_files:
            held = files.right_leaves(root, leaves)
        elif whole_files.get(root):
            held = frozenset(leaf.cid for leaf in leaves)
        here = {
            leaf.cid
            for leaf in leaves
            if leaf.cid in held or (base.get(leaf.cid) is not None if check else base.has(leaf.cid))
        }
        num_bytes = sum(leaf.file_bytes for leaf in leaves)
        yield Holding(root, num_bytes, sum(leaf.file_bytes for leaf in leaves if leaf.cid in here))


def decayed(folder: Path) -> list[Cid]:
    """The blocks that are not what they were, now in quarantine, and the complete files with such blocks."""
    base = FilesystemStore(folder)
    blocks = [cid for cid in base.cids() if base.get(cid) is None]
    whole = {root for root, complete in WholeFiles(folder).roots() if complete}
    return blocks + [each.root for each in holdings(folder, True) if each.root in whole and not each.complete]


def _roots(base: FilesystemStore) -> set[Cid]:
    """The nodes that no other node links to."""
    nodes: set[Cid] = set()
    below: set[Cid] = set()
    for cid in base.cids():
        block = base.get(cid) if cid.codec is Codec.DAG_PB else None
        if block is None:
            continue
        try:
            below.update(child.cid for child in child_links(root_link(cid, block), block))
        except Rejected:
            continue
        nodes.add(cid)
    return nodes - below
