"""The demo's side of the fork server: asks it for children and hears of their ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from cupel.devnet import fork_server
from cupel.devnet.processes import LINE_LIMIT_BYTES, spawn, stop_all


class ForkedProcess:
    """A forked child; what a `Process` is."""

    stderr: Final = None

    def __init__(self, pid: int, stdout: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout = stdout
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """Exit code, negative if a signal ended it; None while it runs."""
        return self._code.result() if self._code.done() else None

    async def wait(self) -> int:
        """Exit code, when it has ended."""
        return await asyncio.shield(self._code)

    def ended(self, code: int) -> None:
        """It has ended."""
        if not self._code.done():
            self._code.set_result(code)


class ForkServer:
    """Starts the server and forks from it inside an `async with` block; leaving it ends the server and every child."""

    def __init__(self, log: Path, environment: Mapping[str, str], preloaded: Sequence[str]) -> None:
        self._log = log
        self._environment = environment
        self._preloaded = preloaded
        self._children: dict[int, ForkedProcess] = {}
        self._waiting: deque[tuple[asyncio.Future[ForkedProcess], asyncio.StreamReader]] = deque()
        self._pipes: list[asyncio.ReadTransport] = []

    async def __aenter__(self) -> Self:
        """The server starts and loads; it can be asked at once. OSError if it cannot start."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        program = [sys.executable, "-m", fork_server.__name__]
        command = [*program, str(theirs.fileno()), str(os.getpid()), *self._preloaded]
        try:
            with self._log.open("ab") as log:
                self._server = await spawn(
                    command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    environment=self._environment,
                    pass_fds=(theirs.fileno(),),
                )
        finally:
            theirs.close()
        self._watch = asyncio.create_task(self._until_server_ends(), name="watch the fork server")
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server, and with it whatever still runs."""
        asyncio.get_running_loop().remove_reader(self._socket)
        assert self._server.stdin is not None
        self._server.stdin.close()
        await asyncio.shield(stop_all([self._server], grace_seconds=1.0))
        await self._watch
        for pipe in self._pipes:  # one that a grandchild inherited has no end of its own
            pipe.close()
        self._socket.close()

    async def fork(self, module: str, arguments: Sequence[str | Path], stderr: IO[bytes]) -> ForkedProcess:
        """A child that runs the module's `main` with these arguments, in its own process group.

        Its standard output comes to us, its errors go to the open file. OSError if the server has ended.
        """
        request = json.dumps({"module": module, "arguments": [str(argument) for argument in arguments]})
        assert len(request) <= fork_server.MAX_REQUEST_BYTES
        reading, writing = os.pipe()
        started: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        try:
            stdout = await self._listen(reading)
            self._require_server()
            socket.send_fds(self._socket, [request.encode()], [writing, stderr.fileno()])
        finally:
            os.close(writing)
        self._waiting.append((started, stdout))
        return await started

    async def _listen(self, descriptor: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=LINE_LIMIT_BYTES)
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        self._pipes.append(pipe)
        return reader

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            message = json.loads(self._socket.recv(fork_server.MAX_REQUEST_BYTES))
            if "code" in message:
                self._children[message["pid"]].ended(message["code"])
                return
            started, stdout = self._waiting.popleft()
            # Known before the next message, which may tell of its end.
            child = self._children[message["pid"]] = ForkedProcess(message["pid"], stdout)
            if not started.done():
                started.set_result(child)

    async def _until_server_ends(self) -> None:
        await self._server.wait()
        for started, _ in self._waiting:
            if not started.done():
                started.set_exception(_ended())
        for child in self._children.values():
            child.ended(-signal.SIGKILL)  # by the tether, unless it had ended already

    def _require_server(self) -> None:
        if self._server.returncode is not None:
            raise _ended()


def _ended() -> OSError:
    return ChildProcessError(errno.ECHILD, "the fork server has ended")
