"""A bar on the terminal for every wait that a person sees. Nothing where standard error is a file or a pipe."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from cupel.protocol.observe import Observer, TextObserver, Value

if TYPE_CHECKING:
    from rich.progress import Progress

_THOUSANDTHS: Final = 1000
_SILENT: Final = ("transfer", "phase")
Advance = Callable[[int], None]


@contextmanager
def waiting(text: str, total: int | None = None) -> Iterator[Advance]:
    """Show `text`, a bar and the time that has passed until the block ends; what is yielded says how far it is.

    total: how much there is to do; None where nobody can tell.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with _bar(sys.stderr, transient=True) as progress:
        task = progress.add_task(text, total=total)
        yield lambda done: progress.update(task, completed=done)


class LiveObserver:
    """Events as lines, and below them what the process does and for how long: a bar where it tells how far it is."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = _bar(stream, transient=True)
        self._lines = TextObserver(_Above(self._progress))
        self._task = self._progress.add_task("starting", total=None)
        self._progress.start()
        # However the process ends, the terminal gets its cursor back.
        atexit.register(self._progress.stop)

    def emit(self, event: str, **fields: Value) -> None:
        """A line for what happened, the bar for what goes on."""
        match event, fields:
            case "phase", {"phase": str(phase), "progress": int(done), **rest}:
                self._show(f"round {rest.get('round')}: {phase}", done)
            case (("done" | "slashed"), _):
                self._lines.emit(event, **fields)
                self._progress.stop()
            case _ if event not in _SILENT:
                self._lines.emit(event, **fields)
                if event != "error":
                    self._show(f"after {event}: waiting for the next thing to do", 0)

    def _show(self, text: str, done: int) -> None:
        task = self._progress.tasks[0]
        if task.description != text:
            self._progress.reset(self._task, description=text, total=_THOUSANDTHS if done else None)
        if done:
            self._progress.update(self._task, total=_THOUSANDTHS, completed=done)


class _Above:
    """A stream whose lines go above the bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def write(self, text: str) -> int:
        if text.strip():
            self._progress.console.print(text.rstrip("\n"), highlight=False, markup=False, soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        pass


def live_observer(stream: TextIO, onward: Callable[[TextIO], Observer]) -> Observer:
    """With a bar on a terminal, and `onward` anywhere else."""
    return LiveObserver(stream) if stream.isatty() else onward(stream)


def _bar(stream: TextIO, transient: bool) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(file=stream), transient=transient)
