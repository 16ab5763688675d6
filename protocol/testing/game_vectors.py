"""Golden vectors of the referee's game: where rows stand, what they are computed from, and the weights tree."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.spec.referee import layout, tiny, tree, weights_tree
from cupel.protocol.spec.referee.record import Record
from cupel.protocol.spec.task import ModelShape

SHAPES: Final = (
    (ModelShape(ARCHITECTURE, 7, 2, 8, 2, 12, 16), 3),
    (ModelShape(ARCHITECTURE, 16, 2, 64, 4, 256, 64), 25),
    (ModelShape(ARCHITECTURE, 5, 10, 256, 1, 16, 256), 256),
)


def example_parameters(shape: ModelShape) -> np.ndarray:
    """Weights from a formula, so that any implementation can make them: int32 [parameters]."""
    count = layout_of(shape).num_parameters
    return ((np.arange(count) * 2_654_435_761 % 2**32 >> 13) - 2**18).astype(np.int32)


def game_vectors() -> dict[str, Any]:
    """For each shape some rows; for the smallest all of them, with the trace's and the weights' roots."""
    return {"layouts": [_layout(shape, tokens) for shape, tokens in SHAPES], "example": _example()}


def _layout(shape: ModelShape, tokens: int) -> dict[str, Any]:
    count = layout.row_count(shape, tokens)
    chosen = range(count) if count < 300 else sorted({*range(0, count, count // 97), count - 1})
    return {
        "shape": _shape(shape),
        "tokens": tokens,
        "row_count": count,
        "weight_row_count": layout.weight_row_count(shape),
        "rows": [_row(shape, tokens, index) for index in chosen],
    }


def _shape(shape: ModelShape) -> dict[str, int]:
    names = ("vocabulary", "layers", "width", "heads", "feed_forward", "positions")
    return {name: getattr(shape, name) for name in names}


def _row(shape: ModelShape, tokens: int, index: int) -> dict[str, Any]:
    """`sources` and `weights` are of the entry `column`, the row's last; the token is 3."""
    row = layout.locate(shape, tokens, index)
    column = layout.row_length(shape, row) - 1
    return {
        "index": index,
        "part": int(row.part),
        "kind": int(row.kind),
        "layer": row.layer,
        "head": row.head,
        "position": row.position,
        "length": column + 1,
        "column": column,
        "sources": list(layout.sources(shape, tokens, row, column)),
        "weights": list(layout.weight_rows(shape, row, column, 3)),
    }


def _example() -> dict[str, Any]:
    """The first shape's trace of tokens 3, 0, 6."""
    shape, parameters, tokens = SHAPES[0][0], example_parameters(SHAPES[0][0]), [3, 0, 6]
    tensors = layout_of(shape)
    record = Record()
    named = {name: values.astype(np.int64) for name, values in tensors.split(parameters).items()}
    tiny.hidden_states(shape, named, np.array(tokens), record)
    return {
        "tokens": tokens,
        "parameters": "0x" + parameters.astype(">i4").tobytes().hex(),
        "canonical_root": "0x" + weights_tree.canonical_root(parameters, tensors.tensors).hex(),
        "weight_row_0_leaf": "0x" + weights_tree.weight_leaf(parameters[: shape.width]).hex(),
        "trace_root": "0x" + tree.root(record.leaves).hex(),
        "leaves": ["0x" + leaf.hex() for leaf in record.leaves],
        "rows": ["0x" + b"".join(blocks).hex() for blocks in record.blocks],
    }
