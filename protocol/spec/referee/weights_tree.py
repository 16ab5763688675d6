"""The commitment to a version's weights that a disputed step opens one row of.

A tree as `tree` has it: a row is a tree over blocks of 64 weights, 4 bytes each, two's complement, big-endian; the
leaf of a row binds a kind of 0, its length and its root. A row is what a tensor's last dimension runs over; a vector
is one row, a scalar one row of one. Tensors come in the manifest's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.merkle import leaf_hash
from cupel.protocol.spec.referee.tree import BLOCK_ENTRIES, Grower, root
from cupel.protocol.spec.shardcast.manifest import TensorShape

WEIGHT_BYTES: Final = 4
WEIGHT_KIND: Final = 0
"""No operator's number."""


def weight_blocks(row: npt.NDArray[np.integer]) -> list[bytes]:
    """Data of a row's blocks, in order."""
    data, size = row.astype(">i4").tobytes(), BLOCK_ENTRIES * WEIGHT_BYTES
    return [data[start : start + size] for start in range(0, len(data), size)]


def weight_leaf(row: npt.NDArray[np.integer]) -> bytes:
    """Leaf of a row of weights [K]."""
    row_root = root([leaf_hash(block) for block in weight_blocks(row)])
    return leaf_hash(bytes([WEIGHT_KIND]) + len(row).to_bytes(4, "big") + row_root)


def rows(
    parameters: npt.NDArray[np.integer], tensors: tuple[TensorShape, ...]
) -> Iterator[npt.NDArray[np.integer]]:
    """Rows of a flat vector over all parameters, in the order of their numbers."""
    start = 0
    for tensor in tensors:
        length = tensor.shape[-1] if tensor.shape else 1
        end = start + tensor.num_parameters
        for first in range(start, end, length):
            yield parameters[first : first + length]
        start = end


def canonical_root(parameters: npt.NDArray[np.integer], tensors: tuple[TensorShape, ...]) -> bytes:
    """Root over all rows of the canonical integers, given as one flat vector in the manifest's order."""
    grower = Grower()
    for row in rows(parameters, tensors):
        grower.append(weight_leaf(row))
    return grower.root()
