"""An event loop whose time is simulated: it jumps to the next timer as soon as nothing is left to do.

A day passes in the time that the work of a day takes the processor. What runs in threads elsewhere runs in the loop
here, so that an order of events follows from the program alone. Only for programs that wait for timers and each other:
whoever waits for a socket would be waited for in no time at all.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class StuckError(Exception):
    """Everybody waits, and nothing will ever happen."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """stretch: factor on waits of a second at most, which are polls: a slower look at the same world.

    What takes time in that world is waited for by `elapse`.
    """

    def __init__(self, stretch: float = 1.0) -> None:
        self._now = 0.0
        self._stretch = stretch
        super().__init__(_Jumping(self._advance))

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._now

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        longer = delay * self._stretch if delay <= 1.0 else delay
        return super().call_later(longer, callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]  # typeshed has an async function where asyncio has one that returns a future
        self, executor: object, func: Callable[..., Result], *args: Any
    ) -> asyncio.Future[Result]:
        """Runs here and now."""
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _advance(self, seconds: float) -> None:
        self._now += seconds


class _Jumping(selectors.BaseSelector):
    def __init__(self, advance: Callable[[float], None]) -> None:
        self._real = selectors.DefaultSelector()
        self._advance = advance

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready and timeout is None:
            raise StuckError
        if not ready and timeout is not None and timeout > 0:
            self._advance(timeout)
        return ready


async def elapse(seconds: float) -> None:
    """Wait exactly so long, however short."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    timer = loop.call_at(loop.time() + seconds, _settle, over)
    try:
        await over
    finally:
        timer.cancel()


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


@contextmanager
def simulated_time(loop: SimulatedLoop) -> Iterator[None]:
    """As long as the block runs, `time.monotonic` is the loop's time for the whole process."""
    real = time.monotonic
    time.monotonic = loop.time
    try:
        yield
    finally:
        time.monotonic = real
