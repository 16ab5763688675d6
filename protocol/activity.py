"""What a process does now, in its data folder, for a dashboard beside it: newest events, and what moves. Bounded.

    <data_dir>/activity/events.jsonl      events as JSON lines, and the half megabyte before them in events.old.jsonl
    <data_dir>/activity/transfers.json    files on their way here and peers, replaced every second

Both hold no more than what a screen shows, and no secrets: of a URL its host stays, for its path may be a key.
Nothing here may stop the work: a disk that does not take a line loses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cupel.protocol.network.statistics import TransferStatistics
from cupel.protocol.observe import Observer, Value
from cupel.protocol.storage.port import StorageError
from cupel.protocol.storage.replacing import replace_file

FOLDER: Final = "activity"
MAX_LOG_BYTES: Final = 512 << 10
MAX_TAIL_BYTES: Final = 128 << 10
MAX_LINE_BYTES: Final = 4096
WRITE_SECONDS: Final = 1.0
_EVENTS, _OLDER, _TRANSFERS = "events.jsonl", "events.old.jsonl", "transfers.json"
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]*://)(?:[^\s/@]*@)?([^\s/?#@]+)[^\s,;()]*")
# Nobody emits these; a line that has one all the same keeps its name alone.
_SECRET_NAMES: Final = ("password", "secret", "private", "mnemonic", "token_file", "authorization")
_LEFT_OUT: Final = ("transfer",)


def without_secrets(value: Any, name: str = "") -> Any:
    """The value with nothing in it that an operator would not show: of URLs the host, of named secrets nothing."""
    if any(secret in name.lower() for secret in _SECRET_NAMES):
        return "(hidden)"
    if isinstance(value, str):
        return _URL.sub(r"\1\2", value)
    if isinstance(value, dict):
        return {key: without_secrets(inner, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(inner) for inner in value]
    return value


class ActivityLog:
    """Passes events on, and keeps the newest in a file."""

    def __init__(self, data_dir: Path, onward: Observer) -> None:
        self._folder = data_dir / FOLDER
        self._onward = onward

    def emit(self, event: str, **fields: Value) -> None:
        """Pass it on, then write it down."""
        self._onward.emit(event, **fields)
        if event in _LEFT_OUT:
            return
        told = {"event": event, "time": time.time_ns() // 1_000_000, **without_secrets(fields)}
        line = json.dumps(told, separators=(",", ":"))
        if len(line) < MAX_LINE_BYTES:
            with contextlib.suppress(OSError):
                self._write(line + "\n")

    def _write(self, line: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / _EVENTS
        if path.exists() and path.stat().st_size + len(line) > MAX_LOG_BYTES:
            path.replace(self._folder / _OLDER)
        with path.open("a", encoding="utf-8") as file:
            file.write(line)


async def keep_transfers(data_dir: Path, statistics: Callable[[], TransferStatistics]) -> None:
    """Write what moves, every second until cancelled."""
    path = data_dir / FOLDER / _TRANSFERS
    while True:
        told = {"time": time.time_ns() // 1_000_000, **dataclasses.asdict(statistics())}
        with contextlib.suppress(StorageError):
            await asyncio.to_thread(replace_file, path, json.dumps(told).encode(), False)
        await asyncio.sleep(WRITE_SECONDS)


def newest_events(data_dir: Path, count: int) -> list[dict[str, Any]]:
    """The last events of a process, the newest last; none if there is no log. What is no event is left out."""
    found: list[dict[str, Any]] = []
    for name in (_OLDER, _EVENTS):
        for line in _tail(data_dir / FOLDER / name).splitlines():
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict) and isinstance(told.get("event"), str):
                    found.append(without_secrets(told))
    return found[-count:]


def newest_transfers(data_dir: Path) -> dict[str, Any] | None:
    """What a process last wrote of its transfers; None if it never did."""
    try:
        told = json.loads((data_dir / FOLDER / _TRANSFERS).read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _tail(path: Path) -> bytes:
    """The end of a file from a line's beginning on; empty if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MAX_TAIL_BYTES))
            told = file.read(MAX_TAIL_BYTES)
    except OSError:
        return b""
    return told if size <= MAX_TAIL_BYTES else told.partition(b"\n")[2]
