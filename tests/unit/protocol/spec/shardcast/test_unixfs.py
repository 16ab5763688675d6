"""The DAG of a file: the addresses that a standard importer computes, and a decoder that takes nothing else."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast import unixfs
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import (
    CHUNK_BYTES,
    MAX_LINKS,
    Link,
    child_links,
    file_dag,
    root_link,
)
from cupel.protocol.testing.patterns import pattern_bytes

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[4] / "vectors" / "cid.json").read_text())


def walk(link: Link, blocks: dict[Cid, bytes]) -> bytes:
    """The file below a link, checking every block on the way."""
    children = child_links(link, blocks[link.cid])
    return b"".join(walk(child, blocks) for child in children) if children else blocks[link.cid]


@pytest.mark.parametrize(
    "case", VECTORS["files"], ids=lambda case: f"{case['size']}-of-{case['chunk_bytes']}"
)
def test_files_have_the_addresses_of_a_standard_importer(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pattern_bytes(VECTORS["seed"], case["size"])
    root, blocks = file_dag(content, case["chunk_bytes"], case["max_links"])
    assert str(root) == case["root"]
    assert len(dict(blocks)) == case["blocks"]
    assert blocks[-1][0] == root

    monkeypatch.setattr(unixfs, "CHUNK_BYTES", case["chunk_bytes"])
    monkeypatch.setattr(unixfs, "MAX_LINKS", case["max_links"])
    held = dict(blocks)
    assert walk(root_link(root, held[root]), held) == content


def test_a_file_above_one_full_node_has_two_levels() -> None:
    leaf, tail = Cid.raw_of(bytes(CHUNK_BYTES)), Cid.raw_of(bytes(3))
    level = [Link(leaf, 0, CHUNK_BYTES, CHUNK_BYTES)] * 1025 + [Link(tail, 0, 3, 3)]
    (first, first_block), (second, second_block) = unixfs._parent(level[:1024]), unixfs._parent(level[1024:])
    root, root_block = unixfs._parent([first, second])
    assert str(root.cid) == VECTORS["zeros"]["root"]
    assert root.file_bytes == VECTORS["zeros"]["size"]

    assert root_link(root.cid, root_block) == root
    assert child_links(root, root_block) == (first, second)
    assert child_links(first, first_block) == tuple(level[:1024])
    assert child_links(second, second_block) == tuple(level[1024:])


@pytest.fixture(scope="module")
def distinct_leaves() -> list[bytes]:
    """Digests of full leaves: number i is i as a big-endian uint64, repeated. Nothing of a gigabyte is kept."""
    return [sha256(number.to_bytes(8, "big") * (CHUNK_BYTES // 8)) for number in range(MAX_LINKS + 1)]


@pytest.mark.parametrize("case", VECTORS["distinct"]["files"], ids=lambda case: str(case["size"]))
def test_files_of_a_gigabyte_have_the_addresses_of_a_standard_importer(
    case: dict[str, Any], distinct_leaves: list[bytes]
) -> None:
    full, rest = divmod(case["size"], CHUNK_BYTES)
    level = [Link(Cid.from_digest(digest), 0, CHUNK_BYTES, CHUNK_BYTES) for digest in distinct_leaves[:full]]
    if rest:
        tail = (full.to_bytes(8, "big") * (CHUNK_BYTES // 8))[:rest]
        level.append(Link(Cid.raw_of(tail), 0, rest, rest))
    leaves, blocks = tuple(level), {}
    while len(level) > 1:
        parents = [
            unixfs._parent(level[start : start + MAX_LINKS]) for start in range(0, len(level), MAX_LINKS)
        ]
        blocks |= {link.cid: block for link, block in parents}
        level = [link for link, _ in parents]
    (root,) = level
    assert (str(root.cid), root.file_bytes, root.dag_bytes) == (case["root"], case["size"], case["dag_bytes"])

    assert root_link(root.cid, blocks[root.cid]) == root
    below = child_links(root, blocks[root.cid])
    if root.height > 1:
        below = tuple(leaf for node in below for leaf in child_links(node, blocks[node.cid]))
    assert below == leaves


def rejected(parent: Link, block: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        child_links(parent, block)
    return caught.value.reason


def two_chunks() -> tuple[Link, bytes, tuple[Link, ...]]:
    root, blocks = file_dag(bytes(CHUNK_BYTES) + b"tail")
    block = dict(blocks)[root]
    link = root_link(root, block)
    return link, block, child_links(link, block)


def test_every_flipped_byte_of_a_node_is_rejected() -> None:
    link, block, children = two_chunks()
    for position in range(len(block)):
        changed = bytearray(block)
        changed[position] ^= 1
        with contextlib.suppress(Rejected):
            decoded = child_links(link, bytes(changed))
            # Only another child's address is as valid in form; its bytes are checked when it is fetched.
            assert [child.cid.digest for child in decoded] != [child.cid.digest for child in children]
    for shorter in range(len(block)):
        assert rejected(link, block[:shorter]) in (Reason.DAG, Reason.CID)
    assert rejected(link, block + b"\0") is Reason.DAG


def test_sizes_that_lie_are_rejected() -> None:
    link, block, (first, second) = two_chunks()
    for liar in (
        Link(link.cid, 1, link.file_bytes + 1, link.dag_bytes),
        Link(link.cid, 1, 1 << 62, link.dag_bytes),
        Link(link.cid, 1, link.file_bytes, link.dag_bytes + 1),
        Link(link.cid, 2, link.file_bytes, link.dag_bytes),
    ):
        assert rejected(liar, block) is Reason.DAG
    assert rejected(second, b"tails") is Reason.DAG
    assert rejected(Link(first.cid, 0, 4, 5), b"tail") is Reason.DAG


def test_foreign_shapes_are_rejected() -> None:
    full = Link(Cid.raw_of(b"full"), 0, CHUNK_BYTES, CHUNK_BYTES)
    short = Link(Cid.raw_of(b"short"), 0, 4, 4)
    as_node = Link(Cid(Codec.DAG_PB, bytes(32)), 0, CHUNK_BYTES, CHUNK_BYTES)
    for children in ([short, full], [short, short, full], [full, full, short, short], [as_node, full]):
        parent, block = unixfs._parent(children)
        assert rejected(parent, block) is Reason.DAG


def test_roots_that_no_file_has_are_rejected() -> None:
    lone, lone_block = unixfs._parent([Link(Cid.raw_of(b"a"), 0, 1, 1)])
    for cid, block in [
        (Cid.raw_of(bytes(CHUNK_BYTES + 1)), bytes(CHUNK_BYTES + 1)),
        (lone.cid, lone_block),
        (Cid(Codec.DAG_PB, bytes(32)), b""),
        (Cid(Codec.DAG_PB, bytes(32)), bytes(unixfs.MAX_BLOCK_BYTES + 1)),
        (Cid(Codec.DAG_PB, bytes(32)), b"\xff" * 64),
    ]:
        with pytest.raises(Rejected) as caught:
            root_link(cid, block)
        assert caught.value.reason is Reason.DAG
