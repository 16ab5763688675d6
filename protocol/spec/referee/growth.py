"""How a trace and a dispute grow with a decoder's shape: counted, not run."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.spec.referee.fixed import BLOCK
from cupel.protocol.spec.referee.llama import LlamaShape
from cupel.protocol.spec.referee.tree import BLOCK_ENTRIES, ENTRY_BYTES, depth


@dataclass(frozen=True, slots=True)
class Growth:
    """Of one sequence: rows and entries of the trace, multiply-adds to compute it, rounds to one step at most."""

    rows: int
    entries: int
    multiply_adds: int
    trace_levels: int
    row_levels: int
    """Levels from the longest row to its block of entries."""
    sum_levels: int
    """Levels from the longest sum to its partial sum of 256 products."""

    @property
    def rounds(self) -> int:
        """Open-and-pick rounds before the chain executes a step."""
        return self.trace_levels + self.row_levels + self.sum_levels

    @property
    def hashed_bytes(self) -> int:
        """Bytes of entries; statistics, hashes and prefixes come on top, about a fifth."""
        return self.entries * ENTRY_BYTES


def growth(shape: LlamaShape, tokens: int) -> Growth:
    """Of one sequence of this many tokens through the decoder, without the scores of the vocabulary."""
    inner, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
    seen = tokens * (tokens + 1) // 2
    # Per token: two norms with their statistics, three maps, two turns, the map back, two sums, two maps, silu,
    # product, the map down; per head scores, exponentials and their statistics, probabilities, mixture.
    rows_of_token = 17 + 5 * shape.heads
    entries_of_token = 6 * shape.width + 3 * inner + 3 * keys + 4 * shape.feed_forward
    entries_of_layer = tokens * entries_of_token + shape.heads * 3 * seen
    maps = shape.width * (2 * inner + 2 * keys + 3 * shape.feed_forward)
    multiply_adds = shape.layers * (tokens * maps + 2 * seen * inner)
    longest = max(shape.feed_forward, tokens)
    rows = tokens * (3 + shape.layers * rows_of_token)
    return Growth(
        rows=rows,
        entries=2 * tokens * shape.width + shape.layers * entries_of_layer,
        multiply_adds=multiply_adds,
        trace_levels=depth(rows),
        row_levels=depth(-(-longest // BLOCK_ENTRIES)),
        sum_levels=depth(-(-longest // BLOCK)),
    )
