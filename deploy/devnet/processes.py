"""Child processes that cannot outlive their parent.

Every child leads its own process group, so that a terminal's Ctrl-C reaches the parent alone and the parent ends the
children in order; on Linux the kernel kills a child whose parent dies without a chance to do so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Final, Protocol

from cupel.protocol.tether import tether

# Nodes stop cleanly within 5 s of SIGTERM by contract, and the whole demo must too.
GRACE_SECONDS: Final = 4.0
# asyncio's default of 64 KiB per line would break on a long event.
LINE_LIMIT_BYTES: Final = 4 * 1024 * 1024

PIPE: Final = asyncio.subprocess.PIPE


class Process(Protocol):
    """A child, started or forked."""

    @property
    def pid(self) -> int:
        """Process id, and that of its process group."""

    @property
    def returncode(self) -> int | None:
        """Exit code, negative if a signal ended it; None while it runs."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """Its standard output, if that comes to us."""

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """Its standard error, if that comes to us."""

    async def wait(self) -> int:
        """Exit code, when it has ended."""


async def spawn(
    argv: Sequence[str | Path],
    *,
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
    stdin: int = asyncio.subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> asyncio.subprocess.Process:
    """Start a child in its own process group, tethered to this process.

    Its outputs go to open files or, with PIPE, to us; standard input is empty. `environment` replaces ours, and
    `pass_fds` stay open in it. OSError if it cannot start.
    """
    return await asyncio.create_subprocess_exec(
        *[str(argument) for argument in argv],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        limit=LINE_LIMIT_BYTES,
        start_new_session=True,
        preexec_fn=partial(tether, os.getpid()),
        pass_fds=pass_fds,
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
