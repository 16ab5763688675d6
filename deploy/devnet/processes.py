"""Child processes that cannot outlive their parent.

Every child leads its own process group, so that a terminal's Ctrl-C reaches the parent alone and the parent ends the
children in order; on Linux the kernel kills a child whose parent dies without a chance to do so.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_PR_SET_PDEATHSIG: Final = 1
# Nodes stop cleanly within 5 s of SIGTERM by contract, and the whole demo must too.
GRACE_SECONDS: Final = 4.0
# asyncio's default of 64 KiB per line would break on a long event.
_LINE_LIMIT_BYTES: Final = 4 * 1024 * 1024

Process = asyncio.subprocess.Process
PIPE: Final = asyncio.subprocess.PIPE


def _tether() -> Callable[[], None] | None:
    """What a child runs between fork and exec so that it dies with this process; None where there is no such call."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tether() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the call took hold
            os._exit(127)

    return tether


async def spawn(
    argv: Sequence[str | Path],
    *,
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a child in its own process group, tethered to this process.

    Its outputs go to open files or, with PIPE, to us; standard input is empty. `environment` replaces ours. OSError
    if it cannot start.
    """
    return await asyncio.create_subprocess_exec(
        *[str(argument) for argument in argv],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        limit=_LINE_LIMIT_BYTES,
        start_new_session=True,
        preexec_fn=_tether(),
    )


def signal_group(process: Process, number: signal.Signals) -> None:
    """Send a signal to a child and whatever it started; nothing if all of them are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


async def stop_all(processes: Iterable[Process], grace_seconds: float = GRACE_SECONDS) -> None:
    """End every child: asked first (SIGTERM), killed after `grace_seconds`. Returns when all of them are reaped."""
    running = [process for process in processes if process.returncode is None]
    for process in running:
        signal_group(process, signal.SIGTERM)
    waits = [asyncio.ensure_future(process.wait()) for process in running]
    try:
        if waits:
            await asyncio.wait(waits, timeout=grace_seconds)
    finally:  # also when this wait is cancelled by a second Ctrl-C
        for process in running:
            signal_group(process, signal.SIGKILL)
    if waits:
        await asyncio.wait(waits)


def tail(path: Path, num_lines: int = 3) -> str:
    """Last non-empty lines of a log file, joined for one line of text; empty if there are none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return " | ".join([line.strip() for line in lines if line.strip()][-num_lines:])
