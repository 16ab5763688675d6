"""The supports of chunks, selected where a model's states lie: only k words a chunk leave the device.

A word is a point: the pattern's magnitude above, below it an index that counts down, so that the greatest k words are
the support by the canonical rule, ties included, whatever order a device's top-k puts equals in. The sign takes the
top bit once the words are chosen. In the machine's own memory the compiled kernel is faster, and nothing is copied.

Shapes: N completions, T tokens, H width, C chunks, E elements of a chunk, k points of a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.spec.toploc.activations import (
    MAX_ELEMENTS,
    Patterns,
    chunk_counts,
    select_points,
)
from cupel.protocol.spec.toploc.selection import Selection

Points = tuple[npt.NDArray[np.int64], Patterns]
"""Indices and patterns, each [C, k]."""
Arrival = Callable[[], Points]
"""Waits until the points are on the host, and gives them; nothing before does."""

_LAST_INDEX: Final = 0xFFFF
_SIGN: Final = -(1 << 31)
_MAGNITUDE: Final = 0x7FFF_FFFF
_UPPER_HALF: Final = -(1 << 16)
_BELOW_HALF: Final = 0x7FFF
_FLOAT32_INFINITY: Final = 0x7F80_0000
_QUIET_NAN: Final = 0x7FC0_0000
_BLOCK_ELEMENTS: Final = 1 << 27
"""Elements selected from at a time: half a GiB of words."""


def select_states(
    states: torch.Tensor, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int
) -> Selection:
    """Selection of N completions whose states lie on any device; waits for it once.

    states: float32 or bfloat16 [N, T, H], rows from a completion's length on ignored; lengths: [N], each in [1, T].
    """
    indices, patterns = start_selection(states, lengths, chunk_tokens, k)()
    return Selection(indices, patterns, lengths, chunk_tokens, states.shape[2])


def start_selection(
    states: torch.Tensor, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int
) -> Arrival:
    """Start what `select_states` does. An accelerator works on after this returns; a CPU has done it by then."""
    assert states.dtype in (torch.float32, torch.bfloat16), f"states of type {states.dtype}"
    if states.device.type != "cpu":
        return select_on_device(states, lengths, chunk_tokens, k)
    detached = states.detach()
    if states.dtype == torch.bfloat16:
        detached = detached.view(torch.uint16)
    points = select_points(detached.numpy(), lengths, chunk_tokens, k)
    return lambda: points


def select_on_device(
    states: torch.Tensor, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int
) -> Arrival:
    """`start_selection` in torch: all chunks at once, and one copy of their words, without waiting for either."""
    completions, tokens, width = states.shape
    rows = min(chunk_tokens, tokens)
    assert lengths.shape == (completions,), f"{lengths.shape} lengths of {completions} completions"
    assert chunk_tokens >= 1, f"chunks of {chunk_tokens} tokens"
    assert completions == 0 or 1 <= lengths.min() <= lengths.max() <= tokens, f"lengths outside [1, {tokens}]"
    assert rows * width <= MAX_ELEMENTS, f"chunk of {rows * width} elements, at most {MAX_ELEMENTS}"
    assert 1 <= k <= MAX_ELEMENTS, f"{k} points"
    if completions == 0:
        return partial(_read_words, torch.empty((0, k), dtype=torch.int32), None)
    blocks = _chunk_blocks(states.detach(), lengths.astype(np.int64), rows)
    return _start_copy(torch.cat([_top_words(chunks, k) for chunks in blocks]))


def start_chunk(states: torch.Tensor, running: torch.Tensor, k: int) -> Arrival:
    """`start_selection` of one chunk of each completion, while none of the lengths is known on the host.

    states: [N, T, H], overwritten behind the ends; running: bool [N, T], on the same device, true up to a completion's
    end. The points of a completion that ended before mean nothing.
    """
    if states.device.type != "cpu":
        return chunk_on_device(states, running, k)
    lengths = np.maximum(running.sum(dim=1).numpy(), 1)
    return start_selection(states, lengths, states.shape[1], k)


def chunk_on_device(states: torch.Tensor, running: torch.Tensor, k: int) -> Arrival:
    """`start_chunk` in torch: what stands behind an end becomes +0.0, as a missing element is."""
    completions, tokens, _ = states.shape
    states.masked_fill_(~running[:, :, None], 0.0)
    return select_on_device(states, np.full(completions, tokens), tokens, k)


def _chunk_blocks(states: torch.Tensor, lengths: npt.NDArray[np.int64], rows: int) -> Iterator[torch.Tensor]:
    """All chunks in order, in blocks [some C, E]; rows behind a completion's length are +0.0."""
    completions, tokens, width = states.shape
    counts = chunk_counts(lengths, rows)
    total, size = int(counts.sum()), max(1, _BLOCK_ELEMENTS // (rows * width))
    if total * rows == completions * tokens == int(lengths.sum()):
        # Nothing is missing, and chunks lie behind one another.
        yield from torch.split(states.reshape(total, rows * width), size)
        return
    owners = np.repeat(np.arange(completions), counts)
    firsts = (np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)) * rows
    present = np.minimum(rows, lengths[owners] - firsts)
    flat = states.reshape(-1, width)
    step = torch.arange(rows, device=states.device)
    cuts = _upload(np.stack((owners * tokens + firsts, present), axis=1), states.device)
    for block in torch.split(cuts, size):
        live = step < block[:, 1:]
        chunks = flat[torch.where(live, block[:, :1] + step, block[:, :1])]
        yield chunks.masked_fill_(~live[:, :, None], 0.0).reshape(-1, rows * width)


