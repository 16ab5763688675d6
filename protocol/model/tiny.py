"""The built-in policy: a transformer small enough to train on one CPU core, and deterministic there.

Pre-norm decoder with learned positions and no biases in its linear maps. Float32 throughout: its weights load from
the canonical integers without rounding. How many threads PyTorch uses is the process's choice, not the model's.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from cupel.protocol.model.layout import check_shape
from cupel.protocol.model.policy import Cache, Places, Policy
from cupel.protocol.spec.task import ModelShape

# The usual 0.02 of large models leaves a network of width 64 slow to start.
INITIAL_DEVIATION: Final = 0.05


class TinyCache:
    """Satisfies `Cache`: keys and values [rows, heads, seen, width / heads] per layer."""

    def __init__(self, layers: int) -> None:
        self._keys: list[Tensor | None] = [None] * layers
        self._values: list[Tensor | None] = [None] * layers

    @property
    def length(self) -> int:
        """Tokens seen so far."""
        first = self._keys[0]
        return 0 if first is None else first.shape[2]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append one layer's new keys and values; returns all of them."""
        seen_keys, seen_values = self._keys[layer], self._values[layer]
        if seen_keys is not None and seen_values is not None:
            keys = torch.cat((seen_keys, keys), dim=2)
            values = torch.cat((seen_values, values), dim=2)
        self._keys[layer], self._values[layer] = keys, values
        return keys, values

    def select(self, rows: Tensor) -> TinyCache:
        """A cache whose row i is this one's row rows[i]."""
        chosen = TinyCache(len(self._keys))
        chosen._keys = [None if keys is None else keys[rows] for keys in self._keys]
        chosen._values = [None if values is None else values[rows] for values in self._values]
        return chosen


class Block(nn.Module):
    """Causal self-attention and a ReLU feed-forward, each behind a layer norm and added to the stream."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(shape.width)
        self.attention_in = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.attention_out = nn.Linear(shape.width, shape.width, bias=False)
        self.feed_norm = nn.LayerNorm(shape.width)
        self.feed_in = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.feed_out = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(
        self, stream: Tensor, cache: TinyCache | None, layer: int, visible: Tensor | None = None
    ) -> Tensor:
        """stream float32 [rows, tokens, width] -> the same shape; visible bool [rows, 1, tokens, tokens]."""
        rows, tokens, width = stream.shape
        mixed = self.attention_in(self.attention_norm(stream))
        query, keys, values = mixed.view(rows, tokens, 3, self.heads, width // self.heads).permute(
            2, 0, 3, 1, 4
        )
        if cache is not None:
            keys, values = cache.extend(layer, keys, values)
        # A single new token may look at everything before it; several start from an empty cache.
        causal = tokens > 1 and visible is None
        read = functional.scaled_dot_product_attention(query, keys, values, visible, is_causal=causal)
        stream = stream + self.attention_out(read.transpose(1, 2).reshape(rows, tokens, width))
        fed: Tensor = stream + self.feed_out(functional.relu(self.feed_in(self.feed_norm(stream))))
        return fed


class TinyPolicy(Policy):
    """Decoder-only transformer over a small vocabulary. Rejected(TASK_SPEC) as `check_shape`."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        check_shape(shape)
        self.shape = shape
        self.token_embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.position_embedding = nn.Embedding(shape.positions, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.final_norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)

    def new_cache(self) -> TinyCache:
        """See `Policy.new_cache`."""
        return TinyCache(self.shape.layers)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """See `Policy.forward`."""
        assert cache is None or isinstance(cache, TinyCache), "a cache of another engine"
        start = 0 if cache is None else cache.length
        count = tokens.shape[1]
        assert start == 0 or count == 1, "several tokens need an empty cache"
        assert start + count <= self.shape.positions, (
            f"{start + count} tokens, {self.shape.positions} positions"
        )
        stream = self.token_embedding(tokens) + self.position_embedding.weight[start : start + count]
        return self._read(stream, cache, None)

    def packed(self, tokens: Tensor, places: Places) -> Tensor:
        """See `Policy.packed`."""
        stream = self.token_embedding(tokens) + self.position_embedding(places.positions)
        return self._read(stream, None, places.visible[:, None])

    def _read(self, stream: Tensor, cache: TinyCache | None, visible: Tensor | None) -> Tensor:
        for layer, block in enumerate(self.blocks):
            stream = block(stream, cache, layer, visible)
        hidden: Tensor = self.final_norm(stream)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """See `Policy.logits`."""
        scores: Tensor = self.head(hidden)
        return scores


def initialise(policy: Policy, generator: torch.Generator) -> None:
    """Fresh weights, in the order the module lists its parameters, from `generator` alone."""
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if parameter.dim() == 1:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
            else:
                parameter.normal_(0.0, INITIAL_DEVIATION, generator=generator)
