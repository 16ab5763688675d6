"""Properties of addresses, file DAGs and everything of the network that strangers write."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.network.announcement import Announcement
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast import unixfs
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.shardcast.unixfs import Link, child_links, file_dag, root_link

CIDS = st.builds(Cid, st.sampled_from(Codec), st.binary(min_size=32, max_size=32))


@given(CIDS)
def test_a_cid_has_one_text_and_one_binary_form(cid: Cid) -> None:
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(cid.to_bytes()) == cid


@given(CIDS, st.integers(0, 58), st.characters(codec="ascii"))
def test_no_other_text_parses_to_the_same_cid(cid: Cid, position: int, character: str) -> None:
    text = str(cid)[:position] + character + str(cid)[position + 1 :]
    try:
        assert (Cid.parse(text) == cid) == (text == str(cid))
    except Rejected:
        assert text != str(cid)


@given(st.binary(max_size=3000), st.integers(1, 40), st.integers(2, 5))
def test_a_walk_from_the_root_gives_the_file_back(content: bytes, chunk_bytes: int, max_links: int) -> None:
    root, listed = file_dag(content, chunk_bytes, max_links)
    blocks = dict(listed)

    def walk(link: Link) -> bytes:
        children = child_links(link, blocks[link.cid])
        return b"".join(map(walk, children)) if children else blocks[link.cid]

    with mock.patch.multiple(unixfs, CHUNK_BYTES=chunk_bytes, MAX_LINKS=max_links):
        link = root_link(root, blocks[root])
        assert link.file_bytes == len(content)
        assert link.dag_bytes >= len(content)
        assert walk(link) == content


@pytest.mark.parametrize(
    "parse",
    [
        lambda data: Cid.parse(data.decode("latin-1")),
        Cid.from_bytes,
        lambda data: Endpoint.parse(data.decode("latin-1")),
        Announcement.from_bytes,
        WeightsManifest.from_bytes,
        lambda data: root_link(Cid(Codec.DAG_PB, bytes(32)), data),
        lambda data: child_links(Link(Cid(Codec.DAG_PB, bytes(32)), 1, 1 << 21, 1 << 21), data),
    ],
    ids=["cid text", "cid", "endpoint", "announcement", "manifest", "root", "node"],
)
@given(data=st.binary(max_size=200))
def test_strangers_bytes_are_rejected_and_nothing_else(parse: Callable[[bytes], Any], data: bytes) -> None:
    with pytest.raises(Rejected):
        parse(data)
