"""The supports of many chunks: all that proving and comparing need of a completion's states.

Whoever holds the states selects, where they lie; what follows asks no more than k points a chunk. `select` is for
states in this machine's memory, `cupel.protocol.model.selection` for those of a model, on whatever device.

Shapes: N completions, T tokens, H width, C chunks, k points of a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.toploc.activations import Patterns, States, chunk_counts, select_points


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The supports of all chunks of N completions, in order.

    indices int64 and patterns uint16, both [C, k]: `top_points` of each chunk, in any order. lengths: [N], tokens of
    each completion, at least 1; width: elements of a token's state.
    """

    indices: npt.NDArray[np.int64]
    patterns: Patterns
    lengths: npt.NDArray[np.integer]
    chunk_tokens: int
    width: int

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Chunks of each completion, [N]."""
        return chunk_counts(self.lengths, self.chunk_tokens)

    @property
    def elements(self) -> npt.NDArray[np.int64]:
        """Elements of every chunk, [C]: full ones and each completion's last."""
        counts = self.counts
        elements = np.full(int(counts.sum()), self.chunk_tokens * self.width, dtype=np.int64)
        elements[np.cumsum(counts) - 1] = (self.lengths - (counts - 1) * self.chunk_tokens) * self.width
        return elements


def select(hidden: States, lengths: npt.NDArray[np.integer], chunk_tokens: int, k: int) -> Selection:
    """Selection of N completions.

    hidden: [N, T, H] after the final norm, rows from a completion's length on ignored; lengths: [N], each in [1, T].
    """
    indices, patterns = select_points(hidden, lengths, chunk_tokens, k)
    return Selection(indices, patterns, lengths, chunk_tokens, hidden.shape[2])
