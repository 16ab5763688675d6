"""Children forked from a process that has loaded what they need: they are processes like any other."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cupel.devnet.forking import ForkServer
from cupel.devnet.processes import signal_group, stop_all
from tests.unit.devnet.test_processes import dies, is_alive

# Loaded once, in the server: the number of the process that did it tells whether a child found it there.
PRELOADED = "import os\nloaded_by = os.getpid()\n"
PROGRAM = """
import json, os, signal, sys, time
import preloaded

def main():
    told = {"arguments": sys.argv[1:], "pid": os.getpid(), "group": os.getpgid(0), "variable": os.environ["VARIABLE"]}
    print(json.dumps(told | {"loaded_by": preloaded.loaded_by, "parent": os.getppid()}), flush=True)
    match sys.argv[1]:
        case "exit": sys.exit(int(sys.argv[2]))
        case "return": return
        case "message": sys.exit("what went wrong")
        case "raise": raise LookupError("a bug")
        case "stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True)
    time.sleep(600)
"""

Scenario = Callable[[ForkServer, Path], Awaitable[None]]


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    (tmp_path / "preloaded.py").write_text(PRELOADED, encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def environment(modules: Path) -> dict[str, str]:
    return dict(os.environ) | {"PYTHONPATH": str(modules), "VARIABLE": "set"}


def run(modules: Path, scenario: Scenario) -> None:
    async def inside() -> None:
        async with ForkServer(modules / "server.log", environment(modules), ["preloaded"]) as server:
            await scenario(server, modules)

    asyncio.run(inside())


async def told(server: ForkServer, modules: Path, *arguments: str) -> tuple[dict[str, object], int, str]:
    """What a child says of itself, its exit code and its errors."""
    path = modules / "child.log"
    with path.open("wb", buffering=0) as log:
        child = await server.fork("program", arguments, log)
    output = json.loads(await child.stdout.readline())
    code = await child.wait()
    assert child.returncode == code
    return output, code, path.read_text(encoding="utf-8")


def test_a_child_is_its_own_process_with_the_servers_modules(modules: Path) -> None:
    async def scenario(server: ForkServer, modules: Path) -> None:
        first, _, _ = await told(server, modules, "return", "two words")
        second, _, _ = await told(server, modules, "return")
        assert first["arguments"] == ["return", "two words"]
        assert first["variable"] == "set"
        assert first["group"] == first["pid"] != second["pid"]
        assert first["loaded_by"] == first["parent"] == second["parent"] != os.getpid()

    run(modules, scenario)


@pytest.mark.parametrize(
    ("arguments", "code", "errors"),
    [
        (("return",), 0, ""),
        (("exit", "0"), 0, ""),
        (("exit", "4"), 4, ""),
        (("message",), 1, "what went wrong\n"),
        (("raise",), 1, "LookupError: a bug\n"),
    ],
)
def test_exit_codes_are_those_of_a_command_line(
    modules: Path, arguments: tuple[str, ...], code: int, errors: str
) -> None:
    async def scenario(server: ForkServer, modules: Path) -> None:
        _, seen, log = await told(server, modules, *arguments)
        assert seen == code
        assert log.endswith(errors)

    run(modules, scenario)


def test_a_signal_reaches_the_child_and_is_its_exit_code(modules: Path) -> None:
    async def scenario(server: ForkServer, modules: Path) -> None:
        with (modules / "child.log").open("wb") as log:
            child = await server.fork("program", ["sleep"], log)
        assert child.returncode is None
        signal_group(child, signal.SIGTERM)
        assert await child.wait() == -signal.SIGTERM

    run(modules, scenario)


def test_the_stubborn_are_killed(modules: Path) -> None:
    async def scenario(server: ForkServer, modules: Path) -> None:
        with (modules / "child.log").open("wb") as log:
            child = await server.fork("program", ["stubborn"], log)
        await child.stdout.readline()
        assert await child.stdout.readline() == b"ready\n"
        await stop_all([child], grace_seconds=0.1)
        assert child.returncode == -signal.SIGKILL

    run(modules, scenario)


def test_whoever_still_runs_ends_with_the_server(modules: Path) -> None:
    pids = []

    async def scenario(server: ForkServer, modules: Path) -> None:
        with (modules / "child.log").open("wb") as log:
            pids.append((await server.fork("program", ["stubborn"], log)).pid)
        assert is_alive(pids[0])

    run(modules, scenario)
    assert dies(pids[0])


def test_a_module_that_does_not_load_is_told_at_the_first_fork(modules: Path) -> None:
    async def scenario() -> None:
        async with ForkServer(modules / "server.log", environment(modules), ["absent"]) as server:
            with (modules / "child.log").open("wb") as log:
                await server.fork("program", ["return"], log)

    with pytest.raises(OSError, match="the fork server has ended"):
        asyncio.run(scenario())
    assert "No module named 'absent'" in (modules / "server.log").read_text(encoding="utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the kernel's parent-death signal")
def test_children_die_with_a_killed_demo(modules: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from cupel.devnet.forking import ForkServer
async def main():
    async with ForkServer(Path({str(modules / "server.log")!r}), {environment(modules)!r}, ["preloaded"]) as server:
        with open({str(modules / "child.log")!r}, "wb") as log:
            print((await server.fork("program", ["stubborn"], log)).pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert dies(pid)
