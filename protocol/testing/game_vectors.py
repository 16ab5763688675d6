"""Golden vectors of the referee's game: where rows stand, what they are computed from, the weights tree, and whole
disputes' matter."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
from eth_abi.abi import encode as abi_encode

from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.spec.referee import layout, tiny, tree, weights_tree
from cupel.protocol.spec.referee.record import Record
from cupel.protocol.spec.rollout import leaf_preimage
from cupel.protocol.spec.task import TASK_PARAMS_ABI, ModelShape, TaskParams
from cupel.protocol.testing.game_case import (
    NARROW,
    THRESHOLDS,
    WIDE,
    GameCase,
    example_parameters,
    game_case,
    traced,
)

SHAPES: Final = (
    (ModelShape(ARCHITECTURE, 7, 2, 8, 2, 12, 16), 3),
    (ModelShape(ARCHITECTURE, 16, 2, 64, 4, 256, 64), 25),
    (ModelShape(ARCHITECTURE, 5, 10, 256, 1, 16, 256), 256),
)


DISPUTED: Final = ((NARROW, 2, 1), (NARROW, 1, 0), (WIDE, 2, 2))
"""Shape, rollout and chunk."""


def game_vectors(params: TaskParams, chain_id: int, hub: str, node: str) -> dict[str, Any]:
    """For each shape some rows; for the smallest all of them, with the trace's and the weights' roots; disputes."""
    return {
        "layouts": [_layout(shape, tokens) for shape, tokens in SHAPES],
        "example": _example(),
        "disputes": [
            _dispute(game_case(shape, params, chain_id, hub, node), index, chunk)
            for shape, index, chunk in DISPUTED
        ],
    }


def _dispute(case: GameCase, index: int, chunk: int) -> dict[str, Any]:
    """An honest answer to a challenge of one chunk. Weights are `example_parameters`: weight i is
    ((i * 2654435761 mod 2^32) >> 13) - 2^18, in the order of the manifest's tensors."""
    record, states = traced(case.shape, case.parameters, case.sequence(index))
    leaf, rollout = case.leaves[index], case.rollouts[index]
    return {
        "shape": _shape(case.shape),
        "thresholds": list(dataclasses.astuple(THRESHOLDS)),
        "params_abi": _hex(abi_encode([TASK_PARAMS_ABI], [case.params.as_abi()])),
        "node": case.context.node,
        "hub": case.context.hub,
        "chain_id": case.context.chain_id,
        "sequence": case.commitment.sequence,
        "round": case.commitment.round,
        "root": _hex(case.commitment.root),
        "units": case.commitment.units,
        "rollout": index,
        "chunk": chunk,
        "leaf_preimage": _hex(leaf_preimage(case.context, leaf)),
        "leaf_proof": [_hex(node) for node in case.leaf_proof(index)],
        "prompt": list(case.prompts[index]),
        "completion": list(rollout.tokens),
        "traced": list(case.sequence(index)),
        "proof": _hex(rollout.proofs[chunk]),
        "proof_siblings": [_hex(node) for node in case.toploc_proof(index, chunk)],
        "support": _hex(case.support(states, index, chunk)),
        "manifest": _hex(case.manifest),
        "canonical_root": _hex(weights_tree.canonical_root(case.parameters, layout_of(case.shape).tensors)),
        "trace_root": _hex(record.root()),
        "rows": [_hex(b"".join(blocks)) for blocks in record.blocks],
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


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
