"""Inner steps, as a reference: AdamW or plain SGD on flat float32 weights, and the pseudo-gradient they give.

What the gradient is of does not matter here. Engines have fused ones of their own (protocol/training); this one says
what they compute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Flat = npt.NDArray[np.float32]
Gradient = Callable[[Flat, int], Flat]
"""Gradient of a node's loss at weights [parameters] in its inner step number so-and-so, counted from its first."""


@dataclass(frozen=True, slots=True)
class AdamW:
    """Settings of Loshchilov and Hutter 2019 (arXiv 1711.05101)."""

    learning_rate: float
    first_decay: float = 0.9
    second_decay: float = 0.95
    weight_decay: float = 0.0
    epsilon: float = 1e-8


@dataclass(frozen=True, slots=True)
class Sgd:
    """Plain gradient descent."""

    learning_rate: float


@dataclass(frozen=True, slots=True)
class InnerState:
    """What a node keeps from round to round: two moments, float32 [parameters], and the steps behind it."""

    first_moment: Flat
    second_moment: Flat
    steps: int


def fresh_inner_state(num_parameters: int) -> InnerState:
    """State of a node that has done nothing yet."""
    return InnerState(np.zeros(num_parameters, np.float32), np.zeros(num_parameters, np.float32), 0)


def inner_step(
    weights: Flat, gradient: Flat, state: InnerState, optimiser: AdamW | Sgd
) -> tuple[Flat, InnerState]:
    """Weights and state after one step."""
    steps = state.steps + 1
    if isinstance(optimiser, Sgd):
        moved = weights - np.float32(optimiser.learning_rate) * gradient
        return moved, InnerState(state.first_moment, state.second_moment, steps)
    first_decay, second_decay = np.float32(optimiser.first_decay), np.float32(optimiser.second_decay)
    first = first_decay * state.first_moment + (np.float32(1) - first_decay) * gradient
    second = second_decay * state.second_moment + (np.float32(1) - second_decay) * gradient**2
    size = optimiser.learning_rate / (1 - optimiser.first_decay**steps)
    root = np.sqrt(second) / np.float32(math.sqrt(1 - optimiser.second_decay**steps))
    decayed = weights * np.float32(1 - optimiser.learning_rate * optimiser.weight_decay)
    moved = decayed - np.asarray(
        np.float32(size) * first / (root + np.float32(optimiser.epsilon)), np.float32
    )
    return moved, InnerState(first, second, steps)


def train(
    weights: Flat, state: InnerState, gradient: Gradient, optimiser: AdamW | Sgd, count: int
) -> tuple[Flat, InnerState]:
    """Weights and state after `count` steps."""
    for _ in range(count):
        weights, state = inner_step(weights, gradient(weights, state.steps), state, optimiser)
    return weights, state


def pseudo_gradient(start: Flat, trained: Flat) -> Flat:
    """What a round's training changed, as a gradient: start minus trained."""
    return start - trained
