"""How long a round takes, whose updates it counts and how many inner steps each node does. Pure: times are arguments.

Wait for all, and the slowest node sets the pace; with a deadline its update is left out (it may train on, its error
feedback keeps what was not sent). With steps by speed nobody is late: a slow node does fewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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


def round_seconds(compute_seconds: float, exchange_seconds: float, delayed: bool) -> float:
    """Length of a round: one after the other, or, with the aggregate one round late, both at once."""
    return max(compute_seconds, exchange_seconds) if delayed else compute_seconds + exchange_seconds


def inner_steps(steps_per_second: float, available_seconds: float, most: int) -> int:
    """Inner steps of a node that has so much time: as many as it can, at least one, at most the recipe's.

    No node does none: even the slowest has something to send, and is told by the deadline if that is too late.
    """
    assert steps_per_second > 0
    return max(1, min(most, int(steps_per_second * available_seconds)))
