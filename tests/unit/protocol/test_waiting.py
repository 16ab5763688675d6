"""A bar where somebody looks, and not a byte where nobody does."""

from __future__ import annotations

import io
import sys

import pytest

from cupel.protocol.observe import TextObserver
from cupel.protocol.waiting import LiveObserver, live_observer, waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting("reading", 2) as done:
        done(1)
    assert capsys.readouterr() == ("", "")
    assert isinstance(live_observer(io.StringIO(), TextObserver), TextObserver)


def test_a_terminal_gets_text_bar_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    with waiting("reading the hub", 2) as done:
        done(1)
    shown = terminal.getvalue()
    assert "reading the hub" in shown
    assert "0:00:00" in shown
    assert "━" in shown


def test_events_are_lines_above_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    observer = live_observer(terminal, TextObserver)
    assert isinstance(observer, LiveObserver)
    observer.emit("joined", quota=512)
    observer.emit("phase", round=3, phase="rollouts", progress=250, detail="")
    observer.emit("transfer", bytes_in=1)
    observer.emit("done")
    shown = terminal.getvalue()
    assert "joined       quota=512" in shown
    assert "round 3: rollouts" in shown
    assert "bytes_in" not in shown
    assert "done" in shown
