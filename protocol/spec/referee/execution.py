"""One entry of a trace from the rows and weights that it is computed from: what ends a dispute on the chain."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Final

from cupel.protocol.spec.referee import steps
from cupel.protocol.spec.referee.fixed import ACTIVATION_FRACTION_BITS, ONE, WEIGHT_FRACTION_BITS
from cupel.protocol.spec.referee.layout import Row
from cupel.protocol.spec.referee.operators import epsilon_units
from cupel.protocol.spec.referee.steps import Step
from cupel.protocol.spec.referee.tiny import EPSILON_BILLIONTHS
from cupel.protocol.spec.referee.trace import Kind
from cupel.protocol.spec.referee.tree import BLOCK_ENTRIES, ENTRY_BYTES, STATISTIC_BYTES
from cupel.protocol.spec.referee.weights_tree import WEIGHT_BYTES
from cupel.protocol.spec.task import ModelShape

STATISTICS: Final = (Kind.MOMENTS, Kind.EXP_SUM)
Entries = Sequence[int]


def entry_bytes(kind: Kind) -> int:
    """Bytes of an entry of a row of this kind."""
    return STATISTIC_BYTES if kind in STATISTICS else ENTRY_BYTES


def block_lengths(length: int) -> tuple[int, ...]:
    """Entries of each block of a row; statistics fill one."""
    starts = range(0, length, BLOCK_ENTRIES)
    return tuple(min(BLOCK_ENTRIES, length - start) for start in starts)


def read_entries(data: bytes, size: int) -> tuple[int, ...]:
    """Signed big-endian entries of `size` bytes each."""
    return tuple(
        int.from_bytes(data[start : start + size], "big", signed=True) for start in range(0, len(data), size)
    )


def read_weights(data: bytes) -> tuple[int, ...]:
    """A row of the weights tree."""
    return read_entries(data, WEIGHT_BYTES)


def compute(
    shape: ModelShape, row: Row, column: int, sources: Sequence[Entries], weights: Sequence[Entries]
) -> int:
    """Entry `column` of a row. sources, weights: whole rows, as `layout.sources` and `layout.weight_rows` list them."""
    match row.kind:
        case Kind.EMBED:
            return steps.execute(Step.EMBED, [[weight[column] for weight in weights]])
        case Kind.MOMENTS:
            return _moment(column, sources[0])
        case Kind.NORM:
            mean, word = sources[1][2], sources[1][3]
            affine = [weights[0][column], weights[1][column]]
            return steps.execute(Step.NORMALISE, [[sources[0][column]], [mean, word], affine])
        case Kind.LINEAR:
            values = [value for source in sources for value in source]
            return _dot(values, weights[0], WEIGHT_FRACTION_BITS)
        case Kind.SCORE:
            return _score(shape, row, sources)
        case Kind.EXP:
            return steps.execute(Step.EXP, [[max(sources[0]), sources[0][column]]])
        case Kind.EXP_SUM:
            return max(sources[0]) if column == 0 else sum(sources[1])
        case Kind.SOFTMAX:
            return steps.execute(Step.DIVIDE, [[sources[0][column], sources[1][1]]])
        case Kind.MIX:
            head = shape.width // shape.heads
            place = 2 * shape.width + row.head * head + column
            return _dot([source[place] for source in sources[1:]], sources[0], ACTIVATION_FRACTION_BITS)
        case Kind.ADD:
            return steps.execute(Step.ADD, [[source[column] for source in sources]])
        case Kind.RELU:
            return steps.execute(Step.RELU, [[sources[0][column]]])
    raise AssertionError(f"no row of the built-in policy is of kind {row.kind}")


def _dot(values: Entries, factors: Entries, shift: int) -> int:
    total = steps.execute(Step.PARTIAL_DOT, [values, factors])
    return steps.execute(Step.FINISH_DOT, [[total], [shift, 0]])


def _moment(column: int, values: Entries) -> int:
    """Of a norm: sum, sum of squares about the rounded mean, mean, word of the inverse root."""
    count = len(values)
    total = sum(values)
    if column == 0:
        return total
    mean = steps.execute(Step.MEAN, [[total], [count]])
    if column == 2:
        return mean
    squares = sum((value - mean) ** 2 for value in values)
    if column == 1:
        return squares
    return steps.execute(Step.INVERSE_ROOT, [[squares], [count, epsilon_units(EPSILON_BILLIONTHS)]])


def _score(shape: ModelShape, row: Row, sources: Sequence[Entries]) -> int:
    head = shape.width // shape.heads
    start = row.head * head
    query = sources[0][start : start + head]
    key = sources[1][shape.width + start : shape.width + start + head]
    scale = isqrt(ONE * ONE // head)
    return steps.rounded(_dot(query, key, ACTIVATION_FRACTION_BITS) * scale, ACTIVATION_FRACTION_BITS)
