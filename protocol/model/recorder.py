"""The supports of a decode's chunks, selected while it runs.

An engine hands over the states of each step where it computed them, and is never made to wait: a step is one copy
within the device, and a full chunk one selection, whose words travel to the host while decoding goes on. Of the states
no more than one chunk a completion is kept.

Shapes: N completions, H width, S steps, C chunks, k points of a proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.model.selection import Arrival, start_chunk
from cupel.protocol.spec.toploc.activations import chunk_counts
from cupel.protocol.spec.toploc.selection import Selection


class StateSink(Protocol):
    """Takes the states behind the tokens of a decode, step by step."""

    def append(self, states: torch.Tensor, running: torch.Tensor) -> None:
        """One step, on the current stream, as every one of a decode; the caller may overwrite both afterwards.

        states: [N, H], after the final norm; running: bool [N], the completions that get a token of this step, which
        none does again after its end. Both lie on the engine's device.
        """


class ChunkRecorder:
    """Selects each chunk once it is full. A `StateSink` for one decode, of float32 or bfloat16 states."""

    def __init__(self, chunk_tokens: int, k: int) -> None:
        assert chunk_tokens >= 1, f"chunks of {chunk_tokens} tokens"
        self._chunk_tokens, self._k = chunk_tokens, k
        self._filling: _Filling | None = None
        self._selected: list[Arrival] = []
        """Of every full chunk, N rows each."""

    def append(self, states: torch.Tensor, running: torch.Tensor) -> None:
        """See `StateSink.append`."""
        if self._filling is None:
            completions, width = states.shape
            self._filling = _Filling(
                states.new_empty((completions, self._chunk_tokens, width)),
                running.new_empty((completions, self._chunk_tokens)),
            )
        self._filling.append(states, running)
        if self._filling.steps == self._chunk_tokens:
            self._selected.append(self._filling.select(self._k))

    def finish(self, lengths: npt.NDArray[np.integer]) -> Selection:
        """The selection of all completions; waits for the device once. lengths: [N], each in [1, S]."""
        assert self._filling is not None, "no step was recorded"
        steps = len(self._selected) * self._chunk_tokens + self._filling.steps
        assert 1 <= lengths.min() <= lengths.max() <= steps, f"lengths outside [1, {steps}]"
        if self._filling.steps:
            self._selected.append(self._filling.select(self._k))
        points = [arrive() for arrive in self._selected]
        present = np.arange(len(points)) < chunk_counts(lengths, self._chunk_tokens)[:, None]
        indices = np.stack([index for index, _ in points], axis=1)[present]
        patterns = np.stack([pattern for _, pattern in points], axis=1)[present]
        return Selection(indices, patterns, lengths, self._chunk_tokens, self._filling.states.shape[2])


@dataclass(slots=True, eq=False)
class _Filling:
    """The chunk that is being filled; its memory serves one after another.

    states: [N, tokens, H], running: bool [N, tokens]; of both the first `steps` columns are written.
    """

    states: torch.Tensor
    running: torch.Tensor
    steps: int = 0

    def append(self, states: torch.Tensor, running: torch.Tensor) -> None:
        self.states[:, self.steps] = states
        self.running[:, self.steps] = running
        self.steps += 1

    def select(self, k: int) -> Arrival:
        """Start the selection of what is there, and begin anew."""
        written, self.steps = slice(self.steps), 0
        return start_chunk(self.states[:, written], self.running[:, written], k)
