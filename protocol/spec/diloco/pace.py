"""How long a round takes, whose updates it counts and how many inner steps each node does. Pure: times are arguments.

Wait for all, and the slowest node sets the pace; with a deadline its update is left out (it may train on, its error
feedback keeps what was not sent). With steps by speed nobody is late: a slow node does fewer. Its update counts once
all the same: it is shorter, and a weight by steps would be one by the node's own word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PUBLISHING_SHARE: Final = 4
"""Of a round's commitment window a quarter is for publishing, others' fetching and the transaction."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The nodes whose updates a round counts, sorted, and when it is over (seconds after its start)."""

    nodes: tuple[str, ...]
    seconds: float


def wait_for_all(arrivals: Mapping[str, float]) -> Counted:
    """Everybody counts. `arrivals`: when each update was there, in seconds; infinity if it never comes."""
    return Counted(tuple(sorted(arrivals)), max(arrivals.values(), default=0.0))


def until_deadline(arrivals: Mapping[str, float], deadline_seconds: float) -> Counted:
    """Whoever arrived in time counts; the round ends with the last update, or at the deadline if one is missing."""
    nodes = tuple(sorted(node for node, seconds in arrivals.items() if seconds <= deadline_seconds))
    last = max((arrivals[node] for node in nodes), default=0.0)
    return Counted(nodes, last if len(nodes) == len(arrivals) else deadline_seconds)


def round_seconds(compute_seconds: float, exchange_seconds: float, overlap: float) -> float:
    """Length of a round, one after the other but for the first steps: `overlap` of them, between 0 and 1."""
    return compute_seconds + max(0.0, exchange_seconds - overlap * compute_seconds)


def training_seconds(seconds_left: float, window_seconds: float) -> float:
    """What is left for rollouts and training before the end of a window of that length; negative if too late."""
    return seconds_left - window_seconds / PUBLISHING_SHARE


def another_fits(spent_seconds: float, last_seconds: float, available_seconds: float) -> bool:
    """Whether a node whose inner steps took `spent_seconds`, the last of them `last_seconds`, has time for one more.

    Every step of a round sees the same, so the last one says best how fast the machine is now.
    """
    return spent_seconds + last_seconds <= available_seconds
