"""A small character transformer whose workers train side by side: one batched product for all of them.

Weights are float32 [workers, parameters], so a worker's are a row and the outer step sees them flat. Two layers of
width 32, 27 thousand parameters, 32 characters of context; norms without parameters, no biases.
"""

from __future__ import annotations

import math
import sysconfig
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

FIRST, LAST = 32, 126
VOCABULARY = LAST - FIRST + 2
CONTEXT, WIDTH, HEADS, LAYERS, FEED_FORWARD = 32, 32, 2, 2, 96
SHAPES = [
    (VOCABULARY, WIDTH),
    (CONTEXT, WIDTH),
    *LAYERS * [(WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, FEED_FORWARD), (FEED_FORWARD, WIDTH)],
    (WIDTH, VOCABULARY),
]
SIZES = [math.prod(shape) for shape in SHAPES]
PARAMETERS = sum(SIZES)
WARM_UP = 100


def text() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and validation characters: the standard library's top-level modules; every twentieth is held out."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for index, file in enumerate(files):
        parts[index % 20 == 19].append(file.read_bytes())
    return _tokens(b"\n".join(parts[0])), _tokens(b"\n".join(parts[1]))


def _tokens(data: bytes) -> NDArray[np.int64]:
    """Printable ASCII from 1; everything else, line ends too, is 0."""
    characters = np.frombuffer(data, dtype=np.uint8).astype(np.int64)
    return np.where((characters >= FIRST) & (characters <= LAST), characters - FIRST + 1, 0)


def initial(seed: int) -> NDArray[np.float32]:
    """Initial weights, float32 [parameters]."""
    random = np.random.default_rng(seed)
    scales = [0.3, 0.1, *(1 / math.sqrt(shape[0]) for shape in SHAPES[2:])]
    parts = [random.normal(0, scale, math.prod(shape)) for scale, shape in zip(scales, SHAPES, strict=True)]
    return np.concatenate(parts).astype(np.float32)


def losses(weights: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Mean loss in nats a character of each worker: [workers] from windows int64 [workers, batch, CONTEXT + 1]."""
    workers, batch, _ = windows.shape
    views = [
        part.view(workers, *shape) for part, shape in zip(weights.split(SIZES, dim=1), SHAPES, strict=True)
    ]
    inputs, targets = windows[:, :, :-1], windows[:, :, 1:]
    own = inputs + VOCABULARY * torch.arange(workers)[:, None, None]
    x = functional.embedding(own, views[0].reshape(-1, WIDTH)) + views[1][:, None]
    x = x.reshape(workers, batch * CONTEXT, WIDTH)
    for layer in range(LAYERS):
        to_heads, from_heads, up, down = views[2 + 4 * layer : 6 + 4 * layer]
        x = x + torch.bmm(_attend(torch.bmm(_norm(x), to_heads), batch), from_heads)
        x = x + torch.bmm(functional.relu(torch.bmm(_norm(x), up)), down)
    logits = torch.bmm(_norm(x), views[-1])
    flat = functional.cross_entropy(logits.reshape(-1, VOCABULARY), targets.reshape(-1), reduction="none")
    return flat.view(workers, -1).mean(dim=1)


def _norm(x: torch.Tensor) -> torch.Tensor:
    return functional.rms_norm(x, (WIDTH,), eps=1e-5)


def _attend(x: torch.Tensor, batch: int) -> torch.Tensor:
    """Causal attention: [workers, batch * CONTEXT, 3 * WIDTH] to [workers, batch * CONTEXT, WIDTH]."""
    workers = len(x)
    heads = x.view(workers * batch, CONTEXT, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], is_causal=True)
    return mixed.transpose(1, 2).reshape(workers, batch * CONTEXT, WIDTH)


class Inner:
    """AdamW with its state kept, one row a worker: warm-up, then cosine to a tenth; gradients clipped to 1."""

    def __init__(self, workers: int, total_steps: int, rate: float) -> None:
        self.first = torch.zeros(workers, PARAMETERS)
        self.second = torch.zeros(workers, PARAMETERS)
        self.steps, self.total, self.rate = 0, total_steps, rate

    def step(self, weights: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
        """Weights after one step."""
        weights = weights.detach().requires_grad_()
        losses(weights, windows).sum().backward()
        assert weights.grad is not None
        self.steps += 1
        with torch.no_grad():
            gradient = weights.grad
            gradient = gradient / gradient.norm(dim=1, keepdim=True).clamp(min=1)
            self.first.lerp_(gradient, 0.1)
            self.second.lerp_(gradient * gradient, 0.05)
            rate = self.rate * min(
                self.steps / WARM_UP, 0.55 + 0.45 * math.cos(math.pi * self.steps / self.total)
            )
            root = (self.second / (1 - 0.95**self.steps)).sqrt_().add_(1e-8)
            return weights - (rate / (1 - 0.9**self.steps)) * self.first / root - rate * 0.1 * weights


def validation(weights: NDArray[np.float32], held_out: NDArray[np.int64], windows: int = 1024) -> float:
    """Loss in nats a character on windows spread evenly over the held-out text."""
    starts = np.linspace(0, len(held_out) - CONTEXT - 1, windows).astype(np.int64)
    batch = torch.from_numpy(held_out[starts[:, None] + np.arange(CONTEXT + 1)])
    with torch.no_grad():
        return float(losses(torch.from_numpy(weights)[None], batch[None])[0])
