"""Files as UnixFS DAGs in one fixed shape, so that equal bytes have equal addresses in every IPFS importer.

Profile `unixfs-v1-2025` (IPIP-499): raw leaves of 1 MiB, at most 1024 links a node, all leaves at the same depth.
A file of one chunk is its raw leaf alone. The shape follows from the file's size, hence a node is checked by
building it again from what it claims: whatever differs by one byte is no node of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import Cid, Codec

CHUNK_BYTES: Final = 1 << 20
MAX_LINKS: Final = 1024
# A full node of 1024 links takes some 58 kB; leaves are the largest blocks. Bitswap peers refuse above 2 MiB.
MAX_BLOCK_BYTES: Final = 2 << 20
# 1 PiB: far above any file of ours, and three levels of nodes.
MAX_FILE_BYTES: Final = CHUNK_BYTES * MAX_LINKS**3
_UNIXFS_FILE: Final = 2
# Protobuf wire types, in a field's low three bits.
_VARINT: Final = 0
_BYTES: Final = 2
# 2**63 - 1 takes nine bytes of seven bits.
_MAX_VARINT_BYTES: Final = 9


@dataclass(frozen=True, slots=True)
class Link:
    """A block of a file's DAG as its parent sees it."""

    cid: Cid
    height: int
    """Levels below it; a leaf has none."""
    file_bytes: int
    """Bytes of the file at and below it."""
    dag_bytes: int
    """Bytes of all blocks at and below it, repeated blocks counted again (dag-pb calls it Tsize)."""


def file_dag(
    content: bytes, chunk_bytes: int = CHUNK_BYTES, max_links: int = MAX_LINKS
) -> tuple[Cid, tuple[tuple[Cid, bytes], ...]]:
    """Root and blocks of a file, leaves first and root last; the defaults are the profile, others serve tests."""
    chunks = [content[start : start + chunk_bytes] for start in range(0, len(content), chunk_bytes)] or [b""]
    leaves = tuple((Cid.raw_of(chunk), chunk) for chunk in chunks)
    root, nodes = nodes_above([leaf_link(cid, len(chunk)) for cid, chunk in leaves], max_links)
    return root.cid, leaves + nodes


def leaf_link(cid: Cid, num_bytes: int) -> Link:
    """The link to a leaf of so many bytes."""
    return Link(cid, 0, num_bytes, num_bytes)


def nodes_above(
    leaves: Sequence[Link], max_links: int = MAX_LINKS
) -> tuple[Link, tuple[tuple[Cid, bytes], ...]]:
    """The link to the root over a file's leaves, at least one and in order, and the nodes: lowest first, root last."""
    nodes: list[tuple[Cid, bytes]] = []
    level = list(leaves)
    while len(level) > 1:
        parents = [_parent(level[start : start + max_links]) for start in range(0, len(level), max_links)]
        nodes += [(link.cid, block) for link, block in parents]
        level = [link for link, _ in parents]
    return level[0], tuple(nodes)


def root_link(cid: Cid, block: bytes) -> Link:
    """The link a parent would hold to a file's root, from the root block: where a walk starts.

    Rejected(DAG) for a leaf above 1 MiB, for what is no dag-pb node, and for sizes that no file of ours has.
    """
    if cid.codec is Codec.RAW:
        if len(block) > CHUNK_BYTES:
            raise Rejected(Reason.DAG, f"leaf of {len(block)} bytes")
        return leaf_link(cid, len(block))
    parts = _parse_node(block)
    file_bytes = sum(size for _, size, _ in parts)
    if not CHUNK_BYTES < file_bytes <= MAX_FILE_BYTES:
        raise Rejected(Reason.DAG, f"a node over {file_bytes} bytes")
    height = 1
    while _capacity(height) < file_bytes:
        height += 1
    return Link(cid, height, file_bytes, len(block) + sum(dag_bytes for _, _, dag_bytes in parts))


