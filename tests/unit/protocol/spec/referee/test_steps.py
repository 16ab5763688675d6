"""Steps against the vectorised operators, row by row as a trace holds them."""

import numpy as np
import pytest

from cupel.protocol.spec.referee.fixed import Integers
from cupel.protocol.spec.referee.operators import Norm, add, gate, normalise, rectify, softmax
from cupel.protocol.spec.referee.steps import Step, execute
from cupel.protocol.spec.referee.trace import Kind, Silent


class Record(Silent):
    """Keeps everything."""

    def __init__(self) -> None:
        self.kept: dict[Kind, list[list[int]]] = {}

    def rows(self, kind: Kind, values: Integers) -> None:
        self.kept[kind] = values.tolist()

    def statistics(self, kind: Kind, rows: object) -> None:
        self.kept[kind] = [list(row) for row in rows]  # type: ignore[attr-defined]  # rows, as listeners are given


def activations(seed: int, bits: int, rows: int = 3, columns: int = 40) -> Integers:
    return np.random.default_rng(seed).integers(-(2**bits), 2**bits, (rows, columns))


@pytest.mark.parametrize("bits", [3, 20, 25, 38])
@pytest.mark.parametrize("has_bias", [True, False])
def test_norm(bits: int, has_bias: bool) -> None:
    values, scale, bias = activations(1, bits), activations(2, 22, 1)[0], activations(3, 22, 1)[0]
    norm, record = Norm(scale, 2**28, bias if has_bias else None), Record()
    result = normalise(values, norm, record)
    for row, (total, squares, mean, word) in enumerate(record.kept[Kind.MOMENTS]):
        assert total == (values[row].sum() if has_bias else 0)
        assert mean == execute(Step.MEAN, ([total], [40]))
        assert squares == sum((int(value) - mean) ** 2 for value in values[row])
        assert word == execute(Step.INVERSE_ROOT, ([squares], (40, norm.epsilon)))
        for column in range(40):
            affine = (int(scale[column]), int(bias[column]) if has_bias else 0)
            entry = [int(values[row, column])]
            assert result[row, column] == execute(Step.NORMALISE, (entry, (mean, word), affine))


@pytest.mark.parametrize("bits", [10, 24, 38])
def test_softmax(bits: int) -> None:
    scores, record = activations(4, bits), Record()
    chances = softmax(scores, record)
    for row, (greatest, total) in enumerate(record.kept[Kind.EXP_SUM]):
        weights = record.kept[Kind.EXP][row]
        assert greatest == execute(Step.MAX, (scores[row].tolist(),))
        assert total == sum(weights)
        for column, weight in enumerate(weights):
            assert weight == execute(Step.EXP, ([greatest, int(scores[row, column])],))
            assert chances[row, column] == execute(Step.DIVIDE, ([weight, total],))
    assert np.abs(chances.sum(axis=1) - 2**24).max() <= 20


def test_elementwise() -> None:
    left, right = activations(5, 39), activations(6, 39)
    opened, record = Record(), Record()
    product = gate(left, right, opened)
    total, positive = add(left, right, record), rectify(left, record)
    for row, column in np.ndindex(left.shape):
        one, other = int(left[row, column]), int(right[row, column])
        gate_entry = opened.kept[Kind.SILU][row][column]
        assert gate_entry == execute(Step.SILU, ([one],))
        assert product[row, column] == execute(Step.MULTIPLY, ([gate_entry, other],))
        assert total[row, column] == execute(Step.ADD, ([one, other],))
        assert positive[row, column] == execute(Step.RELU, ([one],))
    assert execute(Step.EMBED, ([3, -5],)) == -32
