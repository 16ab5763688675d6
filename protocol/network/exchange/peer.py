"""One peer of one download: what it holds, what it was asked for, when to speak to it again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from cupel.protocol.network.sources import Source, success_at

# Requests running at one peer: two keep a line busy, more only where the line holds more than a block.
MAX_WINDOW: Final = 16
# A plain gateway takes each by itself, on a connection and with a buffer of its own.
MAX_GATEWAY_WINDOW: Final = 8
# What a line carries in so long is asked for together: a fast one would spend its time on asking.
TOGETHER_SECONDS: Final = 0.03
# A peer's answer that is later than this and than four times its expected time is not waited for.
MIN_DEADLINE_SECONDS: Final = 2.0
MAX_DEADLINE_SECONDS: Final = 30.0
DEADLINE_FACTOR: Final = 4.0
# After a failure a peer rests, twice as long every time in a row.
FIRST_REST_SECONDS: Final = 0.25
MAX_REST_SECONDS: Final = 8.0
# A peer that is busy is asked again after this; its queue is a few leaves long.
BUSY_SECONDS: Final = 0.2
# Messages to one peer: at most so often while either side has news, and less and less often while neither has.
TALK_SECONDS: Final = 0.15
KEEP_ALIVE_SECONDS: Final = 3.0
# Round trip of a peer that has not answered a message yet.
PRIOR_LATENCY_SECONDS: Final = 0.05
_LATENCY_SMOOTHING: Final = 0.3


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask `url` for `leaf`, and give up at `deadline`."""

    url: str
    leaf: int
    asked: float
    expected: float
    """When it should be here."""
    deadline: float


class Peer:
    """State kept by the scheduler; times are its clock's."""

    def __init__(self, now: float) -> None:
        self.holdings = 0
        self.given = False
        self.proven = False
        """It answered or sent a message."""
        self.silent_server = False
        """It serves blocks but does not say which: taken to hold all."""
        self.delivered = False
        self.running = 0
        self.last_finished = now
        self.resting_until = now
        self.misses = 0
        """Failures in a row."""
        self.latency = PRIOR_LATENCY_SECONDS
        self.talking = False
        self.told = 0
        """What we hold as it was last told."""
        self._talk_after = now
        self._pause = TALK_SECONDS

    def spoke(self, now: float, news: int, told: int, seconds: float | None) -> None:
        """It said what it holds, of which `news` are new, and was told of `told`."""
        if seconds is not None:
            self.latency += _LATENCY_SMOOTHING * (seconds - self.latency)
        self.holdings |= news
        self.proven = True
        self.talking = False
        fruitful = bool(news or told & ~self.told)
        self.told = told
        self._pause = TALK_SECONDS if fruitful else min(2 * self._pause, KEEP_ALIVE_SECONDS)
        self._talk_after = now + TALK_SECONDS

    def busy(self, now: float) -> None:
        """It had no time."""
        self.resting_until = max(self.resting_until, now + BUSY_SECONDS)

    def missed(self, now: float) -> None:
        """It failed once more."""
        self.talking = False
        self.misses += 1
        rest_seconds = min(FIRST_REST_SECONDS * 2 ** (self.misses - 1), MAX_REST_SECONDS)
        self.resting_until = now + rest_seconds
        self._talk_after = max(self._talk_after, now + rest_seconds)

    def talk_at(self, own: int, free: int, source: Source, block_bytes: int) -> float:
        """When to speak to it next: soon if it does not know what we hold or has too little to ask for."""
        if not self.proven or own & ~self.holdings & ~self.told:
            return self._talk_after
        hungry = (self.holdings & free).bit_count() < self.window(source, block_bytes)
        return self._talk_after + (self._pause if hungry else KEEP_ALIVE_SECONDS) - TALK_SECONDS

    def window(self, source: Source, block_bytes: int) -> int:
        """Requests it may have running: what its line holds in a round trip, and one to follow."""
        if self.misses or not self.delivered:
            return 1
        seconds = self.latency + TOGETHER_SECONDS
        most = MAX_GATEWAY_WINDOW if self.silent_server else MAX_WINDOW
        return min(1 + max(1, math.ceil(source.goodput * seconds / block_bytes)), most)

    def want(self, source: Source, block_bytes: int) -> int:
        """Leaves it could deliver until it is spoken to again; one while nothing is known of it."""
        if not self.delivered:
            return 1
        return self.window(source, block_bytes) + math.ceil(2 * source.goodput * TALK_SECONDS / block_bytes)

    def expected_seconds(self, source: Source, num_bytes: int, now: float) -> float:
        """Until one more leaf of this size would be here, failures counted as time lost."""
        seconds = self.latency + (self.running + 1) * num_bytes / source.goodput
        return seconds / max(success_at(source, now), 0.01)


def deadline_seconds(expected_seconds: float) -> float:
    """How long to wait for what should take `expected_seconds`."""
    return min(max(MIN_DEADLINE_SECONDS, DEADLINE_FACTOR * expected_seconds), MAX_DEADLINE_SECONDS)
