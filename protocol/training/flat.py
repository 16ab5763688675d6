"""A policy whose weights and gradients are one array each, in canonical order.

Optimiser, clipping and pseudo-gradient then work on flat arrays, and AdamW's state has the same order as everything
else a node stores.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim.adamw import adamw

from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.task import ModelShape

# The second moment's 0.95 in place of 0.999: a round has few steps (the usual choice for language models).
BETAS: Final = (0.9, 0.95)
_NORM_FLOOR: Final = 1e-12
# As PyTorch's class has it.
_DENOMINATOR_FLOOR: Final = 1e-8


class FlatPolicy:
    """A policy over flat storage. Rejected(TASK_SPEC), ConfigError as `new_policy`."""

    def __init__(self, shape: ModelShape) -> None:
        self.policy: Final = new_policy(shape).eval()
        self.layout: Final = layout_of(shape)
        self.weights: Final = torch.zeros(self.layout.num_parameters)
        self.gradient: Final = torch.zeros(self.layout.num_parameters)
        self._bind()

    def set_weights(self, flat: npt.NDArray[np.float32]) -> None:
        """Copy weights float32 [parameters] in."""
        self.weights.copy_(torch.from_numpy(flat))

    def clip_gradient(self, limit: float) -> float:
        """Scale the gradient down to length `limit` if it is longer; returns its length before."""
        return clip(self.gradient, limit)

    def _bind(self) -> None:
        """Make every tensor of the policy, and its gradient, a view of the flat arrays."""
        parameters = dict(self.policy.named_parameters())
        start = 0
        for tensor in self.layout.tensors:
            end = start + tensor.num_parameters
            parameters[tensor.name].data = self.weights[start:end].view(tensor.shape)
            parameters[tensor.name].grad = self.gradient[start:end].view(tensor.shape)
            start = end


def clip(gradient: Tensor, limit: float) -> float:
    """Scale a gradient down to length `limit`, in place, if it is longer; returns its length before."""
    norm = float(gradient.norm())
    if norm > limit:
        gradient.mul_(limit / (norm + _NORM_FLOOR))
    return norm


class FlatParameters(Protocol):
    """What an optimiser steps on: two float32 arrays of one length."""

    @property
    def weights(self) -> Tensor:
        """Changed in place."""

    @property
    def gradient(self) -> Tensor:
        """Of the loss, by `weights`."""


class AdamW:
    """AdamW without weight decay over flat weights (Loshchilov and Hutter 2019).

    PyTorch's function and not its class, which loads 800 modules of the compiler: 1.6 s of CPU in every process.
    """

    def __init__(self, model: FlatParameters, first: Tensor, second: Tensor, steps: int) -> None:
        """Moments float32 [parameters], changed in place, after so many steps."""
        self._model: Final = model
        self.first_moment: Final = first
        self.second_moment: Final = second
        self._steps: Final = torch.tensor(float(steps))

    @classmethod
    def fresh(cls, model: FlatParameters) -> AdamW:
        """Before the first step."""
        return cls(model, torch.zeros_like(model.weights), torch.zeros_like(model.weights), 0)

    def step(self, rate: float) -> None:
        """One step along the gradient."""
        adamw(
            [self._model.weights],
            [self._model.gradient],
            [self.first_moment],
            [self.second_moment],
            [],
            [self._steps],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=0.0,
            eps=_DENOMINATOR_FLOOR,
            maximize=False,
        )
