"""How long a reduce takes among more members than this machine has room for, under a stated model of their links.

The model: a member sends to its right neighbour alone, at its own rate, one frame after the other; a frame arrives
`latency` after its last byte was sent, and is added in no time. Links are not lost, nobody computes, and neighbours'
links do not share a wire. Opening a link takes three round trips (TCP, TLS 1.3, a call and its answer), which
`CollectiveMember.prepare` takes out of the reduce. Frames and their order are those of `Plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.collective.reduce import Plan

OPENING_LATENCIES: Final = 6
ROUNDS_OF_WORDS: Final = 3
"""Around the ring besides the values: what was held before, random numbers, what is held now."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """Seconds: until links are open, for words that go round the ring, and for the values."""

    opening: float
    words: float
    values: float

    @property
    def prepared(self) -> float:
        """Seconds of a reduce whose links were open before."""
        return self.words + self.values


def simulate(size: int, itemsize: int, bytes_a_second: Sequence[float], latency_seconds: float) -> Simulated:
    """One reduce of `size` values by a member for each rate, in ring order."""
    members = len(bytes_a_second)
    plans = [Plan(members, rank, size, itemsize) for rank in range(members)]
    chunks, items = plans[0].chunks, plans[0].items
    free = [0.0] * members
    arrived: list[list[float]] = [[] for _ in range(members)]
    for item in range(items):
        for rank, plan in enumerate(plans):
            # What this frame passes on came from the left as many frames ago as a segment has.
            ready = arrived[rank][item - chunks] if item >= chunks else 0.0
            where = plan.sent(item)
            seconds = (where.stop - where.start) * itemsize / bytes_a_second[rank]
            free[rank] = max(free[rank], ready) + seconds
        for rank in range(members):
            arrived[rank].append(free[rank - 1] + latency_seconds)
    words = ROUNDS_OF_WORDS * (members - 1) * latency_seconds
    values = max(times[-1] for times in arrived)
    return Simulated(OPENING_LATENCIES * latency_seconds, words, values)
