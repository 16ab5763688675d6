"""Turns at the processor: one at a time, the earliest deadline first.

A juror has seconds where an audit has the whole window, and what both compute takes long on a busy machine. Were turns
taken in the order of asking, votes would be late whenever audits queue.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Final

_deadline: Final[ContextVar[float]] = ContextVar("deadline", default=math.inf)


@contextmanager
def due(deadline: int) -> Iterator[None]:
    """Whatever is computed inside, by this task, is needed before this time of the chain's clock."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


class Turns:
    """Who waits, and for what time. What is under way is not interrupted."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._taken = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the processor while the block runs."""
        await self._take()
        try:
            yield
        finally:
            self._give()

    async def _take(self) -> None:
        if not self._taken:
            self._taken = True
            return
        ready = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (_deadline.get(), next(self._order), ready))
        try:
            await ready
        except asyncio.CancelledError:
            if ready.done() and not ready.cancelled():
                self._give()
            raise

    def _give(self) -> None:
        """To the one whose time is up first; whoever was cancelled meanwhile does not wait any more."""
        while self._waiting:
            _, _, ready = heapq.heappop(self._waiting)
            if not ready.done():
                ready.set_result(None)
                return
        self._taken = False
