"""The inner loops in C, where a compiler was found at installation; NumPy gives the same values elsewhere.

Each function here has a twin in NumPy beside its definition: `activations`, `polynomial`. The kernel checks sizes and
values before it uses them, so that no argument can make it read or write elsewhere.

Shapes: N completions, T tokens, H width, C chunks, k points of a proof, P places.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

try:
    from cupel.protocol.spec.toploc import _kernel
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True


def select(
    hidden: npt.NDArray[np.float32] | npt.NDArray[np.uint16],
    lengths: npt.NDArray[np.integer],
    chunk_tokens: int,
    k: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    """Supports of all chunks of N completions: indices and patterns, each [C, k], points in no particular order.

    hidden: [N, T, H], float32 to be rounded or bfloat16 patterns; lengths: [N], each in [1, T].
    """
    tokens, width = hidden.shape[1:]
    counts = -(-lengths.astype(np.int64) // chunk_tokens)
    indices = np.empty((int(counts.sum()), k), dtype=np.uint32)
    values = np.empty(indices.shape, dtype=np.uint16)
    if len(indices):
        _kernel.select(
            np.ascontiguousarray(hidden),
            np.ascontiguousarray(lengths, dtype=np.int64),
            tokens,
            width,
            chunk_tokens,
            k,
            indices,
            values,
        )
    return indices.astype(np.int64), values


def interpolate(nodes: npt.NDArray[np.integer], values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
    """Coefficients of the polynomials through the points of each row. nodes, values: [C, k], residues."""
    k = nodes.shape[1]
    coefficients = np.empty(nodes.shape, dtype=np.uint16)
    if coefficients.size:
        _kernel.interpolate(_words(nodes), _words(values), k, coefficients)
    return coefficients.astype(np.uint32)


def evaluate(
    coefficients: npt.NDArray[np.integer], places: npt.NDArray[np.integer]
) -> npt.NDArray[np.uint32]:
    """Values of each row's polynomial at its row of places. coefficients: [C, k], places: [C, P], residues."""
    values = np.zeros(places.shape, dtype=np.uint16)
    if places.size and coefficients.size:
        _kernel.evaluate(_words(coefficients), _words(places), coefficients.shape[1], places.shape[1], values)
    return values.astype(np.uint32)


def _words(residues: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    return np.ascontiguousarray(residues, dtype=np.uint16)
