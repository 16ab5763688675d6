"""Proofs of inference from the states behind a completion's tokens.

`build_proof` is the definition, one chunk in plain integers. `build_proofs_batch` gives the same bytes for a whole
round at once, `prove` from supports that were selected elsewhere. All work for the node that will be judged by them,
so what an honest node must never commit to (a NaN, an infinity, a degenerate proof) is an assertion here.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc.activations import Patterns, States, are_finite, top_points
from cupel.protocol.spec.toploc.polynomial import PRIME, interpolate, interpolate_batch
from cupel.protocol.spec.toploc.proof import Proof
from cupel.protocol.spec.toploc.selection import Selection, select


def build_proof(patterns: Patterns, k: int) -> bytes:
    """Proof of one chunk: the polynomial through its support. patterns: uint16 [E], finite.

    Does not refuse degenerate results: it defines the format, also for chunks no model produces.
    """
    assert are_finite(patterns), "an activation is infinite or not a number"
    return Proof(tuple(interpolate(top_points(patterns, k)))).to_bytes()


def build_proofs(hidden: States, chunk_tokens: int, k: int) -> list[bytes]:
    """Proofs of one completion, one per `chunk_tokens` rows. hidden: [T, H], row t the state that gave token t."""
    return build_proofs_batch(hidden[None], np.array([len(hidden)]), chunk_tokens, k)[0]


def build_proofs_batch(
    hidden: States, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int
) -> list[list[bytes]]:
    """Proofs of N completions: for each, ceil(length / chunk_tokens) proofs of 2 + 2k bytes.

    hidden: [N, T, H] after the final norm, rows behind a completion's length ignored; lengths: [N], each in [1, T].
    Cost: see benchmarks/toploc_speed.py.
    """
    return prove(select(hidden, lengths, chunk_tokens, k))


def prove(selection: Selection) -> list[list[bytes]]:
    """Proofs of N completions from their supports: for each, one of 2 + 2k bytes a chunk."""
    # Anything not finite is of the greatest magnitude, hence among the k selected.
    assert are_finite(selection.patterns), "an activation is infinite or not a number"
    encoded = iter(encode(interpolate_batch(selection.indices, selection.patterns), PRIME, ">u2"))
    return [list(islice(encoded, count)) for count in selection.counts.tolist()]


def encode(coefficients: npt.NDArray[np.unsignedinteger], prime: int, word: str) -> list[bytes]:
    """The bytes of each row's polynomial: the modulus `prime`, then the coefficients [C, k], in words of this dtype."""
    chunks, k = coefficients.shape
    # Committing one would cost an honest node its stake; no model with varying states produces it.
    assert coefficients[:, k // 2 :].any(axis=1).all(), "the activations give a degenerate proof"
    words = np.empty((chunks, 1 + k), dtype=word)
    words[:, 0] = prime
    words[:, 1:] = coefficients
    return [row.tobytes() for row in words]
