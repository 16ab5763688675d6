"""Processes of the benchmark: the JSON lines they print, and the time they took.

A child is in a session of its own, so that ending it ends what it started. Its CPU time is what the kernel reports
when it is reaped (`wait4`): user and system, with all descendants that were reaped by it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.01
# An installed program is compiled once, not at every start, whatever this shell says.
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": ""}
# What a child may take to end after it was asked to.
END_SECONDS = 10.0


class Timeout(Exception):
    """Something did not happen in its time."""


class EndedEarly(Exception):
    """A child ended before it said what was waited for."""


@dataclass(frozen=True)
class Event:
    """A line of JSON from a child, and when it was read (monotonic seconds)."""

    name: str
    values: Mapping[str, Any]
    at_seconds: float


@dataclass(frozen=True)
class Ended:
    """How a child ended: exit code (minus the signal if one killed it), CPU seconds."""

    exit_code: int
    cpu_seconds: float


class Child:
    """A process in a session of its own. Standard error goes to a log file."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self.started_seconds = time.monotonic()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **ENVIRONMENT, **(environment or {})},
                start_new_session=True,
            )
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._ended: Ended | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process itself, which leads its session."""
        return self._process.pid

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def event(self, name: str, timeout_seconds: float) -> Event:
        """The next event of this name; others before it are dropped. Timeout, or EndedEarly."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Timeout(f"no {name!r} in {timeout_seconds:.0f} s") from None
            if event is None:
                self._events.put(None)
                raise EndedEarly(f"no {name!r}; the log ends: {self.log_end()}")
            if event.name == name:
                return event

    def wait(self, timeout_seconds: float) -> Ended:
        """Wait for its end; Timeout."""
        deadline = time.monotonic() + timeout_seconds
        while self._ended is None:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._ended = self._reap()
            elif time.monotonic() > deadline:
                raise Timeout(f"still running after {timeout_seconds:.0f} s")
            else:
                time.sleep(POLL_SECONDS)
        return self._ended

    def _reap(self) -> Ended:
        # Before its number may be given to others: what it started and left ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code  # or Popen would wait for it as well
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._reader.join(END_SECONDS)
        return Ended(code, usage.ru_utime + usage.ru_stime)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and everything it started."""
        if self._ended is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def end(self) -> Ended:
        """Ask it to end as an operator would, then kill it."""
        if self._ended is None:
            os.kill(self.pid, signal.SIGINT)
            with contextlib.suppress(Timeout):
                self.wait(END_SECONDS)
        return self.kill()

    def kill(self) -> Ended:
        """End its session at once."""
        self.send(signal.SIGKILL)
        return self.wait(END_SECONDS)

    def log_end(self) -> str:
        """The last line of standard error."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "(nothing)"

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                now = time.monotonic()
                with contextlib.suppress(ValueError):
                    values = json.loads(line)
                    if isinstance(values, dict) and isinstance(values.get("event"), str):
                        self._events.put(Event(values["event"], values, now))
        self._events.put(None)


def wait_until(condition: Callable[[], bool], timeout_seconds: float, what: str) -> float:
    """Ask every few milliseconds until it holds; seconds it took. Timeout."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > timeout_seconds:
            raise Timeout(f"{what}: not in {timeout_seconds:.0f} s")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def peak_bytes(pid: int) -> int:
    """Most memory a running process had in RAM at once, as the kernel counts it; 0 where it does not tell."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
