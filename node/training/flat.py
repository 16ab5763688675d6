"""A policy whose weights and gradients are one array each, in canonical order.

Optimiser, clipping and pseudo-gradient then work on flat arrays, and AdamW's state has the same order as everything
else a node stores.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.spec.task import ModelShape

# The second moment's 0.95 in place of 0.999: a round has few steps (the usual choice for language models).
BETAS: Final = (0.9, 0.95)
_NORM_FLOOR: Final = 1e-12


class FlatPolicy:
    """A `TinyPolicy` over flat storage. Rejected(TASK_SPEC) as `TinyPolicy`."""

    def __init__(self, shape: ModelShape) -> None:
        self.policy: Final = TinyPolicy(shape)
        self.layout: Final = layout_of(shape)
        self.weights: Final = torch.zeros(self.layout.num_parameters)
        self.gradient: Final = torch.zeros(self.layout.num_parameters)
        self.parameter: Final = nn.Parameter(self.weights)
        """What an optimiser steps; it shares storage with `weights`, its gradient with `gradient`."""
        self.parameter.grad = self.gradient
        self._bind()

    def set_weights(self, flat: npt.NDArray[np.float32]) -> None:
        """Copy weights float32 [parameters] in."""
        self.weights.copy_(torch.from_numpy(flat))

    def clip_gradient(self, limit: float) -> float:
        """Scale the gradient down to length `limit` if it is longer; returns its length before."""
        norm = float(self.gradient.norm())
        if norm > limit:
            self.gradient.mul_(limit / (norm + _NORM_FLOOR))
        return norm

    def _bind(self) -> None:
        """Make every tensor of the policy, and its gradient, a view of the flat arrays."""
        parameters = dict(self.policy.named_parameters())
        start = 0
        for tensor in self.layout.tensors:
            end = start + tensor.num_parameters
            parameters[tensor.name].data = self.weights[start:end].view(tensor.shape)
            parameters[tensor.name].grad = self.gradient[start:end].view(tensor.shape)
            start = end


def adamw(model: FlatPolicy, rate: float) -> torch.optim.AdamW:
    """AdamW without weight decay over the flat weights."""
    return torch.optim.AdamW([model.parameter], lr=rate, betas=BETAS, weight_decay=0.0, fused=True)