def _top_words(chunks: torch.Tensor, k: int) -> torch.Tensor:
    """The words of each chunk's k points, int32 [C, k]. chunks: float32 or bfloat16 [C, E]."""
    if chunks.shape[1] < k:
        chunks = torch.nn.functional.pad(chunks, (0, k - chunks.shape[1]))
    patterns = _patterns(chunks)
    last = _LAST_INDEX - chunks.shape[1]
    countdown = torch.arange(_LAST_INDEX, last, -1, dtype=torch.int32, device=chunks.device)
    keys = (patterns & _MAGNITUDE).bitwise_or_(countdown)
    chosen = keys.topk(k, dim=1, sorted=False).values
    indices = _LAST_INDEX - (chosen & _LAST_INDEX).to(torch.int64)
    return chosen | patterns.gather(1, indices) & _SIGN


def _patterns(chunks: torch.Tensor) -> torch.Tensor:
    """Patterns in the upper half of int32, zeros in the lower.

    Rounded as `to_bfloat16` does, in integers: conversions differ between devices in NaNs, and on some in subnormals.
    """
    if chunks.dtype == torch.bfloat16:
        return chunks.view(torch.int16).to(torch.int32).bitwise_left_shift_(16)
    bits = chunks.contiguous().view(torch.int32)
    odd = (bits >> 16).bitwise_and_(1)
    rounded = odd.add_(_BELOW_HALF).add_(bits).bitwise_and_(_UPPER_HALF)
    return rounded.masked_fill_((bits & _MAGNITUDE) > _FLOAT32_INFINITY, _QUIET_NAN)


def _start_copy(words: torch.Tensor) -> Arrival:
    """Send words to the host. With CUDA into pinned memory, so that the copy does not stop the caller."""
    if words.device.type != "cuda":
        return partial(_read_words, words.cpu(), None)
    host = torch.empty(words.shape, dtype=words.dtype, pin_memory=True)
    host.copy_(words, non_blocking=True)
    return partial(_read_words, host, torch.cuda.current_stream(words.device).record_event())


def _read_words(words: torch.Tensor, arrived: torch.cuda.Event | None) -> Points:
    if arrived is not None:
        arrived.synchronize()
    unsigned = words.numpy().view(np.uint32)
    indices = (_LAST_INDEX - (unsigned & np.uint32(_LAST_INDEX))).astype(np.int64)
    return indices, (unsigned >> np.uint32(16)).astype(np.uint16)


def _upload(array: npt.NDArray[np.int64], device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(array)
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)
