"""Running a role's coroutine from a command line: options to settings, signals to a clean stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import typer

from cupel.protocol.activity import ActivityLog
from cupel.protocol.observe import JsonObserver, Observer, TextObserver
from cupel.protocol.settings import Settings, load_settings
from cupel.protocol.waiting import live_observer

EXIT_INTERRUPTED = 130


def observer_of(as_json: bool) -> Observer:
    """Events on standard output, for programs or for people."""
    return JsonObserver(sys.stdout) if as_json else live_observer(sys.stdout, TextObserver)


def execute(role: Callable[[Settings, Observer], Coroutine[Any, Any, int]], options: dict[str, Any]) -> None:
    """Load settings from a command's options, run the role and leave with its exit code.

    `config` and `json` among the options are the file and the output form; every other one is a setting. SIGINT and
    SIGTERM cancel the role, which closes what it opened.
    """
    as_json = options.get("json", False)
    settings = settings_of(options)
    observer = ActivityLog(Path(settings.data_dir), observer_of(as_json))
    raise typer.Exit(asyncio.run(until_signal(role(settings, observer))))


def settings_of(options: dict[str, Any]) -> Settings:
    """Settings from a command's options, without what is none."""
    config = options.get("config")
    given = {name: value for name, value in options.items() if name not in ("config", "json")}
    return load_settings(None if config is None else Path(config), given)


async def until_signal(work: Coroutine[Any, Any, int]) -> int:
    """The exit code of a role that SIGINT or SIGTERM cancels."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return EXIT_INTERRUPTED
    except BaseExceptionGroup as group:
        # One failure among the role's tasks ends them all; the first is the one to tell.
        raise _first(group) from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
