"""Merkle trees: proofs hold for their own leaf and place, and for nothing else."""

import pytest

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(bytes([index])) for index in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9])
def test_every_leaf_has_a_proof(count: int) -> None:
    root = merkle.root(leaves(count))
    for index, leaf in enumerate(leaves(count)):
        assert merkle.verify(root, leaf, index, count, merkle.proof(leaves(count), index))


def test_a_proof_holds_for_one_place_only() -> None:
    root, proof = merkle.root(leaves(5)), merkle.proof(leaves(5), 2)
    assert not merkle.verify(root, leaves(5)[2], 3, 5, proof)
    assert not merkle.verify(root, leaves(5)[1], 2, 5, proof)
    assert not merkle.verify(root, leaves(5)[2], 2, 9, proof)
    assert not merkle.verify(root, leaves(5)[2], 2, 5, proof[:-1])
    assert not merkle.verify(root, leaves(5)[2], 2, 5, (*proof, bytes(32)))


def test_padding_is_no_leaf_of_the_tree() -> None:
    root = merkle.root(leaves(3))
    padding_proof = (leaves(3)[2], merkle.proof(leaves(3), 0)[1])
    assert not merkle.verify(root, merkle.EMPTY_LEAF, 3, 3, padding_proof)


def test_a_node_cannot_pose_as_a_leaf() -> None:
    left, right = leaves(2)
    assert merkle.leaf_hash(left + right) != merkle.root([left, right])


def test_an_empty_tree_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        merkle.root([])
    assert caught.value.reason is Reason.MERKLE_EMPTY
