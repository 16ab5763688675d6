"""The seeded noise of a batch of rollouts, drawn some tokens ahead, where the engine computes.

A rollout's noise is one stream (`spec.sampling.gumbel_noise`), and tokens take theirs in order; all of it at once would
be 8 bytes for each token and vocabulary entry. Philox counts, so an accelerator draws any part of a stream by itself:
the same integers and uniforms, and logarithms that may differ in the last bit, which the verifier's tolerance absorbs.

Shapes: N rollouts, B tokens drawn at a time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cupel.protocol.spec.sampling import UNIFORM_STEP, gumbel_of, noise_stream

# Philox-4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), as numbers that wrap at 64 bits.
_MULTIPLIERS: Final = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL: Final = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS: Final = 10
_LANES: Final = 4
"""Numbers a counter."""
_LOW: Final = 0xFFFF_FFFF
_MANTISSA: Final = (1 << 53) - 1
_NUMBERS_AHEAD: Final = 1 << 24
"""Numbers drawn at a time, at most: 128 MiB."""


def tokens_ahead(rollouts: int, vocabulary: int, left: int) -> int:
    """B for so many rollouts, none of which can have more than `left` tokens yet."""
    return max(1, min(left, _NUMBERS_AHEAD // (rollouts * vocabulary)))


def noise_of(
    seeds: Sequence[bytes], first: Sequence[int], count: int, vocabulary: int, device: torch.device
) -> Tensor:
    """Noise of tokens first to first + B = count of each rollout: float64 [N, B, V]."""
    starts, numbers = [token * vocabulary for token in first], count * vocabulary
    if device.type == "cpu":
        # Rollout by rollout, which the processor's caches hold.
        rows = np.empty((len(seeds), numbers))
        for row, seed, start in zip(rows, seeds, starts, strict=True):
            row[:] = gumbel_of(_words(seed, start, numbers))
        noise = torch.from_numpy(rows)
    else:
        keys = torch.from_numpy(np.stack([np.frombuffer(seed, "<i8") for seed in seeds]))
        drawn = mantissas(keys.to(device), starts, numbers)
        noise = -torch.log(-torch.log((drawn.double() + 0.5) * UNIFORM_STEP))
    return noise.view(len(seeds), count, vocabulary)


def mantissas(keys: Tensor, first: Sequence[int], count: int) -> Tensor:
    """Numbers first to first + count of N streams, without their 11 lowest bits: int64 [N, count].

    keys: int64 [N, 4], the seeds' little-endian words: key, then the counter's upper half; first: [N].
    """
    begins = torch.tensor([start // _LANES for start in first], device=keys.device)[:, None]
    skipped = [start % _LANES for start in first]
    # NumPy's generator counts before it draws. One block more, for the streams that begin within one.
    blocks = begins + torch.arange(1, 2 + -(-count // _LANES), device=keys.device)
    words = _philox(
        (blocks, torch.zeros_like(blocks), keys[:, 2:3], keys[:, 3:4]), keys[:, 0:1], keys[:, 1:2]
    )
    numbers = torch.stack(words, dim=-1).view(len(keys), -1)
    if any(skipped):
        offsets = torch.tensor(skipped, device=keys.device)[:, None]
        numbers = numbers.gather(1, offsets + torch.arange(count, device=keys.device))
    return (numbers[:, :count] >> 11) & _MANTISSA


def _words(seed: bytes, first: int, count: int) -> NDArray[np.uint64]:
    block, skipped = divmod(first, _LANES)
    return noise_stream(seed, block).random_raw(skipped + count)[skipped:]


def _philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], first: Tensor, second: Tensor) -> list[Tensor]:
    """Four words int64 [N, blocks] of each counter; the keys are [N, 1]."""
    one, two, three, four = counter
    for _ in range(_ROUNDS):
        high_one, low_one = _product(one, _MULTIPLIERS[0])
        high_three, low_three = _product(three, _MULTIPLIERS[1])
        one, two = high_three ^ two ^ first, low_three
        three, four = high_one ^ four ^ second, low_one
        first, second = first + _signed(_WEYL[0]), second + _signed(_WEYL[1])
    return [one, two, three, four]


def _product(number: Tensor, by: int) -> tuple[Tensor, Tensor]:
    """Upper and lower 64 bits of an unsigned product."""
    high, low = (number >> 32) & _LOW, number & _LOW
    by_high, by_low = by >> 32, by & _LOW
    bottom, cross, other = low * by_low, low * by_high, high * by_low
    carry = ((bottom >> 32) & _LOW) + (cross & _LOW) + (other & _LOW)
    top = high * by_high + ((cross >> 32) & _LOW) + ((other >> 32) & _LOW) + (carry >> 32)
    return top, number * _signed(by)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
