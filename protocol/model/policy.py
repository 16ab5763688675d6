"""The port of an engine: a causal policy that gives the state behind every token, and takes weights in place.

Whoever generates, replays or trains works with this; which class it is, `engines.py` chooses by the task's
architecture.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, Self

from torch import Tensor, nn

from cupel.protocol.spec.task import ModelShape


class Cache(Protocol):
    """Keys and values of the tokens a generation has seen."""

    @property
    def length(self) -> int:
        """Tokens seen so far."""

    def select(self, rows: Tensor) -> Self:
        """A cache whose row i is this one's row rows[i]."""


@dataclass(frozen=True, slots=True)
class Places:
    """Sequences that share rows: each token's position in its own sequence, int64 [rows, count], and which tokens each
    token sees, bool [rows, count, count]."""

    positions: Tensor
    visible: Tensor


class Policy(nn.Module):
    """Weights are float32 and named as the task's `Layout` names them."""

    shape: ModelShape

    @abstractmethod
    def new_cache(self) -> Cache:
        """An empty one."""

    @abstractmethod
    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Final-norm states of `tokens` int64 [rows, count]: float32 [rows, count, width].

        With a cache, `tokens` continue what it holds: any number into an empty one, one at a time after that.
        """

    @abstractmethod
    def packed(self, tokens: Tensor, places: Places) -> Tensor:
        """The same of rows that hold several sequences each."""

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of the next token: float32 [..., vocabulary]."""
