"""What a process tells the outside: typed events, as JSON lines for programs or short lines for people."""

from __future__ import annotations

import json
import time
from typing import Protocol

Value = str | int | bool | None | list["Value"] | dict[str, "Value"]


class Lines(Protocol):
    """Where lines go: an open text file, or what looks like one."""

    def write(self, text: str, /) -> object:
        """Take some text."""

    def flush(self) -> object:
        """Let others see it now."""


class Observer(Protocol):
    """Receives events."""

    def emit(self, event: str, **fields: Value) -> None:
        """Report that `event` happened."""


class JsonObserver:
    """One JSON object a line: `event`, `time` (Unix milliseconds) and the event's fields."""

    def __init__(self, stream: Lines) -> None:
        self._stream = stream

    def emit(self, event: str, **fields: Value) -> None:
        """Write the event's line at once, so that a reader on a pipe sees it now."""
        line = {"event": event, "time": time.time_ns() // 1_000_000, **fields}
        _write(self._stream, json.dumps(line, separators=(",", ":")))


class TextObserver:
    """One line a person can read; transfers are left out, they change every second."""

    def __init__(self, stream: Lines) -> None:
        self._stream = stream

    def emit(self, event: str, **fields: Value) -> None:
        """Write the event's line."""
        if event == "transfer":
            return
        detail = "  ".join(f"{name}={value}" for name, value in fields.items())
        _write(self._stream, f"{time.strftime('%H:%M:%S')}  {event:<12} {detail}")


def _write(stream: Lines, line: str) -> None:
    # In one piece: where Python does not buffer (PYTHONUNBUFFERED, as in our images), print() sends the end of the line
    # by itself, and another thread's line comes between.
    stream.write(line + "\n")
    stream.flush()
