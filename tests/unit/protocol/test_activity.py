"""The log of a process: bounded, without secrets, and never in the way of the work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol import activity
from cupel.protocol.activity import ActivityLog, newest_events, newest_transfers, without_secrets


class Heard:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("https://rpc.example/v2/0123456789 is silent", "https://rpc.example is silent"),
        ("ask wss://user:word@rpc.example:8546/ws?key=1, then", "ask wss://rpc.example:8546, then"),
        ("http://127.0.0.1:1248#0xabc", "http://127.0.0.1:1248"),
        ("kubo:http://127.0.0.1:5001", "kubo:http://127.0.0.1:5001"),
        ("node 3 of 5", "node 3 of 5"),
    ],
)
def test_of_a_url_the_host_stays(told: str, shown: str) -> None:
    assert without_secrets(told) == shown
    assert without_secrets({"deep": [told]}) == {"deep": [shown]}


def test_events_go_on_unchanged_and_the_newest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "MAX_LOG_BYTES", 4000)
    heard = Heard()
    log = ActivityLog(tmp_path, heard)
    for number in range(500):
        log.emit("phase", round=number)
        log.emit("transfer", bytes_in=number)
    log.emit("error", message="x" * 5000)
    assert len(heard.events) == 1001
    assert [one["round"] for one in newest_events(tmp_path, 3)] == [497, 498, 499]
    sizes = [path.stat().st_size for path in (tmp_path / "activity").iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 4000


def test_a_disk_that_takes_nothing_costs_the_line_alone(tmp_path: Path) -> None:
    (tmp_path / "activity").write_text("")
    heard = Heard()
    ActivityLog(tmp_path, heard).emit("joined")
    assert heard.events == [("joined", {})]
    assert newest_events(tmp_path, 9) == []


def test_what_is_no_log_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "activity").mkdir()
    lines = [b"half a li", b"[1]", json.dumps({"event": "done", "time": 1}).encode(), b"\xff"]
    (tmp_path / "activity" / "events.jsonl").write_bytes(b"\n".join(lines))
    (tmp_path / "activity" / "transfers.json").write_bytes(b"[]")
    assert newest_events(tmp_path, 9) == [{"event": "done", "time": 1}]
    assert newest_transfers(tmp_path) is None
