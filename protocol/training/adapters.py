"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) for every linear map inside the policy's blocks.

The policy's effective weights are base + scale * B A. They stand in the policy's flat array, so the policy itself knows
nothing of adapters, and the gradients of A and B follow from the gradient of the whole by the chain rule:
dA = scale * B^T G, dB = scale * G A^T. At a policy of this size that costs less than a second way through the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cupel.protocol.training.flat import FlatPolicy

ADAPTED: Final = (
    *("attention_in", "attention_out", "feed_in", "feed_out"),
    *(
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
        "qkv_proj",
        "gate_up_proj",
    ),
)
"""By the names of the built-in policy, and by those that models of `transformers` share."""


@dataclass(frozen=True, slots=True)
class _Adapter:
    """One tensor's place in the policy's flat array, and its adapter's A [rank, columns] and B [rows, rank] as views of
    the adapters' flat weights and gradient."""

    place: slice
    shape: tuple[int, ...]
    down: Tensor
    up: Tensor
    down_gradient: Tensor
    up_gradient: Tensor


class Adapters:
    """Adapters of a policy, fresh: A drawn, B zero, so that nothing changes before the first step."""

    def __init__(self, model: FlatPolicy, rank: int, scale: float, generator: torch.Generator) -> None:
        self._model: Final = model
        self._scale: Final = scale
        self._base: Final = model.weights.clone()
        places = _places(model)
        size = sum(rank * (rows + columns) for _, (rows, columns) in places)
        self.weights: Final = torch.zeros(size)
        self.gradient: Final = torch.zeros(size)
        self._adapters: Final = []
        start = 0
        for place, (rows, columns) in places:
            middle, end = start + rank * columns, start + rank * (rows + columns)
            views = [
                array[part].view(shape)
                for array in (self.weights, self.gradient)
                for part, shape in (
                    (slice(start, middle), (rank, columns)),
                    (slice(middle, end), (rows, rank)),
                )
            ]
            views[0].normal_(0.0, rank**-0.5, generator=generator)
            down, up, down_gradient, up_gradient = views
            self._adapters.append(_Adapter(place, (rows, columns), down, up, down_gradient, up_gradient))
            start = end

    def collect(self) -> None:
        """Turn the policy's gradient into that of the adapters."""
        for one in self._adapters:
            whole = self._model.gradient[one.place].view(one.shape)
            torch.mul(one.up.T @ whole, self._scale, out=one.down_gradient)
            torch.mul(whole @ one.down.T, self._scale, out=one.up_gradient)

    def merge(self) -> None:
        """Put base and adapters together into the policy's weights."""
        for one in self._adapters:
            product = self._scale * (one.up @ one.down)
            self._model.weights[one.place] = self._base[one.place] + product.reshape(-1)


def _places(model: FlatPolicy) -> list[tuple[slice, tuple[int, ...]]]:
    places: list[tuple[slice, tuple[int, ...]]] = []
    start = 0
    for tensor in model.layout.tensors:
        end = start + tensor.num_parameters
        if tensor.name.split(".")[-2] in ADAPTED and len(tensor.shape) == 2:
            places.append((slice(start, end), tensor.shape))
        start = end
    return places
