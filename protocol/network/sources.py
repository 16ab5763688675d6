"""Whom to ask for a block: what we remember of each source, and the order that follows.

A source is a block server's URL, so that blame sticks to who served and not to an account that names a stranger's
server as its own. Pure: clock readings (monotonic seconds) and randomness are arguments.

    worth = success x goodput / (1 + transfers running)

Success is an exponential average of outcomes that heals with time, because machines restart and lines recover.
Goodput is an average of bytes per second over transfers large enough to measure it.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# An unknown source is taken for a decent line: tried soon, and soon known better.
PRIOR_GOODPUT: Final = 10e6
# Weight of the newest observation: five transfers make two thirds of the average.
SMOOTHING: Final = 0.2
# Below this, a transfer measures latency rather than goodput.
MEASURABLE_BYTES: Final = 64 * 1024
# Half of a source's lost reputation is forgotten in this time.
HEALING_SECONDS: Final = 60.0
# Share of rankings led by a random source: how a slow start or a new neighbour is found out.
EXPLORATION: Final = 0.1
# A wrong block is a lie, not bad luck; the ban is finite because HTTP lets a third party on the path lie for it.
FIRST_BAN_SECONDS: Final = 60.0
MAX_BAN_SECONDS: Final = 3600.0
MIN_PATIENCE_SECONDS: Final = 1.0
MAX_PATIENCE_SECONDS: Final = 5.0
# A transfer this much slower than expected is helped by asking somebody else too.
PATIENCE_FACTOR: Final = 4.0


@dataclass(frozen=True, slots=True)
class Source:
    """What is remembered of one block server."""

    updated: float
    """When `success` was last brought up to date."""
    success: float = 1.0
    """Average outcome in [0, 1]."""
    goodput: float = PRIOR_GOODPUT
    """Average bytes per second."""
    bad_blocks: int = 0
    """Blocks served that were not what their address says."""
    banned_until: float = 0.0


def delivered(source: Source, now: float, num_bytes: int, seconds: float) -> Source:
    """The source after it delivered a right block."""
    goodput = source.goodput
    if num_bytes >= MEASURABLE_BYTES:
        goodput += SMOOTHING * (num_bytes / max(seconds, 1e-6) - goodput)
    success = success_at(source, now)
    return dataclasses.replace(
        source, updated=now, success=success + SMOOTHING * (1.0 - success), goodput=goodput
    )


def failed(source: Source, now: float) -> Source:
    """The source after it refused, stalled or broke off."""
    return dataclasses.replace(source, updated=now, success=success_at(source, now) * (1.0 - SMOOTHING))


def lied(source: Source, now: float) -> Source:
    """The source after it served a wrong block: banned, twice as long every time."""
    ban_seconds = min(FIRST_BAN_SECONDS * 2**source.bad_blocks, MAX_BAN_SECONDS)
    return dataclasses.replace(
        failed(source, now), bad_blocks=source.bad_blocks + 1, banned_until=now + ban_seconds
    )


def success_at(source: Source, now: float) -> float:
    """Success average, healed since it was last updated."""
    return float(1.0 - (1.0 - source.success) * 0.5 ** ((now - source.updated) / HEALING_SECONDS))


def patience_seconds(source: Source, num_bytes: int) -> float:
    """How long to wait for `num_bytes` from this source alone."""
    return min(max(MIN_PATIENCE_SECONDS, PATIENCE_FACTOR * num_bytes / source.goodput), MAX_PATIENCE_SECONDS)


def ranking(
    sources: Mapping[str, Source], running: Mapping[str, int], now: float, draw: random.Random
) -> list[str]:
    """Sources to ask, best first, without the banned ones; `running` counts transfers in progress by source."""
    worth = {
        url: success_at(source, now) * source.goodput / (1 + running.get(url, 0))
        for url, source in sources.items()
        if source.banned_until <= now
    }
    # Ties in random order, or every newcomer would ask the same neighbour first.
    order = sorted(worth, key=lambda url: (-worth[url], draw.random()))
    if order and draw.random() < EXPLORATION:
        order.insert(0, order.pop(draw.randrange(len(order))))
    return order
