"""The root over a version's weights is the tree over the leaf of every row."""

import numpy as np
import pytest

from cupel.protocol.spec import hashing
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.referee import tree, weights_tree
from cupel.protocol.spec.shardcast.manifest import TensorShape


def tensors(*shapes: tuple[int, ...]) -> tuple[TensorShape, ...]:
    return tuple(TensorShape(f"tensor{number:02}", shape) for number, shape in enumerate(shapes))


def integers(index: tuple[TensorShape, ...]) -> np.ndarray:
    count = sum(tensor.num_parameters for tensor in index)
    return np.random.default_rng(count).integers(-(1 << 31), 1 << 31, count)


@pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "library"])
@pytest.mark.parametrize(
    "shapes",
    [
        [()],
        [(1,)],
        [(63,), (64,), (65,)],
        [(3, 64), (2, 5, 128), (), (7,)],
        [(17, 1), (16, 130), (5, 1025)],
        [(300, 3)],
    ],
    ids=str,
)
def test_the_root_is_over_the_leaf_of_every_row(
    monkeypatch: pytest.MonkeyPatch, shapes: list[tuple[int, ...]], is_compiled: bool
) -> None:
    monkeypatch.setattr(hashing, "IS_COMPILED", is_compiled and hashing.IS_COMPILED)
    monkeypatch.setattr(weights_tree, "_ROWS_AT_ONCE", 7)
    index = tensors(*shapes)
    parameters = integers(index)
    leaves = [weights_tree.weight_leaf(row) for row in weights_tree.rows(parameters, index)]
    assert weights_tree.canonical_root(parameters, index) == tree.root(leaves)


def test_rows_run_over_the_last_dimension() -> None:
    index = tensors((2, 2, 3), (), (2,))
    found = [row.tolist() for row in weights_tree.rows(np.arange(15), index)]
    assert found == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11], [12], [13, 14]]


def test_no_weights_have_no_root() -> None:
    with pytest.raises(Rejected) as refused:
        weights_tree.canonical_root(np.zeros(0, np.int64), ())
    assert refused.value.reason is Reason.MERKLE_EMPTY
