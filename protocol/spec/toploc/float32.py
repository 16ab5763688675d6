"""The float32 kind of a TOPLOC proof, for engines that compute in float32 throughout.

As the bfloat16 kind, with whole patterns: sign 1, exponent 8, mantissa 23. Rounding to bfloat16 hides everything below
one part in 256; this kind keeps the last bit, so that weights one optimiser step old show where honest recomputation
differs only in the order of sums.

    bytes 0-3              modulus, big-endian, always 4294967291
    bytes 4+4j .. 7+4j     coefficient c_j, big-endian, below the modulus; j = 0 .. k-1

4 + 4k bytes: 516 at k = 128, twice the bfloat16 kind. No byte string is a proof of both kinds for one k.

It proves that whoever made the proof had states within a few units in the last place of the recomputed ones: these
weights, this text, this arithmetic. It does not prove who chose the text, nor when the states were computed (one
prefill of the right weights suffices), and on engines whose honest noise is larger than a step's effect it proves no
more than bfloat16 does. Not part of the on-chain format: the hub's judges know the bfloat16 kind alone.

Source: Ong et al., arXiv 2501.16007, who state thresholds for float32 (8, 256, 128, as reported); the toploc package
builds none. Shapes: N completions, T tokens, H width, C chunks, E elements of a chunk, k points.
"""

from __future__ import annotations

import struct
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS, chunk_counts
from cupel.protocol.spec.toploc.build import encode
from cupel.protocol.spec.toploc.float32_field import PRIME, interpolate, interpolate_batch
from cupel.protocol.spec.toploc.proof import Proof, decode_words

Patterns32 = npt.NDArray[np.uint32]

MAGNITUDE_MASK: Final = 0x7FFF_FFFF
INFINITY: Final = 0x7F80_0000
"""The pattern of +infinity; every larger magnitude is a NaN."""
WORD_BYTES: Final = 4


def to_patterns(values: npt.NDArray[np.float32]) -> Patterns32:
    """The raw 32 bits of every value, in the shape of `values`."""
    assert values.dtype == np.float32, f"states of type {values.dtype}"
    return np.ascontiguousarray(values).view(np.uint32)


def are_finite(patterns: Patterns32) -> bool:
    """Whether no pattern is an infinity or a NaN."""
    return bool(((patterns & np.uint32(MAGNITUDE_MASK)) < INFINITY).all())


def top_points(patterns: Patterns32, k: int) -> list[tuple[int, int]]:
    """(index, pattern) of a chunk's support, greatest magnitude first, ties to the lower index; the definition.

    patterns: uint32 [E], at most MAX_ELEMENTS, continued with +0.0 to at least k. Returns exactly k points.
    """
    _check(patterns, k)
    padded = patterns.tolist() + [0] * (k - patterns.size)
    order = sorted(range(len(padded)), key=lambda index: (-(padded[index] & MAGNITUDE_MASK), index))
    return [(index, padded[index]) for index in order[:k]]


def select(patterns: Patterns32, k: int) -> tuple[npt.NDArray[np.int64], Patterns32]:
    """`top_points` as indices and patterns, each [k], in no particular order."""
    _check(patterns, k)
    padded = np.pad(patterns, (0, max(0, k - patterns.size)))
    # One sortable word per element: magnitude above, and below it an index that counts down.
    keys = (padded & np.uint32(MAGNITUDE_MASK)).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(padded.size, dtype=np.uint64)[::-1]
    indices = np.argpartition(keys, padded.size - k)[padded.size - k :].astype(np.int64)
    return indices, padded[indices]


def chunks_of(hidden: npt.NDArray[np.float32], chunk_tokens: int) -> list[Patterns32]:
    """The chunks of one completion's states [T, H], flat, element `row * width + column`; the last may be short."""
    assert chunk_tokens >= 1, f"chunks of {chunk_tokens} tokens"
    patterns = to_patterns(hidden)
    return [patterns[start : start + chunk_tokens].ravel() for start in range(0, len(patterns), chunk_tokens)]


def build_proof(patterns: Patterns32, k: int) -> bytes:
    """Proof of one chunk: the polynomial through its support. patterns: uint32 [E], finite. The definition."""
    assert are_finite(patterns), "an activation is infinite or not a number"
    return to_bytes(Proof(tuple(interpolate(top_points(patterns, k)))))


def build_proofs_batch(
    hidden: npt.NDArray[np.float32], lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int
) -> list[list[bytes]]:
    """Proofs of N completions: for each, ceil(length / chunk_tokens) proofs of 4 + 4k bytes.

    hidden: [N, T, H] after the final norm, rows behind a completion's length ignored; lengths: [N], each in [1, T].
    """
    chunks = [
        chunk
        for states, length in zip(hidden, lengths.tolist(), strict=True)
        for chunk in chunks_of(states[:length], chunk_tokens)
    ]
    if not chunks:
        return []
    assert all(are_finite(chunk) for chunk in chunks), "an activation is infinite or not a number"
    indices, patterns = (np.stack(part) for part in zip(*(select(chunk, k) for chunk in chunks), strict=True))
    encoded = iter(encode(interpolate_batch(indices, patterns), PRIME, ">u4"))
    return [list(islice(encoded, count)) for count in chunk_counts(lengths, chunk_tokens).tolist()]


def to_bytes(proof: Proof) -> bytes:
    """The 4 + 4k bytes."""
    return struct.pack(f">{1 + len(proof.coefficients)}I", PRIME, *proof.coefficients)


def proof_bytes(k: int) -> int:
    """Length of a proof of k points."""
    return WORD_BYTES * (1 + k)


def decode_proof(data: bytes, k: int) -> Proof:
    """Inverse of `to_bytes` for k points: one byte string a polynomial. Rejected as `proof.decode_words`."""
    return decode_words(data, k, PRIME, "I")


def _check(patterns: Patterns32, k: int) -> None:
    assert patterns.ndim == 1, f"chunk of shape {patterns.shape}"
    assert patterns.size <= MAX_ELEMENTS, f"chunk of {patterns.size} elements, at most {MAX_ELEMENTS}"
    assert 1 <= k <= MAX_ELEMENTS, f"{k} points"
