"""Which order of a ring is fastest, from the bandwidth measured between every two members.

A ring is as fast as its slowest link, so the best order has the greatest least bandwidth; among those, the least sum
of times. Up to MAX_EXACT members all orders are weighed (Held and Karp 1962); beyond, the nearest unused member is
taken, from every start, and the best of them improved by reversing stretches (2-opt).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_EXACT: Final = 9
Cost = tuple[float, float]


def ring_order(bandwidth: Sequence[Sequence[float]]) -> tuple[int, ...]:
    """An order that starts at 0: `bandwidth[i][j]` > 0 is what i can send to j, in any unit."""
    count = len(bandwidth)
    if count <= 2:
        return tuple(range(count))
    seconds = [[0.0 if i == j else 1 / bandwidth[i][j] for j in range(count)] for i in range(count)]
    if count <= MAX_EXACT:
        return _exact(seconds)
    starts = (_improved(_nearest(seconds, start), seconds) for start in range(count))
    best = min(starts, key=lambda order: (ring_cost(order, seconds), order))
    first = best.index(0)
    return best[first:] + best[:first]


def ring_cost(order: Sequence[int], seconds: Sequence[Sequence[float]]) -> Cost:
    """The slowest link's time and the sum of all, to be compared in this order."""
    links = [seconds[left][right] for left, right in zip(order, [*order[1:], order[0]], strict=True)]
    return max(links), sum(links)


def _exact(seconds: Sequence[Sequence[float]]) -> tuple[int, ...]:
    slowest = sorted({value for row in seconds for value in row if value > 0})
    for bound in slowest:
        found = _shortest(seconds, bound)
        if found is not None:
            return found
    raise AssertionError("the slowest link bounds every ring")


def _shortest(seconds: Sequence[Sequence[float]], bound: float) -> tuple[int, ...] | None:
    """The shortest ring without links slower than `bound`, by what was visited and where one stands."""
    count = len(seconds)
    paths: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {(1, 0): (0.0, (0,))}
    for _ in range(count - 1):
        longer: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
        for (visited, last), (length, path) in paths.items():
            for step in range(count):
                if visited >> step & 1 or seconds[last][step] > bound:
                    continue
                key, value = (visited | 1 << step, step), (length + seconds[last][step], (*path, step))
                longer[key] = min(longer.get(key, value), value)
        paths = longer
    closed = [
        (length + seconds[last][0], path)
        for (_, last), (length, path) in paths.items()
        if seconds[last][0] <= bound
    ]
    return min(closed)[1] if closed else None


def _nearest(seconds: Sequence[Sequence[float]], start: int) -> tuple[int, ...]:
    order, left = [start], set(range(len(seconds))) - {start}
    while left:
        order.append(min(left, key=lambda member: (seconds[order[-1]][member], member)))
        left.remove(order[-1])
    return tuple(order)


def _improved(order: tuple[int, ...], seconds: Sequence[Sequence[float]]) -> tuple[int, ...]:
    best, cost = order, ring_cost(order, seconds)
    improved = True
    while improved:
        improved = False
        for start in range(1, len(best) - 1):
            for stop in range(start + 2, len(best) + 1):
                turned = best[:start] + best[start:stop][::-1] + best[stop:]
                if (other := ring_cost(turned, seconds)) < cost:
                    best, cost, improved = turned, other, True
    return best
