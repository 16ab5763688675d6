"""Rows shown under the roots that commit to them, and the version's root in its manifest."""

from __future__ import annotations

import re
from typing import Final

from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import HEAD_BYTES
from cupel.protocol.spec.referee import layout, tree
from cupel.protocol.spec.referee.execution import entry_bytes, read_entries, read_weights
from cupel.protocol.spec.referee.game import require
from cupel.protocol.spec.referee.moves import RowOpening
from cupel.protocol.spec.referee.record import leaf_of
from cupel.protocol.spec.referee.weights_tree import WEIGHT_BYTES, WEIGHT_KIND
from cupel.protocol.spec.shardcast.manifest import MAX_MANIFEST_BYTES
from cupel.protocol.spec.task import ModelShape

_PREFIX: Final = b'{"canonical_root":"'
_DIGITS: Final = 64
_ROOT: Final = re.compile(rb"[0-9a-f]{64}")


def opened_row(
    shape: ModelShape, tokens: int, root: bytes, number: int, opening: RowOpening
) -> tuple[int, ...]:
    """The entries of row `number` of a trace. Rejected(REFEREE_MOVE) unless the opening shows them."""
    row = layout.locate(shape, tokens, number)
    length, size = layout.row_length(shape, row), entry_bytes(row.kind)
    data = _opened(opening, length, size)
    leaf = leaf_of(row.kind, length, opening.blocks)
    count = layout.row_count(shape, tokens)
    require(tree.verify(root, leaf, number, count, opening.nodes), "not the row")
    return read_entries(data, size)


def opened_weights(
    shape: ModelShape, root: bytes, number: int, length: int, opening: RowOpening
) -> tuple[int, ...]:
    """Row `number` of the weights tree. Rejected(REFEREE_MOVE) unless the opening shows it."""
    data = _opened(opening, length, WEIGHT_BYTES)
    leaf = leaf_of(WEIGHT_KIND, length, opening.blocks)
    count = layout.weight_row_count(shape)
    require(tree.verify(root, leaf, number, count, opening.nodes), "not the row of weights")
    return read_weights(data)


def shown_root(manifest: bytes, digest: bytes) -> bytes:
    """The canonical root in a version's manifest. Rejected(REFEREE_MOVE) for other bytes than the digest's."""
    require(len(manifest) <= MAX_MANIFEST_BYTES and sha256(manifest) == digest, "not the version's manifest")
    start = HEAD_BYTES + len(_PREFIX)
    digits = manifest[start : start + _DIGITS]
    named = manifest[HEAD_BYTES:start] == _PREFIX and _ROOT.fullmatch(digits)
    require(
        bool(named) and manifest[start + _DIGITS : start + _DIGITS + 1] == b'"', "a manifest without a root"
    )
    return bytes.fromhex(digits.decode("ascii"))


def _opened(opening: RowOpening, length: int, size: int) -> bytes:
    """The data of a row of so many entries."""
    full = tree.BLOCK_ENTRIES * size
    require(all(len(block) == full for block in opening.blocks[:-1]), "blocks of another length")
    data = b"".join(opening.blocks)
    require(
        len(data) == length * size and len(opening.blocks) == -(-length // tree.BLOCK_ENTRIES), "other blocks"
    )
    return data
