"""The k elements of greatest magnitude of each chunk, ties to the lower index, for chunks of any size.

`spec.toploc` bounds a chunk by its field; compatible proofs do not. All three ways give the same points: the kernel,
NumPy without it, and torch where the activations lie on an accelerator.

Shapes: C chunks, the last perhaps short; E elements of a chunk; k points.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.spec.toploc import native

Points = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]

_MAGNITUDE_MASK: Final = 0x7FFF
_LAST_INDEX: Final = 2**32 - 1


def select_patterns(flat: npt.NDArray[np.uint16], chunk_elements: int, k: int) -> Points:
    """Indices and patterns, both [C, k], in any order. flat: all elements; every chunk has at least k."""
    if native.IS_COMPILED:
        return native.select(flat.reshape(1, -1, 1), np.array([flat.size]), chunk_elements, k)
    starts = range(0, flat.size, chunk_elements)
    indices = np.stack([_select_chunk(flat[start : start + chunk_elements], k) for start in starts])
    return indices, flat[indices + np.array(starts)[:, None]]


def select_on_device(flat: torch.Tensor, chunk_elements: int, k: int) -> Points:
    """`select_patterns` where the tensor lies: only k numbers of each chunk leave the device, all at once."""
    whole = flat.numel() // chunk_elements * chunk_elements
    parts = [flat[:whole].reshape(-1, chunk_elements), flat[whole:].reshape(1, -1)]
    chosen = torch.cat([_device_keys(part).topk(k, dim=1).values for part in parts if part.numel()])
    keys = chosen.cpu().numpy()
    signs = (keys & 1) << 15
    return _LAST_INDEX - (keys >> 1 & _LAST_INDEX), (signs | keys >> 33).astype(np.uint16)


def _select_chunk(patterns: npt.NDArray[np.uint16], k: int) -> npt.NDArray[np.int64]:
    keys = (patterns & np.uint16(_MAGNITUDE_MASK)).astype(np.int64) << 32
    keys |= _LAST_INDEX - np.arange(patterns.size)
    chosen = np.partition(keys, patterns.size - k)[patterns.size - k :]
    return _LAST_INDEX - (chosen & _LAST_INDEX)


def _device_keys(chunks: torch.Tensor) -> torch.Tensor:
    """One sortable number per element, [C, E]: magnitude, then an index that counts down, then the sign along."""
    bits = chunks.view(torch.int16).to(torch.int64)
    indices = torch.arange(chunks.shape[1], device=chunks.device)
    return (bits & _MAGNITUDE_MASK) << 33 | (_LAST_INDEX - indices) << 1 | (bits < 0)
