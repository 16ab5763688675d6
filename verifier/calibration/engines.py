"""The engines a node may honestly run: one policy under other number formats, batches, threads, kernels, devices."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from cupel.protocol.model.generate import Generation, Partner, generate, prefill
from cupel.protocol.model.policy import Cache, Places, Policy

DTYPES: Final = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
SHARES: Final = {1: 1, 16: 4, 256: 4}
"""Batch sizes, and how many chunks each is measured with: one by one is slow."""
WORK_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run a policy.

    mode: `decode` token by token with a cache, or `prefill` of the finished text. kernels: `default`, or `plain`
    without the fused attention and the vendor's matrix library.
    """

    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1
    kernels: str = "default"
    mode: str = "decode"
    batch: int = WORK_BATCH

    @property
    def name(self) -> str:
        """For files and tables."""
        threads = f"{self.threads}t"
        return "-".join((self.dtype, self.device, threads, self.kernels, self.mode, f"b{self.batch}"))


def variants(dtypes: tuple[str, ...], devices: tuple[str, ...], threads: tuple[int, ...]) -> list[Variant]:
    """Every combination with every batch size, mode and set of kernels; thread counts are the processor's alone."""
    found = []
    for dtype, device, kernels, mode, batch in product(
        dtypes, devices, ("default", "plain"), ("decode", "prefill"), SHARES
    ):
        counts = threads if device == "cpu" else threads[:1]
        found += [Variant(dtype, device, count, kernels, mode, batch) for count in counts]
    return found


class Elsewhere(Policy):
    """A copy of a policy in another number format or on another device, which speaks float32 on the processor."""

    def __init__(self, policy: Policy, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        self.shape, self.dtype, self.device = policy.shape, dtype, device
        self.policy = copy.deepcopy(policy).to(device)
        for parameter in self.policy.parameters():
            # Not the buffers: whoever loads a model in a narrow format keeps its rotary frequencies in float32.
            parameter.data = parameter.data.to(dtype)

    def new_cache(self) -> Cache:
        """See `Policy.new_cache`."""
        return self.policy.new_cache()

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """See `Policy.forward`. float32 holds every state of the narrower formats exactly."""
        hidden: Tensor = self.policy(tokens.to(self.device), cache)
        return hidden.float().cpu()

    def packed(self, tokens: Tensor, places: Places) -> Tensor:
        """See `Policy.packed`."""
        there = Places(places.positions.to(self.device), places.visible.to(self.device))
        return self.policy.packed(tokens.to(self.device), there).float().cpu()

    def logits(self, hidden: Tensor) -> Tensor:
        """See `Policy.logits`."""
        return self.policy.logits(hidden.to(device=self.device, dtype=self.dtype)).float().cpu()


def moved(policy: Policy, variant: Variant) -> Policy:
    """The policy as a variant runs it."""
    return Elsewhere(policy, DTYPES[variant.dtype], torch.device(variant.device)).eval()


@contextmanager
def running(variant: Variant) -> Iterator[None]:
    """Set this process's threads and kernels to the variant's, and back afterwards."""
    before = torch.get_num_threads()
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, before)
        torch.set_num_threads(variant.threads)
        if variant.kernels == "plain":
            # Setting the flags touches one that other builds have, and says so.
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", "TF32", UserWarning)
            stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        yield


def roll_out(
    policy: Policy,
    variant: Variant,
    prompts: npt.NDArray[np.int64],
    noise: npt.NDArray[np.float64],
    eos: int,
    temperature: float,
    partner_of: Callable[[slice], Partner | None] = lambda _: None,
) -> Generation:
    """`generate` as the variant does it: states come from its mode, in batches of its size.

    partner_of: who writes into these rows, if anybody.
    """
    size = variant.batch if variant.mode == "decode" else WORK_BATCH
    with running(variant):
        parts = [
            generate(policy, prompts[part], noise[part], eos, temperature, partner_of(part))
            for part in _slices(len(prompts), size)
        ]
        generation = Generation(
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.hidden for part in parts]),
        )
        if variant.mode == "decode":
            return generation
        hidden, _ = replay(policy, prompts, generation.tokens, generation.lengths, variant.batch)
    return Generation(generation.tokens, generation.lengths, hidden)


def replay(
    policy: Policy,
    prompts: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int32],
    batch: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """`prefill` in batches of this size: states [N, T, width] and scores [N, T, vocabulary]."""
    parts = [
        prefill(policy, prompts[part], tokens[part], lengths[part]) for part in _slices(len(prompts), batch)
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
