"""What the two large trees of a version of the weights cost: rows hashed one by one, and many at a time.

    python benchmarks/measure_roots.py

The canonical root over 3.3 million parameters, and the root over the pieces of their checkpoint of 40 MB, with the
compiled hash and with the library's; processor seconds, the least of three. The roots are the same each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec import hashing
from cupel.protocol.spec.pieces import pieces_root
from cupel.protocol.spec.referee import tree, weights_tree
from cupel.protocol.spec.task import ModelShape

LAYOUT: Final = layout_of(ModelShape("cupel/tiny-transformer-v1", 256, 4, 256, 8, 1024, 160))
FILE_BYTES: Final = 40_000_000
REPEATS: Final = 3


def seconds(work: Callable[[], bytes]) -> tuple[float, bytes]:
    """The processor's, and what came out."""
    least, made = float("inf"), b""
    for _ in range(REPEATS):
        began = time.process_time()
        made = work()
        least = min(least, time.process_time() - began)
    return least, made


def row_by_row(weights: np.ndarray) -> bytes:
    """The tree over the leaf of every row."""
    return tree.root([weights_tree.weight_leaf(row) for row in weights_tree.rows(weights, LAYOUT.tensors)])


def main() -> None:
    """Print the table."""
    assert hashing.IS_COMPILED, "the kernel was not compiled"
    random = np.random.default_rng(0)
    weights = random.integers(-(1 << 24), 1 << 24, LAYOUT.num_parameters)
    file = random.bytes(FILE_BYTES)
    found = {"row by row": (seconds(lambda: row_by_row(weights)), None)}
    for name, is_compiled in (("many at a time, the library", False), ("many at a time, compiled", True)):
        hashing.IS_COMPILED = is_compiled
        root = seconds(lambda: weights_tree.canonical_root(weights, LAYOUT.tensors))
        found[name] = (root, seconds(lambda: pieces_root(file)))
    assert len({root for (_, root), _ in found.values()}) == 1
    print(
        "| hashing | root over the weights, ns a parameter | root over the pieces of 40 MB, ms |\n|---|---|---|"
    )
    for name, ((spent, _), pieces) in found.items():
        told = "" if pieces is None else f"{pieces[0] * 1e3:.0f}"
        print(f"| {name} | {spent / LAYOUT.num_parameters * 1e9:.0f} | {told} |")


if __name__ == "__main__":
    main()
