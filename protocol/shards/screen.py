"""What `cupel shards` prints: events on standard output, progress on standard error."""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Final

_LINE_SECONDS: Final = 1.0


class Screen:
    """Where one command tells what it does; `as_json` for one JSON object a line."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._started = time.monotonic()
        self._shown = self._started
        self._bytes = 0

    def event(self, name: str, **values: str | int | float) -> None:
        """One line on standard output, at once."""
        if self._as_json:
            print(json.dumps({"event": name, **values}), flush=True)
        else:
            print(name, *(f"{key}={_text(value)}" for key, value in values.items()), flush=True)

    def progress(self, what: str, num_bytes: int, total_bytes: int) -> None:
        """How far it is, at most once a second."""
        now = time.monotonic()
        if now - self._shown < _LINE_SECONDS:
            return
        rate = (num_bytes - self._bytes) / (now - self._shown)
        self._shown, self._bytes = now, num_bytes
        percent = 100 * num_bytes // max(total_bytes, 1)
        print(
            f"{what} {percent} %, {num_bytes / 1e6:.0f} of {total_bytes / 1e6:.0f} MB, {rate / 1e6:.1f} MB/s",
            file=sys.stderr,
            flush=True,
        )

    @property
    def seconds(self) -> float:
        """Since the start of the command."""
        return time.monotonic() - self._started


def cpu_seconds() -> float:
    """CPU time of this process so far, its start included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _text(value: str | int | float) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
