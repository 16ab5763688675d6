"""Building and verifying, with the package's names, arguments and results.

Building never raises for what the activations are: like the package it logs the problem and hands out null proofs,
which no verifier accepts. Verifying raises `InvalidProof` or `InvalidActivations`. Both raise ValueError for a
`decode_batching_size` or `topk` that is not positive.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.toploc.polynomial import evaluate_batch, interpolate_batch
from cupel.protocol.toploc_compat.activations import (
    INFINITIES,
    Activations,
    check_parameters,
    flattened,
    points_of,
    runs_of,
)
from cupel.protocol.toploc_compat.errors import InvalidProof
from cupel.protocol.toploc_compat.interpolation import injective_moduli, injective_modulus, integers
from cupel.protocol.toploc_compat.proofs import (
    ProofPoly,
    check_words,
    decode_base64,
    encode_words,
    poly_words,
    proof_words,
)
from cupel.protocol.toploc_compat.results import NO_AGREEMENT, VerificationResult

__all__ = [
    "ProofPoly",
    "VerificationResult",
    "batch_activations",
    "build_proofs",
    "build_proofs_base64",
    "build_proofs_bytes",
    "find_injective_modulus",
    "verify_proofs",
    "verify_proofs_base64",
    "verify_proofs_bytes",
]

logger = logging.getLogger(__name__)

_LOWEST_MODULUS = 2**15 + 1
_DISAGREEMENT = 128
"""Above every mantissa error, so that points without agreement sort behind the others."""


def find_injective_modulus(x: Sequence[int]) -> int:
    """The greatest modulus from 65497 down to 32769 under which all x differ; ValueError without one."""
    return injective_modulus(integers(x), _LOWEST_MODULUS)


def batch_activations(
    activations: Activations, decode_batching_size: int, skip_prefill: bool = False
) -> list[torch.Tensor]:
    """The chunks as vectors: the prefill unless skipped, then groups of steps."""
    check_parameters(decode_batching_size, 1)
    first = 0 if skip_prefill else 1
    starts = range(first, len(activations), decode_batching_size)
    groups = [list(activations[start : start + decode_batching_size]) for start in starts]
    return [flattened(group) for group in ([] if skip_prefill else [[activations[0]]]) + groups]


def build_proofs(
    activations: Activations, decode_batching_size: int, topk: int, skip_prefill: bool = False
) -> list[ProofPoly]:
    """One proof of `topk` points per chunk; null proofs in place of all if one cannot be built."""
    words = _build(activations, decode_batching_size, topk, skip_prefill)
    return [ProofPoly(row[1:], row[0]) for row in words.tolist()]


def build_proofs_bytes(
    activations: Activations, decode_batching_size: int, topk: int, skip_prefill: bool = False
) -> list[bytes]:
    """`build_proofs`, encoded: 2 + 2 * topk bytes each."""
    return encode_words(_build(activations, decode_batching_size, topk, skip_prefill))


def build_proofs_base64(
    activations: Activations, decode_batching_size: int, topk: int, skip_prefill: bool = False
) -> list[str]:
    """`build_proofs`, in base64."""
    proofs = build_proofs_bytes(activations, decode_batching_size, topk, skip_prefill)
    return [base64.b64encode(proof).decode("ascii") for proof in proofs]


def verify_proofs(
    activations: Activations,
    proofs: Sequence[ProofPoly],
    decode_batching_size: int,
    topk: int,
    skip_prefill: bool = False,
) -> list[VerificationResult]:
    """Compare one proof per chunk with recomputed bfloat16 activations; the thresholds are the caller's.

    The median of an even number of errors is the upper middle one for a tensor without prefill, and the mean of the
    two otherwise, as in the package. InvalidProof, InvalidActivations.
    """
    check_parameters(decode_batching_size, topk)
    return _verify(activations, poly_words(proofs, topk), decode_batching_size, topk, skip_prefill)


def verify_proofs_bytes(
    activations: Activations,
    proofs: Sequence[bytes],
    decode_batching_size: int,
    topk: int,
    skip_prefill: bool = False,
) -> list[VerificationResult]:
    """`verify_proofs` of encoded proofs."""
    check_parameters(decode_batching_size, topk)
    return _verify(activations, proof_words(proofs, topk), decode_batching_size, topk, skip_prefill)


def verify_proofs_base64(
    activations: Activations,
    proofs: Sequence[str],
    decode_batching_size: int,
    topk: int,
    skip_prefill: bool = False,
) -> list[VerificationResult]:
    """`verify_proofs` of proofs in base64."""
    decoded = [decode_base64(proof) for proof in proofs]
    return verify_proofs_bytes(activations, decoded, decode_batching_size, topk, skip_prefill)


def _build(
    activations: Activations, decode_batching_size: int, topk: int, skip_prefill: bool
) -> npt.NDArray[np.int64]:
    """Modulus and coefficients of each proof, [C, 1 + topk]."""
    check_parameters(decode_batching_size, topk)
    try:
        runs = runs_of(activations, decode_batching_size, skip_prefill)
        indices, values = points_of(runs, topk, tuple(INFINITIES))
    except Exception as error:  # the package's promise: generation goes on, whatever is wrong with a proof
        logger.error("no proofs, null proofs instead: %s", error)
        count = 1 + (len(activations) - 1 + decode_batching_size) // decode_batching_size
        return np.zeros((count, 1 + topk), dtype=np.int64)
    moduli = injective_moduli(indices)[:, None]
    return np.hstack([moduli, interpolate_batch(indices % moduli, values).astype(np.int64)])


def _verify(
    activations: Activations,
    words: npt.NDArray[np.int64],
    decode_batching_size: int,
    topk: int,
    skip_prefill: bool,
) -> list[VerificationResult]:
    runs = runs_of(activations, decode_batching_size, skip_prefill)
    chunks = sum(run.chunks for run in runs)
    if len(words) != chunks:
        raise InvalidProof(Reason.TOPLOC_COUNT, f"{len(words)} proofs of {chunks} chunks")
    check_words(words)
    indices, values = points_of(runs, topk, (torch.bfloat16,))
    claims = evaluate_batch(words[:, 1:], indices % words[:, :1])
    return _compare(claims, values, takes_upper=isinstance(activations, torch.Tensor) and skip_prefill)


def _compare(
    claims: npt.NDArray[np.uint32], values: npt.NDArray[np.uint16], takes_upper: bool
) -> list[VerificationResult]:
    """claims, values: [C, k], evaluated and recomputed patterns. Signs are not compared, as in the package."""
    claimed, recomputed = claims.astype(np.int16), values.astype(np.int16)
    agreeing = (claimed ^ recomputed) & 0x7F80 == 0
    errors = np.where(agreeing, np.abs((claimed & 0x7F) - (recomputed & 0x7F)), np.int16(_DISAGREEMENT))
    errors.sort(axis=1)
    counts = agreeing.sum(axis=1)
    sums = errors.sum(axis=1) - _DISAGREEMENT * (values.shape[1] - counts)
    results = []
    for row, count, total in zip(errors, counts.tolist(), sums.tolist(), strict=True):
        mean = median = NO_AGREEMENT
        if count:
            mean, upper = total / count, int(row[count // 2])
            median = upper if takes_upper else (int(row[(count - 1) // 2]) + upper) / 2
        results.append(VerificationResult(values.shape[1] - count, mean, median))
    return results
