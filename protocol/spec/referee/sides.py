"""What a side of a dispute about a chunk holds: the trace of the sequence, and the weights of the version."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec import merkle
from cupel.protocol.spec.referee import layout, tiny, tree
from cupel.protocol.spec.referee.fixed import to_patterns
from cupel.protocol.spec.referee.layout import Part, Row
from cupel.protocol.spec.referee.moves import RowOpening
from cupel.protocol.spec.referee.record import Record
from cupel.protocol.spec.referee.weights_tree import rows, weight_blocks, weight_leaf
from cupel.protocol.spec.shardcast.manifest import TensorShape
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.spec.toploc.activations import Patterns, top_points
from cupel.protocol.spec.toploc.support import encode_support


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A sequence's trace, whole."""

    shape: ModelShape
    tokens: tuple[int, ...]
    """Traced: the prompt's, and the completion's but for the last."""
    record: Record

    def final_row(self, position: int) -> int:
        """Number of the row of a position's final state."""
        return layout.row_index(self.shape, len(self.tokens), Row(Part.FINAL_NORM, 0, 0, position))

    def patterns(self, first: int, states: int) -> Patterns:
        """The activations of a chunk whose first state stands at this position: uint16 [E]."""
        entries = [self.record.entries[self.final_row(position)] for position in range(first, first + states)]
        return to_patterns(np.array(entries, dtype=np.int64)).reshape(-1)

    def support(self, first: int, states: int, topk: int) -> bytes:
        """The chunk's support as the chain takes it."""
        return encode_support(top_points(self.patterns(first, states), topk))

    def node(self, level: int, index: int) -> tuple[bytes, ...]:
        """The 16 children of node `index` of those this far above the rows."""
        hashes = list(self.record.leaves)
        for _ in range(level - 1):
            groups = range(0, len(hashes), tree.ARITY)
            hashes = [tree.node_hash(hashes[start : start + tree.ARITY]) for start in groups]
        children = hashes[tree.ARITY * index : tree.ARITY * (index + 1)]
        return (*children, *(tree.ARITY - len(children)) * (merkle.EMPTY_LEAF,))


def trace_of(shape: ModelShape, tensors: tiny.Tensors, tokens: tuple[int, ...]) -> Trace:
    """Compute a sequence's trace. A token outside the vocabulary is read as token 0: no policy embeds it."""
    record = Record()
    known = [token if token < shape.vocabulary else 0 for token in tokens]
    tiny.hidden_states(shape, tensors, np.array(known), record)
    return Trace(shape, tokens, record)


class Weights:
    """A version's weights, row by row, with what shows a row under the canonical root."""

    def __init__(self, parameters: npt.NDArray[np.int32], tensors: tuple[TensorShape, ...]) -> None:
        """parameters: flat, in the manifest's order."""
        self.parameters = parameters
        self._blocks = [tuple(weight_blocks(row)) for row in rows(parameters, tensors)]
        self._leaves = [weight_leaf(row) for row in rows(parameters, tensors)]

    def opening(self, number: int) -> RowOpening:
        """Of a row."""
        return RowOpening(self._blocks[number], tree.proof(self._leaves, number))
