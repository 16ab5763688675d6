"""Verification of one tensor of decode steps, `[tokens, hidden]`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cupel.protocol.toploc_compat import poly
from cupel.protocol.toploc_compat.poly import ProofPoly, VerificationResult

__all__ = ["ProofPoly", "VerificationResult", "verify_proofs", "verify_proofs_base64", "verify_proofs_bytes"]


def verify_proofs(
    activations: torch.Tensor, proofs: Sequence[ProofPoly], decode_batching_size: int, topk: int
) -> list[VerificationResult]:
    """See `poly.verify_proofs`, with `skip_prefill`."""
    return poly.verify_proofs(activations, proofs, decode_batching_size, topk, skip_prefill=True)


def verify_proofs_bytes(
    activations: torch.Tensor, proofs: Sequence[bytes], decode_batching_size: int, topk: int
) -> list[VerificationResult]:
    """See `poly.verify_proofs_bytes`, with `skip_prefill`."""
    return poly.verify_proofs_bytes(activations, proofs, decode_batching_size, topk, skip_prefill=True)


def verify_proofs_base64(
    activations: torch.Tensor, proofs: Sequence[str], decode_batching_size: int, topk: int
) -> list[VerificationResult]:
    """See `poly.verify_proofs_base64`, with `skip_prefill`."""
    return poly.verify_proofs_base64(activations, proofs, decode_batching_size, topk, skip_prefill=True)
