"""Which blocks of a store nobody needs any more: a pure decision over what is there and what is to be kept.

What nothing refers to may still be on its way: a submission before its commitment, a file whose root comes last. So a
block is deleted only after it was an orphan for a while. Nodes go before leaves: a process that dies in the middle of
it leaves leaves without a root, never a root without its leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import Link, child_links, root_link

ReadBlock = Callable[[Cid], bytes | None]
"""A block's bytes if it is in the store."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What to delete now, in this order, and what to look at again."""

    delete: tuple[Cid, ...] = ()
    orphans: Mapping[Cid, int] = field(default_factory=dict)
    """When each block that stays for the moment was first seen to be one, on the caller's clock."""


def sweep(
    held: Iterable[Cid], kept: frozenset[Cid], orphans: Mapping[Cid, int], now: int, grace_seconds: int
) -> Sweep:
    """Delete what has been an orphan for the grace; `orphans` as the last sweep left them."""
    since = {cid: min(now, orphans.get(cid, now)) for cid in held if cid not in kept}
    delete = [cid for cid, first in since.items() if now - first >= grace_seconds]
    delete.sort(key=lambda cid: (cid.codec is not Codec.DAG_PB, cid.digest))
    return Sweep(tuple(delete), {cid: first for cid, first in since.items() if now - first < grace_seconds})


def blocks_of_files(roots: Iterable[Cid], read: ReadBlock) -> frozenset[Cid]:
    """The blocks of these files, as far as their nodes are in the store."""
    found: set[Cid] = set()
    for root in roots:
        found.add(root)
        block = read(root) if root.codec is Codec.DAG_PB else None
        if block is not None:
            # A file that is none has no blocks but its root.
            try:
                found.update(_below(root_link(root, block), block, read))
            except Rejected:
                continue
    return frozenset(found)


def _below(parent: Link, block: bytes, read: ReadBlock) -> Iterator[Cid]:
    for child in dict.fromkeys(child_links(parent, block)):
        yield child.cid
        node = read(child.cid) if child.height else None
        if node is not None:
            yield from _below(child, node, read)
