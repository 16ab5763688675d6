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

from cupel.protocol.spec.batch_hashing import HASH_BYTES, Bytes, keccak256_each
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.merkle import LEAF_PREFIX, NODE_PREFIX, leaf_hash
from cupel.protocol.spec.referee.tree import ARITY, BLOCK_ENTRIES, root
from cupel.protocol.spec.shardcast.manifest import TensorShape

WEIGHT_BYTES: Final = 4
BLOCK_BYTES: Final = BLOCK_ENTRIES * WEIGHT_BYTES
WEIGHT_KIND: Final = 0
"""No operator's number."""
_ROWS_AT_ONCE: Final = 4096
"""Bounds the memory of a large tensor's rows."""


def weight_blocks(row: npt.NDArray[np.integer]) -> list[bytes]:
    """Data of a row's blocks, in order."""
    data = row.astype(">i4").tobytes()
    return [data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES)]


def weight_leaf(row: npt.NDArray[np.integer]) -> bytes:
    """Leaf of a row of weights [K]."""
    row_root = root([leaf_hash(block) for block in weight_blocks(row)])
    return leaf_hash(bytes([WEIGHT_KIND]) + len(row).to_bytes(4, "big") + row_root)


def rows(
    parameters: npt.NDArray[np.integer], tensors: tuple[TensorShape, ...]
) -> Iterator[npt.NDArray[np.integer]]:
    """Rows of a flat vector over all parameters, in the order of their numbers."""
    for matrix in _matrices(parameters, tensors):
        yield from matrix


def canonical_root(parameters: npt.NDArray[np.integer], tensors: tuple[TensorShape, ...]) -> bytes:
    """Root over all rows of the canonical integers, given as one flat vector in the manifest's order.

    The tree over `weight_leaf` of every row, hashed a level of many rows at a time. Rejected(MERKLE_EMPTY) for none.
    """
    made = [
        _leaves(matrix[first : first + _ROWS_AT_ONCE])
        for matrix in _matrices(parameters, tensors)
        for first in range(0, len(matrix), _ROWS_AT_ONCE)
    ]
    if not made:
        raise Rejected(Reason.MERKLE_EMPTY, "a tree needs at least one row")
    found: bytes = _roots(np.concatenate(made)[None])[0].tobytes()
    return found


def _matrices(
    parameters: npt.NDArray[np.integer], tensors: tuple[TensorShape, ...]
) -> Iterator[npt.NDArray[np.integer]]:
    """The rows [R, K] of each tensor."""
    start = 0
    for tensor in tensors:
        end = start + tensor.num_parameters
        yield parameters[start:end].reshape(-1, tensor.shape[-1] if tensor.shape else 1)
        start = end


def _leaves(matrix: npt.NDArray[np.integer]) -> Bytes:
    """`weight_leaf` of every row [R, K]: [R, 32]."""
    count, length = matrix.shape
    data = np.ascontiguousarray(matrix, ">i4").view(np.uint8)
    # The last block of a row is shorter where its length is not a multiple.
    whole = length // BLOCK_ENTRIES * BLOCK_BYTES
    blocks = keccak256_each(LEAF_PREFIX, data[:, :whole].reshape(-1, BLOCK_BYTES)).reshape(
        count, -1, HASH_BYTES
    )
    if whole < data.shape[1]:
        blocks = np.concatenate([blocks, keccak256_each(LEAF_PREFIX, data[:, whole:])[:, None]], axis=1)
    head = np.frombuffer(bytes([WEIGHT_KIND]) + length.to_bytes(4, "big"), np.uint8)
    bound = np.concatenate([np.broadcast_to(head, (count, len(head))), _roots(blocks)], axis=1)
    return keccak256_each(LEAF_PREFIX, bound)


def _roots(leaves: Bytes) -> Bytes:
    """`tree.root` of each row of leaf hashes [N, C, 32]: [N, 32]."""
    count = len(leaves)
    while leaves.shape[1] > 1:
        # Missing children are zeros.
        filled = np.pad(leaves, ((0, 0), (0, -leaves.shape[1] % ARITY), (0, 0)))
        nodes = keccak256_each(NODE_PREFIX, filled.reshape(-1, ARITY * HASH_BYTES))
        leaves = nodes.reshape(count, -1, HASH_BYTES)
    return leaves[:, 0]
