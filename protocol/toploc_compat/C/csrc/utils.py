"""Exponents and mantissas of a tensor's numbers."""

from __future__ import annotations

import torch

from cupel.protocol.spec.errors import Reason
from cupel.protocol.toploc_compat.errors import InvalidActivations


def get_fp_parts(tensor: torch.Tensor, num_threads: int = 1) -> tuple[list[int], list[int]]:
    """Exponent bits and mantissa bits of each number, flattened. tensor: float32 or bfloat16, on the CPU.

    `num_threads` is checked and otherwise unused: one thread is faster than starting more.
    InvalidActivations(TOPLOC_DTYPE); ValueError for another device or no threads.
    """
    if tensor.device.type != "cpu":
        raise ValueError("Input tensor must be on CPU")
    if num_threads < 1:
        raise ValueError("Number of threads must be positive")
    flat = tensor.detach().reshape(-1)
    if tensor.dtype == torch.float32:
        bits, exponent_place = flat.view(torch.int32), 23
    elif tensor.dtype == torch.bfloat16:
        bits, exponent_place = flat.view(torch.int16).to(torch.int32), 7
    else:
        raise InvalidActivations(Reason.TOPLOC_DTYPE, f"{tensor.dtype}, not float32 or bfloat16")
    exponents: list[int] = ((bits >> exponent_place) & 0xFF).tolist()
    mantissas: list[int] = (bits & ((1 << exponent_place) - 1)).tolist()
    return exponents, mantissas