def child_links(parent: Link, block: bytes) -> tuple[Link, ...]:
    """The children of `parent`, whose bytes are `block`, in file order; none for a leaf.

    Rejected(DAG) unless the block is, byte for byte, the one node of the profile with these children: all full but
    the last, leaves raw and nodes dag-pb, and as many bytes as the parent's link claims.
    """
    if parent.height == 0:
        if len(block) != parent.file_bytes or parent.dag_bytes != parent.file_bytes:
            raise Rejected(Reason.DAG, f"leaf {parent.cid} does not have the size its parent claims")
        return ()
    links = tuple(
        Link(cid, parent.height - 1, file_bytes, dag_bytes)
        for cid, file_bytes, dag_bytes in _parse_node(block)
    )
    if [link.file_bytes for link in links] != _child_sizes(parent):
        raise Rejected(Reason.DAG, f"node {parent.cid} is not balanced over {parent.file_bytes} bytes")
    codec = Codec.DAG_PB if parent.height > 1 else Codec.RAW
    if any(link.cid.codec is not codec for link in links):
        raise Rejected(Reason.DAG, "leaves are raw blocks and nodes dag-pb")
    if _encode_node(links) != block or len(block) + sum(link.dag_bytes for link in links) != parent.dag_bytes:
        raise Rejected(Reason.DAG, f"node {parent.cid} is not canonical or not as large as claimed")
    return links


def _parent(links: Sequence[Link]) -> tuple[Link, bytes]:
    block = _encode_node(links)
    file_bytes = sum(link.file_bytes for link in links)
    dag_bytes = len(block) + sum(link.dag_bytes for link in links)
    return Link(Cid.of(Codec.DAG_PB, block), links[0].height + 1, file_bytes, dag_bytes), block


def _capacity(height: int) -> int:
    return int(CHUNK_BYTES * MAX_LINKS**height)


def _child_sizes(parent: Link) -> list[int]:
    full, remainder = divmod(parent.file_bytes, _capacity(parent.height - 1))
    # A parent that claims too much would make a list of any length.
    if full > MAX_LINKS:
        return []
    return [_capacity(parent.height - 1)] * full + [remainder] * (remainder > 0)


def _encode_node(links: Sequence[Link]) -> bytes:
    """Links first, then the UnixFS message, as go-merkledag writes them."""
    unixfs = _number(1, _UNIXFS_FILE) + _number(3, sum(link.file_bytes for link in links))
    unixfs += b"".join(_number(4, link.file_bytes) for link in links)
    return b"".join(_field(2, _encode_link(link)) for link in links) + _field(1, unixfs)


def _encode_link(link: Link) -> bytes:
    # The empty name is written out, not left away: that is the canonical dag-pb form.
    return _field(1, link.cid.to_bytes()) + _field(2, b"") + _number(3, link.dag_bytes)


def _parse_node(block: bytes) -> list[tuple[Cid, int, int]]:
    """Address, file bytes and DAG bytes of each child; lenient, because the caller compares the canonical form.

    Rejected(DAG) for what is no dag-pb node, Rejected(CID) for a child with a foreign address.
    """
    if len(block) > MAX_BLOCK_BYTES:
        raise Rejected(Reason.DAG, f"node of {len(block)} bytes")
    links: list[dict[int, int | bytes]] = []
    sizes: list[int] = []
    try:
        for number, value in _fields(block):
            if number == 2 and isinstance(value, bytes):
                links.append(dict(_fields(value)))
            elif number == 1 and isinstance(value, bytes):
                sizes += [size for part, size in _fields(value) if part == 4 and isinstance(size, int)]
        return [_link_parts(link, size) for link, size in zip(links, sizes, strict=True)]
    except (IndexError, ValueError) as error:
        raise Rejected(Reason.DAG, f"not a dag-pb node: {error}") from None


def _link_parts(link: dict[int, int | bytes], file_bytes: int) -> tuple[Cid, int, int]:
    address, dag_bytes = link.get(1), link.get(3)
    if not isinstance(address, bytes) or not isinstance(dag_bytes, int):
        raise Rejected(Reason.DAG, "incomplete link")
    return Cid.from_bytes(address), file_bytes, dag_bytes


def _fields(message: bytes) -> Iterable[tuple[int, int | bytes]]:
    """Number and value of each protobuf field; only varints and byte strings exist in dag-pb."""
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        value, position = _read_varint(message, position)
        if key & 7 == _VARINT:
            yield key >> 3, value
        elif key & 7 == _BYTES and position + value <= len(message):
            yield key >> 3, message[position : position + value]
            position += value
        else:
            raise ValueError("unknown wire type or a field beyond the end")


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        byte = message[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("varint too long")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value
