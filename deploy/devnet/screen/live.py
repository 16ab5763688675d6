"""What people watch while the demo runs: a live terminal screen, or plain lines where there is no terminal."""

from __future__ import annotations

from typing import Final, Protocol

from rich.console import Console, RenderableType
from rich.live import Live

from cupel.devnet.screen.draw import draw
from cupel.devnet.story.state import DemoState, StageStatus

_REFRESH_HERTZ: Final = 4


class Screen(Protocol):
    """Shows the demo as it goes."""

    def show(self, state: DemoState) -> None:
        """Take the newest state."""


class LiveScreen:
    """Redraws the terminal a few times a second. Use as a context manager."""

    def __init__(self, console: Console, state: DemoState) -> None:
        self._state = state
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=_REFRESH_HERTZ, transient=True
        )

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, state: DemoState) -> None:
        """Take the newest state; the next refresh draws it."""
        self._state = state

    def _draw(self) -> RenderableType:
        return draw(self._state)


class PlainScreen:
    """One line per thing worth knowing, for logs and pipes. Use as a context manager."""

    def __init__(self, console: Console, state: DemoState) -> None:
        self._console = console
        self._state = state

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, state: DemoState) -> None:
        """Print what is new since the last state."""
        for text in news(self._state, state):
            self._console.print(text, style=None, highlight=False, soft_wrap=True, markup=False)
        self._state = state


def news(before: DemoState, after: DemoState) -> list[str]:
    """Lines for what happened between two states."""
    lines = []
    for old, new in zip(before.stages, after.stages, strict=True):
        if (old.status, old.detail) != (new.status, new.detail) and new.status is not StageStatus.WAITING:
            word = {StageStatus.DONE: "done", StageStatus.FAILED: "FAILED"}.get(new.status, "...")
            lines.append(
                _line(after, "demo", f"{new.title}: {word}" + (f" ({new.detail})" if new.detail else ""))
            )
    known = len(after.log) if before.log is after.log else _overlap(before, after)
    lines += [_line(after, line.source, line.text, line.time_ms) for line in after.log[known:]]
    return lines


def _overlap(before: DemoState, after: DemoState) -> int:
    """How many of the newer state's lines the older one had; the log forgets its oldest lines."""
    if not before.log:
        return 0
    last = before.log[-1]
    return next((index + 1 for index in range(len(after.log) - 1, -1, -1) if after.log[index] is last), 0)


def _line(state: DemoState, source: str, text: str, time_ms: int | None = None) -> str:
    seconds = ((state.now_ms if time_ms is None else time_ms) - state.started_ms) / 1000
    return f"{seconds:7.1f} s  {source:<11} {text}"
