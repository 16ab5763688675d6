"""The whole economy on real processes: every promise held, and nothing left behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from cupel.protocol.testing.waiting import HANG_SECONDS
from tests.unit.devnet.test_processes import dies

pytestmark = pytest.mark.e2e

CUPEL = Path(sysconfig.get_path("scripts")) / "cupel"
CHECKS = {
    "liars-slashed",
    "different-checks",
    "honest-paid",
    "honest-unslashed",
    "reward-rose",
    "digests-equal",
    "hub-solvent",
    "processes-finished",
}


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A demo in its own process group; killed at the end if it still runs."""
    process = subprocess.Popen(
        [str(CUPEL), "demo", "--fast", "--json", "--run-dir", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def wait_for(folder: Path, event: str, count: int) -> None:
    """Until the run's event log tells of an event this often."""
    log, give_up = folder / "events.jsonl", time.monotonic() + HANG_SECONDS
    while time.monotonic() < give_up:
        if log.exists() and log.read_text(encoding="utf-8").count(f'"event":"{event}"') >= count:
            return
        time.sleep(0.1)
    pytest.fail(f"no {event} within two minutes")


def events(folder: Path) -> list[dict[str, Any]]:
    """What the run's log tells; its last line may be half written."""
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that has a file of the run's folder open, whoever its parent is now."""
    found = []
    for process in psutil.process_iter(["open_files", "status"]):
        names_it = any(file.path.startswith(str(folder)) for file in process.info["open_files"] or [])
        if names_it and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found.append(process)
    return found


@pytest.mark.timeout(600)
def test_every_promise_holds_and_a_killed_node_harms_nobody_else(tmp_path: Path) -> None:
    """The first node accepts no connections: it trains, delivers and is paid as the others are."""
    folder = tmp_path / "run"
    with demo(folder, "--seed", "11", "--kill-node", "2@2", "--nat-node", "1") as process:
        wait_for(folder, "ready", 8)
        hidden = {one["event"]: one for one in events(folder) if one["source"] == "node-1"}
        assert hidden["ready"]["endpoint"].startswith("/p2p/")
        connections = psutil.Process(hidden["process-started"]["pid"]).net_connections("inet")
        assert connections != []
        assert [one for one in connections if one.status == psutil.CONN_LISTEN] == []
        output, log = process.communicate(timeout=540)
    assert process.returncode == 0, f"{output}\n{log}"
    result: dict[str, Any] = json.loads(output)
    assert output.count("\n") == 1
    assert set(result["checks"]) == CHECKS
    assert [name for name, check in result["checks"].items() if not check["passed"]] == []
    rows = {row["name"]: row for row in result["money"]}
    assert sum(int(row["net"]) for row in rows.values()) == 0
    assert [rows[name]["outcome"] for name in ("node-1", "node-3", "node-4", "node-5")] == [
        "earned",
        "earned",
        "lost",
        "lost",
    ]
    assert "process killed" in rows["node-2"]["why"]
    assert "killed: node-2" in result["checks"]["processes-finished"]["observed"]
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert report.startswith("<!doctype html>")
    assert json.loads((folder / "result.json").read_text(encoding="utf-8")) == result
    assert not (folder / "keys").exists()
    assert processes_of(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_demo_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "run"
    with demo(folder) as process:
        wait_for(folder, "process-started", 8)
        children = family(process.pid)
        assert len(children) >= 9  # anvil, pre-training, five nodes, two verifiers
        started = time.monotonic()
        process.send_signal(number)
        output, log = process.communicate(timeout=HANG_SECONDS)
        seconds = time.monotonic() - started
    assert process.returncode == 130, log
    assert output == ""
    assert log.splitlines()[-1] == "cupel: stopped; nothing is left running"
    # Six on an idle machine, and one that waited for anybody's deadline takes longer than this.
    assert seconds < 30
    assert all(dies(child.pid) for child in children)
    assert not (folder / "keys").exists()


@pytest.mark.skipif(not hasattr(signal, "pidfd_send_signal"), reason="needs Linux's parent-death signal")
def test_killed_demo_takes_its_children_along(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with demo(folder) as process:
        wait_for(folder, "process-started", 8)
        children = family(process.pid)
        process.kill()
        process.wait()
        assert all(dies(child.pid) for child in children)
