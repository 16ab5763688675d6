"""How fast we give: a bucket of tokens for rates, and the cap on a process's uploads built on it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

# What may leave at once: small enough that a cap of 100 kB/s is felt at once, large enough to cost nothing.
BURST_SECONDS: Final = 0.05
MIN_PIECE_BYTES: Final = 16 * 1024
MAX_PIECE_BYTES: Final = 256 * 1024


@dataclass(slots=True)
class TokenBucket:
    """`rate` tokens a second, at most `burst` of them saved. Pure: times are seconds of any clock."""

    rate: float
    burst: float
    tokens: float
    updated: float

    def take(self, count: float, now: float) -> float:
        """Take `count` tokens, owing some if need be; the seconds to wait before they may be used."""
        self._fill(now)
        self.tokens -= count
        return max(0.0, -self.tokens / self.rate)

    def take_if_there(self, count: float, now: float) -> float:
        """Take `count` tokens if they are there now (0.0), else nothing; seconds until they would be."""
        self._fill(now)
        if self.tokens < count:
            return (count - self.tokens) / self.rate
        self.tokens -= count
        return 0.0

    def _fill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + self.rate * max(0.0, now - self.updated))
        self.updated = now


class UploadLimit:
    """The bytes a second that all uploads of this process may use together; None for as many as the line carries."""

    def __init__(self, bytes_per_second: int | None) -> None:
        self._bucket: TokenBucket | None = None
        self.piece_bytes: int | None = None
        """What to send between two calls of `wait`; None for everything at once."""
        if bytes_per_second is not None:
            burst = bytes_per_second * BURST_SECONDS
            self._bucket = TokenBucket(bytes_per_second, burst, burst, time.monotonic())
            self.piece_bytes = int(min(max(burst, MIN_PIECE_BYTES), MAX_PIECE_BYTES))

    async def wait(self, num_bytes: int) -> None:
        """Return when `num_bytes` may be sent."""
        if self._bucket is not None:
            seconds = self._bucket.take(num_bytes, time.monotonic())
            if seconds > 0.0:
                await asyncio.sleep(seconds)
