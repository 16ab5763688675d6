"""Activations as bfloat16 patterns, and the canonical choice of a chunk's k largest.

A pattern is the raw 16 bits of a bfloat16: sign 1, exponent 8, mantissa 7. A chunk is a flat row of patterns,
element `row * width + column`. Its support is the k elements of greatest magnitude, ties to the lower index, so equal
activations have one support on every machine. A chunk of fewer than k elements is continued with +0.0 to exactly k.

States come as float32, to be rounded, or as patterns already, where an engine computes in bfloat16.

Shapes: N rollouts, T tokens, H width, C chunks, E elements of a chunk, k points of a proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc import native
from cupel.protocol.spec.toploc.polynomial import PRIME

Patterns = npt.NDArray[np.uint16]
States = npt.NDArray[np.float32] | npt.NDArray[np.uint16]
"""Activations as float32 or as patterns."""

MAX_ELEMENTS: Final = PRIME
"""Largest chunk: indices are evaluation points, distinct only below the prime."""
MAGNITUDE_MASK: Final = 0x7FFF
INFINITY: Final = 0x7F80
"""The pattern of +infinity; every larger magnitude is a NaN."""
_QUIET_NAN: Final = 0x7FC0
_FLOAT32_INFINITY: Final = 0x7F80_0000
_BLOCK_ELEMENTS: Final = 1 << 18
"""Activations converted at a time, at least one completion's: 1 MiB of float32, a core's second-level cache."""


def to_bfloat16(values: npt.NDArray[np.float32]) -> Patterns:
    """Patterns of float32 values, rounded to nearest, ties to even; the shape of `values`. NaNs stay NaNs."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    patterns = ((bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) >> 16).astype(np.uint16)
    nan = (bits & np.uint32(0x7FFF_FFFF)) > _FLOAT32_INFINITY
    if nan.any():
        # Rounding would carry a NaN's mantissa into the sign.
        patterns[nan] = _QUIET_NAN
    return patterns


def is_states(array: npt.NDArray[Any]) -> bool:
    """Whether the array's type is one that states come in."""
    return array.dtype in (np.float32, np.uint16)


def are_finite(patterns: Patterns) -> bool:
    """Whether no pattern is an infinity or a NaN."""
    return bool(((patterns & MAGNITUDE_MASK) < INFINITY).all())


def top_points(patterns: Patterns, k: int) -> list[tuple[int, int]]:
    """(index, pattern) of a chunk's support, greatest magnitude first; the definition of the tie rule.

    patterns: uint16 [E], at most MAX_ELEMENTS. Returns exactly k points.
    """
    assert patterns.ndim == 1, f"chunk of shape {patterns.shape}"
    assert patterns.size <= MAX_ELEMENTS, f"chunk of {patterns.size} elements, at most {MAX_ELEMENTS}"
    assert 1 <= k <= MAX_ELEMENTS, f"{k} points"
    padded = patterns.tolist() + [0] * (k - patterns.size)
    order = sorted(range(len(padded)), key=lambda index: (-(padded[index] & MAGNITUDE_MASK), index))
    return [(index, padded[index]) for index in order[:k]]


def top_points_batch(chunks: Patterns, k: int) -> tuple[npt.NDArray[np.int64], Patterns]:
    """`top_points` of many chunks at once, as indices and patterns, each [C, k], points in no particular order.

    chunks: uint16 [C, E] with E >= k; a shorter chunk holds +0.0 behind its elements.
    """
    elements = chunks.shape[1]
    assert 1 <= k <= elements <= MAX_ELEMENTS, f"{k} points of {elements} elements"
    # One sortable word per element: magnitude above, and below it an index that counts down.
    last = np.uint32(0xFFFF)
    keys = (chunks & np.uint16(MAGNITUDE_MASK)).astype(np.uint32) << 16
    keys |= last - np.arange(elements, dtype=np.uint32)
    if elements > k:
        keys = np.partition(keys, elements - k, axis=1)[:, elements - k :]
    indices = (last - (keys & last)).astype(np.int64)
    return indices, np.take_along_axis(chunks, indices, axis=1)


def select_points(
    hidden: States, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int
) -> tuple[npt.NDArray[np.int64], Patterns]:
    """`top_points` of every chunk of every rollout, in order: indices and patterns, each [C, k], points in any order.

    hidden: [N, T, H], rows from a rollout's length on ignored; lengths: [N], each in [1, T].
    """
    _check_shapes(hidden, lengths, chunk_tokens, k)
    if native.IS_COMPILED:
        return native.select(hidden, lengths, chunk_tokens, k)
    blocks = [top_points_batch(chunks, k) for chunks in chunk_blocks(hidden, lengths, chunk_tokens, k)]
    if not blocks:
        return np.empty((0, k), np.int64), np.empty((0, k), np.uint16)
    return np.concatenate([index for index, _ in blocks]), np.concatenate([value for _, value in blocks])


def chunk_counts(lengths: npt.NDArray[np.integer], chunk_tokens: int) -> npt.NDArray[np.int64]:
    """Chunks of each rollout, ceil(length / chunk_tokens); the last may be short."""
    return -(-lengths.astype(np.int64) // chunk_tokens)


def chunk_blocks(
    hidden: States, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int
) -> Iterator[Patterns]:
    """Every chunk of every rollout, in order, as blocks of patterns uint16 [some C, max(E, k)].

    hidden: [N, T, H]; rows from a rollout's length on are ignored. lengths: [N], each in [1, T].
    Elements missing from a short chunk are +0.0: they lose every tie, so the support is that of `top_points`.
    """
    _check_shapes(hidden, lengths, chunk_tokens, k)
    rollouts, tokens, width = hidden.shape
    rows = min(chunk_tokens, tokens)
    per_rollout = -(-tokens // rows)
    counts = chunk_counts(lengths, chunk_tokens)
    size = max(1, _BLOCK_ELEMENTS // (tokens * width))
    for start in range(0, rollouts, size):
        block = slice(start, start + size)
        patterns = np.zeros((len(counts[block]), per_rollout * rows, width), dtype=np.uint16)
        live = np.arange(tokens) < lengths[block, None]
        patterns[:, :tokens] = np.where(live[..., None], _patterns(hidden[block]), np.uint16(0))
        chunks = patterns.reshape(-1, per_rollout, rows * width)
        present = np.arange(per_rollout) < counts[block, None]
        yield _widen(chunks[present], k)


def _check_shapes(hidden: States, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int) -> None:
    rollouts, tokens, width = hidden.shape
    assert is_states(hidden), f"states of type {hidden.dtype}"
    assert lengths.shape == (rollouts,), f"{lengths.shape} lengths of {rollouts} rollouts"
    assert chunk_tokens >= 1, f"chunks of {chunk_tokens} tokens"
    assert rollouts == 0 or 1 <= lengths.min() <= lengths.max() <= tokens, f"lengths outside [1, {tokens}]"
    elements = min(chunk_tokens, tokens) * width
    assert elements <= MAX_ELEMENTS, f"chunk of {elements} elements, at most {MAX_ELEMENTS}"
    assert 1 <= k <= MAX_ELEMENTS, f"{k} points"


def _patterns(states: States) -> Patterns:
    if states.dtype == np.uint16:
        return states.astype(np.uint16, copy=False)
    return to_bfloat16(states.astype(np.float32, copy=False))


def _widen(chunks: Patterns, k: int) -> Patterns:
    missing = k - chunks.shape[1]
    return chunks if missing <= 0 else np.pad(chunks, ((0, 0), (0, missing)))
