"""Pieces of files: each opens under the root that the manifest begins with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import (
    HEAD_BYTES,
    MAX_FILE_BYTES,
    MAX_PIECES,
    PIECE_BYTES,
    Head,
    head_of,
    num_pieces,
    piece,
    pieces_root,
)
from cupel.protocol.testing.patterns import pattern_bytes


@given(st.integers(1, 5 * PIECE_BYTES))
def test_every_piece_opens_and_they_give_the_file(size: int) -> None:
    file = pattern_bytes("pieces", size)
    head = head_of(file)
    shown = [piece(file, index) for index in range(head.num_pieces)]
    for index, (data, proof) in enumerate(shown):
        assert merkle.verify(head.root, sha256(data), index, head.num_pieces, proof)
    assert b"".join(data for data, _ in shown) == file
    assert {len(data) for data, _ in shown[:-1]} <= {PIECE_BYTES}


def test_a_file_of_one_piece_is_its_own_leaf() -> None:
    assert pieces_root(b"update") == sha256(b"update")
    with pytest.raises(Rejected) as caught:
        pieces_root(b"")
    assert caught.value.reason is Reason.MERKLE_EMPTY


def test_the_number_of_pieces() -> None:
    sizes = (0, 1, PIECE_BYTES, PIECE_BYTES + 1, MAX_FILE_BYTES)
    assert [num_pieces(size) for size in sizes] == [0, 1, 1, 2, MAX_PIECES]


@given(st.binary(min_size=32, max_size=32), st.integers(0, MAX_FILE_BYTES), st.binary(max_size=9))
def test_a_head_is_read_whatever_follows(root: bytes, file_bytes: int, rest: bytes) -> None:
    head = Head(root, file_bytes)
    assert len(head.to_bytes()) == HEAD_BYTES
    assert Head.from_manifest(head.to_bytes() + rest) == head


def test_what_the_chain_refuses_is_no_head() -> None:
    for manifest in (b"", bytes(HEAD_BYTES - 1), Head(bytes(32), MAX_FILE_BYTES + 1).to_bytes()):
        with pytest.raises(Rejected) as caught:
            Head.from_manifest(manifest)
        assert caught.value.reason is Reason.SIZE
