import numpy as np
import pytest

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.toploc.activations import to_bfloat16, top_points
from cupel.protocol.spec.toploc.build import build_proofs_batch, prove
from cupel.protocol.spec.toploc.selection import select
from cupel.protocol.spec.toploc.verify import compare_batch, compare_selection

LENGTHS = np.array([9, 1, 4, 8], np.int32)


def hidden_states(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((4, 9, 8), dtype=np.float32)


def test_a_selection_has_the_support_of_every_chunk() -> None:
    hidden = hidden_states(1)
    selection = select(hidden, LENGTHS, 4, 12)
    assert selection.counts.tolist() == [3, 1, 1, 2]
    assert selection.elements.tolist() == [32, 32, 8, 8, 32, 32, 32]
    chunks = [
        to_bfloat16(row[start : min(start + 4, length)]).ravel()
        for row, length in zip(hidden, LENGTHS, strict=True)
        for start in range(0, length, 4)
    ]
    found = zip(selection.indices.tolist(), selection.patterns.tolist(), strict=True)
    assert [set(zip(*row, strict=True)) for row in found] == [set(top_points(chunk, 12)) for chunk in chunks]


def test_proving_and_comparing_need_no_more() -> None:
    hidden, other = hidden_states(2), hidden_states(3)
    proofs = prove(select(hidden, LENGTHS, 4, 12))
    assert proofs == build_proofs_batch(hidden, LENGTHS, 4, 12)
    proofs[2] = [b"\0\0", *proofs[2][1:]]
    results = compare_selection(proofs, select(other, LENGTHS, 4, 12))
    expected = compare_batch(proofs, other, LENGTHS, 4, 12)
    assert [repr(one) for one in results] == [repr(one) for one in expected]
    assert [isinstance(one, Rejected) for one in results] == [False, False, True, False]


def test_nothing_selected_nothing_proved() -> None:
    selection = select(np.empty((0, 9, 8), np.float32), np.empty(0, np.int64), 4, 8)
    assert selection.elements.tolist() == []
    assert prove(selection) == []
    assert compare_selection([], selection) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_never_proved(bad: float) -> None:
    hidden = hidden_states(4)
    hidden[1, 0, 3] = bad
    with pytest.raises(AssertionError, match="infinite or not a number"):
        prove(select(hidden, LENGTHS, 4, 12))
