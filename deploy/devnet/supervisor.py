"""The demo's children: started, listened to, and all ended when the demo ends, however it ends."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from cupel.devnet.commands import Command
from cupel.devnet.forking import ForkServer
from cupel.devnet.processes import PIPE, Process, signal_group, spawn, stop_all, tail
from cupel.devnet.story.events import OUTPUT, DemoEvent, parse_line

Parse = Callable[[str, bytes, int], DemoEvent | None]
"""From a child's name, a line and the time (Unix milliseconds) to an event, or None for a line without one."""


class ChildFailed(Exception):
    """A child that the demo cannot go on without ended, or never got ready."""

    def __init__(self, name: str, problem: str, log: Path) -> None:
        super().__init__(f"{name}: {problem}. Its log is {log}")
        self.name = name
        self.problem = problem


class Supervisor:
    """Runs children inside an `async with` block; leaving the block ends every one of them.

    `sink` receives each child's events in order, then `process-ended{code}` (negative code: ended by that signal).
    """

    def __init__(self, log_folder: Path, sink: Callable[[DemoEvent], None]) -> None:
        self._log_folder = log_folder
        self._sink = sink
        self._processes: dict[str, Process] = {}
        self._listeners: dict[str, asyncio.Task[None]] = {}
        self._powerless: set[str] = set()
        self._files = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Nothing runs yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End and reap all children, within `processes.GRACE_SECONDS` and a little."""
        await asyncio.shield(self._close())

    def log_path(self, name: str) -> Path:
        """Where a child's standard error goes."""
        return self._log_folder / f"{name}.log"

    async def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        parse: Parse = parse_line,
        listen_to_stderr: bool = False,
    ) -> None:
        """Start a child under a name of its own. ChildFailed if the program cannot be run.

        Its events are on standard output, and standard error goes to its log; or the other way round.
        """
        log = self._open_log(name)
        outputs = (log, PIPE) if listen_to_stderr else (PIPE, log)
        try:
            process = await spawn(argv, stdout=outputs[0], stderr=outputs[1], environment=environment)
        except OSError as error:
            raise self._cannot_start(name, argv[0], error) from None
        self._adopt(name, process, parse, log)

    async def fork(self, name: str, server: ForkServer, command: Command) -> None:
        """Fork a child that runs the command; otherwise as `start`."""
        log = self._open_log(name)
        try:
            process = await server.fork(command.module, command.arguments, log)
        except OSError as error:
            raise self._cannot_start(name, command.module, error) from None
        self._adopt(name, process, parse_line, log)

    def kill(self, name: str) -> None:
        """End a child as a power cut would: SIGKILL, no warning."""
        signal_group(self._processes[name], signal.SIGKILL)

    async def cut_power(self, name: str) -> None:
        """As `kill`, of a child that will be forked again under its name: its end is not told."""
        self._powerless.add(name)
        self.kill(name)
        await self._listeners.pop(name)
        del self._processes[name]
        self._powerless.discard(name)

    @contextmanager
    def standing_still(self, name: str) -> Iterator[None]:
        """Stop a child and whatever it started for as long as the block runs."""
        process = self._processes[name]
        signal_group(process, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_group(process, signal.SIGCONT)

    def is_running(self, name: str) -> bool:
        """Whether the child has not ended yet."""
        return name in self._processes and self._processes[name].returncode is None

    async def wait(self, name: str) -> int:
        """Exit code of a child, after all its events were delivered."""
        await asyncio.shield(self._listeners[name])
        code = self._processes[name].returncode
        assert code is not None
        return code

    async def require_success(self, name: str) -> None:
        """Wait for a child. ChildFailed, with the end of its log, if its exit code is not 0."""
        code = await self.wait(name)
        if code != 0:
            end = tail(self.log_path(name), 1)
            raise ChildFailed(
                name, f"ended with code {code}" + (f" ({end})" if end else ""), self.log_path(name)
            )

    def _open_log(self, name: str) -> IO[bytes]:
        assert name not in self._processes, f"{name} runs already"
        return self._files.enter_context(self.log_path(name).open("ab", buffering=0))

    def _cannot_start(self, name: str, program: str | Path, error: OSError) -> ChildFailed:
        return ChildFailed(name, f"cannot start {program} ({error.strerror})", self.log_path(name))

    def _adopt(self, name: str, process: Process, parse: Parse, log: IO[bytes]) -> None:
        self._processes[name] = process
        self._emit(name, "process-started", {"pid": process.pid})
        self._listeners[name] = asyncio.create_task(
            self._listen(name, process, parse, log), name=f"listen to {name}"
        )

    async def _listen(self, name: str, process: Process, parse: Parse, log: IO[bytes]) -> None:
        stream = process.stdout or process.stderr
        assert stream is not None
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # a line beyond the limit: its bytes are dropped, the rest goes on
                continue
            if not line:
                break
            event = parse(name, line, _now_ms())
            if event is None:
                continue
            if event.name == OUTPUT:
                log.write(line)
            self._sink(event)
        code = await process.wait()
        if name not in self._powerless:
            self._emit(name, "process-ended", {"code": code})

    async def _close(self) -> None:
        await stop_all(self._processes.values())
        listeners = self._listeners.values()
        if listeners:
            await asyncio.wait(listeners, timeout=1.0)  # a pipe inherited by a grandchild never ends
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        await self._files.aclose()

    def _emit(self, source: str, name: str, fields: dict[str, int]) -> None:
        self._sink(DemoEvent(source, name, _now_ms(), dict(fields)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
