"""A character transformer whose workers train side by side: one batched product for all of them.

Weights are float32 [workers, parameters], so a worker's are a row and the outer step sees them flat. Norms without
parameters, no biases. On a GPU an inner step is one replayed graph.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from corpus import VOCABULARY
from numpy.typing import NDArray
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes of the transformer, and the steps in which its learning rate rises."""

    context: int
    width: int
    heads: int
    layers: int
    feed_forward: int
    warm_up: int = 100
    half: bool = False
    """Products in bfloat16."""

    @cached_property
    def matrices(self) -> list[tuple[int, int]]:
        """Rows and columns of every matrix, in the order of the flat weights."""
        width = self.width
        layer = [(width, 3 * width), (width, width), (width, self.feed_forward), (self.feed_forward, width)]
        return [(VOCABULARY, width), (self.context, width), *self.layers * layer, (width, VOCABULARY)]

    @cached_property
    def sizes(self) -> list[int]:
        """Parameters of every matrix."""
        return [math.prod(matrix) for matrix in self.matrices]

    @property
    def parameters(self) -> int:
        """All of them."""
        return sum(self.sizes)

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Initial weights, float32 [parameters]."""
        random = np.random.default_rng(seed)
        scales = [0.3, 0.1, *(1 / math.sqrt(rows) for rows, _ in self.matrices[2:])]
        parts = [random.normal(0, scale, size) for scale, size in zip(scales, self.sizes, strict=True)]
        return np.concatenate(parts).astype(np.float32)


def losses(shape: Shape, weights: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Mean loss in nats a character of each worker: [workers] from windows int64 [workers, batch, context + 1]."""
    workers, batch, _ = windows.shape
    views = [
        part.view(workers, *matrix)
        for part, matrix in zip(weights.split(shape.sizes, dim=1), shape.matrices, strict=True)
    ]
    inputs, targets = windows[:, :, :-1], windows[:, :, 1:]
    own = inputs + VOCABULARY * torch.arange(workers, device=windows.device)[:, None, None]
    x = functional.embedding(own, views[0].reshape(-1, shape.width)) + views[1][:, None]
    x = x.reshape(workers, batch * shape.context, shape.width)
    with torch.autocast(weights.device.type, torch.bfloat16, enabled=shape.half, cache_enabled=False):
        for layer in range(shape.layers):
            to_heads, from_heads, up, down = views[2 + 4 * layer : 6 + 4 * layer]
            x = x + torch.bmm(_attend(shape, torch.bmm(_norm(x), to_heads), batch), from_heads)
            x = x + torch.bmm(functional.relu(torch.bmm(_norm(x), up)), down)
        logits = torch.bmm(_norm(x), views[-1]).float()
    flat = functional.cross_entropy(logits.reshape(-1, VOCABULARY), targets.reshape(-1), reduction="none")
    return flat.view(workers, -1).mean(dim=1)


def _norm(x: torch.Tensor) -> torch.Tensor:
    return functional.rms_norm(x, (x.shape[-1],), eps=1e-5)


def _attend(shape: Shape, x: torch.Tensor, batch: int) -> torch.Tensor:
    """Causal attention: [workers, batch * context, 3 * width] to [workers, batch * context, width]."""
    workers, width = len(x), shape.width
    heads = x.view(workers * batch, shape.context, 3, shape.heads, width // shape.heads).permute(
        2, 0, 3, 1, 4
    )
    mixed = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], is_causal=True)
    return mixed.transpose(1, 2).reshape(workers, batch * shape.context, width)


class Inner:
    """AdamW with its state kept, one row a worker: warm-up, then cosine to a tenth; gradients clipped to 1."""

    def __init__(self, shape: Shape, workers: int, total_steps: int, rate: float, device: str) -> None:
        self._shape, self._total, self._rate, self._steps = shape, total_steps, rate, 0
        self._weights = torch.zeros(workers, shape.parameters, device=device, requires_grad=True)
        self._first = torch.zeros(workers, shape.parameters, device=device)
        self._second = torch.zeros(workers, shape.parameters, device=device)
        # Learning rate and both corrections of AdamW's moments: read by the graph, so they live on the device.
        self._factors = torch.zeros(3, device=device)
        self._windows: torch.Tensor | None = None
        self._graph: torch.cuda.CUDAGraph | None = None

    def train(self, begins: NDArray[np.float32], windows: Iterable[torch.Tensor]) -> NDArray[np.float32]:
        """Weights [workers, parameters] after a step on each of `windows` (int64 [workers, batch, context + 1])."""
        with torch.no_grad():
            self._weights.copy_(torch.from_numpy(begins))
        for batch in windows:
            self._steps += 1
            self._factors.copy_(torch.tensor(self._corrections()))
            self._feed(batch)
        return self._weights.detach().cpu().numpy().copy()

    def _corrections(self) -> tuple[float, float, float]:
        steps = self._steps
        rate = self._rate * min(
            steps / self._shape.warm_up, 0.55 + 0.45 * math.cos(math.pi * steps / self._total)
        )
        return rate, 1 - 0.9**steps, 1 - 0.95**steps

    def _feed(self, batch: torch.Tensor) -> None:
        if self._windows is None:
            self._windows = batch.to(self._weights.device)
        self._windows.copy_(batch)
        if self._graph is not None:
            self._graph.replay()
        else:
            self._step()
            if self._weights.is_cuda:
                self._capture()

    def _capture(self) -> None:
        """Record a step; recording does not run it."""
        self._graph = torch.cuda.CUDAGraph()
        self._weights.grad = None
        with torch.cuda.graph(self._graph):
            self._step()

    def _step(self) -> None:
        assert self._windows is not None
        (gradient,) = torch.autograd.grad(
            losses(self._shape, self._weights, self._windows).sum(), self._weights
        )
        with torch.no_grad():
            gradient = gradient / gradient.norm(dim=1, keepdim=True).clamp(min=1)
            self._first.lerp_(gradient, 0.1)
            self._second.lerp_(gradient * gradient, 0.05)
            rate, first, second = self._factors
            root = (self._second / second).sqrt_().add_(1e-8)
            # The decay is of the weights before the step.
            self._weights.sub_(rate / first * self._first / root + rate * 0.1 * self._weights)


def validation(
    shape: Shape, weights: NDArray[np.float32], held_out: NDArray[np.uint8], device: str, windows: int = 1024
) -> float:
    """Loss in nats a character on windows spread evenly over the held-out text."""
    starts = np.linspace(0, len(held_out) - shape.context - 1, windows).astype(np.int64)
    row = torch.from_numpy(weights)[None].to(device)
    total = 0.0
    with torch.no_grad():
        for part in np.array_split(starts, max(1, windows * shape.context // 2**17)):
            batch = torch.from_numpy(held_out[part[:, None] + np.arange(shape.context + 1)]).to(
                device, torch.int64
            )
            total += float(losses(shape, row, batch[None])[0]) * len(part)
    return total / windows
