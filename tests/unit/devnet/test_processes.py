"""Children end with their parent; nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from cupel.devnet.processes import spawn, stop_all, tail
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.supervisor import ChildFailed, Supervisor
from cupel.protocol.testing.waiting import HANG_SECONDS

OBEDIENT = 'import signal, time; print(\'{"event":"ready"}\', flush=True); time.sleep(600)'
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    'print(\'{"event":"ready"}\', flush=True); time.sleep(600)'
)
WITH_GRANDCHILD = (
    "import subprocess, sys, time;"
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    'print(\'{"event":"ready","pid":%d}\' % p.pid, flush=True); time.sleep(600)'
)


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def dies(pid: int) -> bool:
    """Whether a process that was killed goes; an orphan may stay as a zombie."""
    give_up = time.monotonic() + HANG_SECONDS
    while is_alive(pid) and time.monotonic() < give_up:
        time.sleep(0.01)
    return not is_alive(pid)


class Listener:
    """Collects events and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[DemoEvent] = []
        self._arrived = asyncio.Event()

    def __call__(self, event: DemoEvent) -> None:
        self.events.append(event)
        self._arrived.set()

    async def heard(self, source: str, name: str) -> DemoEvent:
        while True:
            for event in self.events:
                if (event.source, event.name) == (source, name):
                    return event
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), HANG_SECONDS)


def run_with_supervisor(folder: Path, program: str) -> Listener:
    listener = Listener()

    async def scenario() -> None:
        async with Supervisor(folder, listener) as supervisor:
            await supervisor.start("node-1", [sys.executable, "-c", program])
            await listener.heard("node-1", "ready")

    asyncio.run(scenario())
    return listener


def test_obedient_child_ends_when_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cupel.devnet.supervisor.stop_all", partial(stop_all, grace_seconds=HANG_SECONDS))
    listener = run_with_supervisor(tmp_path, OBEDIENT)
    assert listener.events[-1].fields == {"code": -signal.SIGTERM}


def test_stubborn_child_is_killed(tmp_path: Path) -> None:
    listener = run_with_supervisor(tmp_path, STUBBORN)
    assert listener.events[-1].fields == {"code": -signal.SIGKILL}


def test_grandchildren_end_too(tmp_path: Path) -> None:
    listener = run_with_supervisor(tmp_path, WITH_GRANDCHILD)
    grandchild = next(event for event in listener.events if event.name == "ready").number("pid")
    assert grandchild > 0
    assert dies(grandchild)


def test_children_end_when_the_block_fails(tmp_path: Path) -> None:
    listener = Listener()

    async def scenario() -> None:
        async with Supervisor(tmp_path, listener) as supervisor:
            await supervisor.start("node-1", [sys.executable, "-c", OBEDIENT])
            await listener.heard("node-1", "ready")
            raise LookupError("the orchestrator's own bug")

    with pytest.raises(LookupError):
        asyncio.run(scenario())
    assert not is_alive(listener.events[0].number("pid"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the kernel's parent-death signal")
def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal, sys
from pathlib import Path
from cupel.devnet.supervisor import Supervisor
async def main():
    async with Supervisor(Path({str(tmp_path)!r}), lambda event: print(event.as_json(), flush=True)) as supervisor:
        await supervisor.start("node-1", [sys.executable, "-c", {STUBBORN!r}])
        await asyncio.sleep(600)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = json.loads(parent.stdout.readline())["pid"]
    assert json.loads(parent.stdout.readline())["event"] == "ready"
    assert is_alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert dies(pid)


def test_failure_names_the_end_of_the_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Supervisor(tmp_path, lambda event: None) as supervisor:
            await supervisor.start("creator", [sys.executable, "-c", "import sys; sys.exit('no funds')"])
            await supervisor.require_success("creator")

    with pytest.raises(
        ChildFailed, match=r"creator: ended with code 1 \(no funds\)\. Its log is .*creator\.log"
    ):
        asyncio.run(scenario())


def test_missing_program_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Supervisor(tmp_path, lambda event: None) as supervisor:
            await supervisor.start("creator", [tmp_path / "absent"])

    with pytest.raises(ChildFailed, match="cannot start"):
        asyncio.run(scenario())


def test_overlong_line_does_not_end_the_listening(tmp_path: Path) -> None:
    listener = Listener()
    program = "print('x' * (9 << 20)); print('{\"event\":\"done\"}')"

    async def scenario() -> int:
        async with Supervisor(tmp_path, listener) as supervisor:
            await supervisor.start("node-1", [sys.executable, "-c", program])
            return await supervisor.wait("node-1")

    assert asyncio.run(scenario()) == 0
    assert "done" in [event.name for event in listener.events]


def test_events_on_standard_error(tmp_path: Path) -> None:
    listener = Listener()
    program = "import sys; print('{\"event\":\"step\"}', file=sys.stderr); sys.exit('Traceback')"

    async def scenario() -> None:
        async with Supervisor(tmp_path, listener) as supervisor:
            await supervisor.start("pretrain", [sys.executable, "-c", program], listen_to_stderr=True)
            await supervisor.require_success("pretrain")

    with pytest.raises(ChildFailed, match=r"ended with code 1 \(Traceback\)"):
        asyncio.run(scenario())
    assert [event.name for event in listener.events][1:3] == ["step", "output"]


def test_stopping_what_has_ended_does_nothing(tmp_path: Path) -> None:
    async def scenario() -> int | None:
        with (tmp_path / "log").open("wb") as log:
            process = await spawn([sys.executable, "-c", "pass"], stdout=log, stderr=log)
            await process.wait()
            await stop_all([process])
            return process.returncode

    assert asyncio.run(scenario()) == 0


def test_tail_skips_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\n\ntwo\nthree\n\n", encoding="utf-8")
    assert tail(tmp_path / "log", 2) == "two | three"
    assert tail(tmp_path / "absent") == ""
