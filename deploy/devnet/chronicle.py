"""The demo's one record: every event goes through here to the state, the event log, the screen and those who wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from cupel.devnet.screen.live import Screen
from cupel.devnet.story.events import CHAIN, DEMO, DemoEvent
from cupel.devnet.story.reducer import reduce
from cupel.devnet.story.state import DemoState
from cupel.protocol.config import EnvironmentProblem
from cupel.protocol.observe import Value


class DemoFailed(Exception):
    """The demo cannot go on, or did not get where it should in time: one line that says why."""


class Chronicle:
    """Holds the newest state. Use as a context manager: it owns the event log's file."""

    def __init__(self, state: DemoState, event_log: Path, screen: Screen) -> None:
        self.state = state
        self._screen = screen
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._event_log = event_log.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._event_log.close()
        except OSError as problem:  # the disk is full: say so unless something worse is on its way
            if error is None:
                raise self._disk_problem(problem) from None

    def record(self, event: DemoEvent) -> None:
        """Take in an event. Never raises: what goes wrong here ends the demo through `until`."""
        self.state = reduce(self.state, event)
        try:
            print(event.as_json(), file=self._event_log, flush=True)
        except OSError as error:
            self.fail(self._disk_problem(error))
        self._screen.show(self.state)
        self._changed.set()

    def tell(self, name: str, /, **fields: Value) -> None:
        """Record an event of the orchestrator's own."""
        self.record(DemoEvent(DEMO, name, _now_ms(), fields))

    def tell_of_chain(self, name: str, /, **fields: Value) -> None:
        """Record something read from the chain."""
        self.record(DemoEvent(CHAIN, name, _now_ms(), fields))

    def stage(self, key: str, status: str, detail: str = "", progress: int = 0) -> None:
        """Record where a stage is. `progress` in thousandths."""
        fields: dict[str, Value] = {"key": key, "status": status}
        if detail:
            fields["detail"] = detail
        if status == "running":
            fields["progress"] = progress
        self.tell("stage", **fields)

    def fail(self, error: Exception) -> None:
        """End the demo: whoever waits gets the first error told here."""
        self._failure = self._failure or error
        self._changed.set()

    async def until(self, reached: Callable[[DemoState], bool], seconds: float, problem: str) -> None:
        """Wait until the state satisfies `reached`.

        DemoFailed(problem) after `seconds`; whatever `fail` was told, or `reached` raises, at once.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if self._failure is not None:
                        raise self._failure
                    if reached(self.state):
                        return
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise DemoFailed(f"{problem} within {seconds:.0f} s") from None

    def _disk_problem(self, error: OSError) -> EnvironmentProblem:
        problem = f"cannot write {self._event_log.name} ({error.strerror})"
        return EnvironmentProblem(f"{problem}; free some space, or choose another disk with --run-dir")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
