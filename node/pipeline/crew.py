"""The publisher's two child processes: started before it has threads, started again when one dies.

The first pair is forked, so that nothing is loaded twice. A later one cannot be: by then the publisher runs threads,
whose locks a forked child may find held for ever. It is a new interpreter, which takes seconds, after a pause that
doubles with every death in a row.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from cupel.node.pipeline.worker import MakeJob, run_worker

CHECK_SECONDS: Final = 0.2
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
HEALTHY_SECONDS: Final = 20.0
"""A process that lived so long was well: the next pause is the first again."""
_GRACE_SECONDS: Final = 2.0


def pause_seconds(deaths: int) -> float:
    """Before the process is started again after so many deaths in a row (1 or more)."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(deaths - 1, 16))


@dataclass(slots=True)
class _Member:
    process: BaseProcess
    started: float
    deaths: int = 0
    restart_at: float | None = None


class Crew:
    """Starts the children at once: make it before the process has threads. `root`: folder they share with us."""

    def __init__(self, root: Path, jobs: Mapping[str, MakeJob]) -> None:
        self._root = root
        self._jobs = jobs
        self._members = {name: _Member(self._start(name, "fork"), time.monotonic()) for name in jobs}

    def close(self) -> None:
        """End both. They need no warning: whatever they were at is made again the same way."""
        for member in self._members.values():
            member.process.kill()
        for member in self._members.values():
            member.process.join(_GRACE_SECONDS)

    async def watch(self, tell: Callable[[str], None]) -> None:
        """Restart who dies, and tell of it, until cancelled."""
        while True:
            for name in self._members:
                self._look_after(name, tell)
            await asyncio.sleep(CHECK_SECONDS)

    def _look_after(self, name: str, tell: Callable[[str], None]) -> None:
        member, now = self._members[name], time.monotonic()
        if member.restart_at is not None:
            if now >= member.restart_at:
                member.process, member.started, member.restart_at = self._start(name, "spawn"), now, None
            return
        if member.process.is_alive():
            return
        member.deaths = 1 if now - member.started > HEALTHY_SECONDS else member.deaths + 1
        pause = pause_seconds(member.deaths)
        member.restart_at = now + pause
        tell(
            f"the {name} process ended with code {member.process.exitcode} and begins again in {pause:g} s; "
            f"its log is {self._root / name}.log"
        )

    def _start(self, name: str, method: str) -> BaseProcess:
        process: BaseProcess = multiprocessing.get_context(method).Process(  # type: ignore[attr-defined]  # typed for no method known at run time
            target=run_worker, args=(self._root, name, os.getpid(), self._jobs[name]), name=name, daemon=True
        )
        process.start()
        return process
