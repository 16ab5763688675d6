"""The 16-ary tree: streamed, opened, and bound to its places."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.merkle import EMPTY_LEAF, leaf_hash
from cupel.protocol.spec.referee.tree import (
    Grower,
    block_bytes,
    depth,
    node_hash,
    proof,
    root,
    row_leaf,
    verify,
)


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(index.to_bytes(4, "big")) for index in range(count)]


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 255, 256, 257, 272, 273, 4096, 4097])
def test_streamed_root_is_the_padded_tree(count: int) -> None:
    level = leaves_of(count)
    for _ in range(depth(count)):
        level += [EMPTY_LEAF] * (-len(level) % 16)
        level = [node_hash(level[start : start + 16]) for start in range(0, len(level), 16)]
    assert [root(leaves_of(count))] == level
    grower = Grower()
    for leaf in leaves_of(count):
        grower.append(leaf)
    assert [grower.root()] == level


@given(st.integers(1, 600), st.data())
def test_a_proof_opens_its_leaf_and_no_other_place(count: int, data: st.DataObject) -> None:
    leaves = leaves_of(count)
    index = data.draw(st.integers(0, count - 1))
    opened = proof(leaves, index)
    assert verify(root(leaves), leaves[index], index, count, opened)
    other = data.draw(st.integers(0, count - 1).filter(lambda one: one != index) if count > 1 else st.none())
    if other is not None:
        assert not verify(root(leaves), leaves[index], other, count, opened)
    assert not verify(root(leaves), EMPTY_LEAF, index, count, opened)


def test_nothing_has_no_root() -> None:
    with pytest.raises(Rejected) as caught:
        root([])
    assert caught.value.reason is Reason.MERKLE_EMPTY


def test_entries_are_five_bytes_twos_complement() -> None:
    assert block_bytes(np.array([1, -1, 1 - 2**39])).hex() == "0000000001" + "ffffffffff" + "8000000001"


def test_a_row_binds_kind_and_length() -> None:
    row = np.zeros(64, dtype=np.int64)
    assert len({row_leaf(1, row), row_leaf(2, row), row_leaf(1, row[:-1])}) == 3
