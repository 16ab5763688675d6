"""The parent's side of an environment's process: ask, wait until a deadline, start another after a failure."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from typing import IO, Any, Final

START_SECONDS: Final = 120.0
"""To import the environment's packages and make its data set, on a slow machine."""
ANSWER_SECONDS: Final = 20.0
PATIENCE: Final = 4
END_SECONDS: Final = 1.0
"""From the end of a process's output to its own."""
MOST_ANSWER_BYTES: Final = 1 << 20
# Packages that fetch nothing once their data is there find it where the operator keeps it.
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "HF_HOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class EnvironmentFailed(Exception):
    """An environment did not start or gave no usable answer: a fault of this machine, never evidence against a peer."""


class Overrun(Exception):
    """A request took more processor time than it may: the same on every machine, but for their speeds."""


class EnvironmentProcess:
    """One process at a time, started when asked and again after it failed. Safe to use from several threads."""

    def __init__(self, name: str, arguments: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._command = [sys.executable, "-P", "-m", "cupel.protocol.environments.worker", name, arguments]
        self._name = name
        self._answer_seconds = answer_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., EnvironmentProcess] | None = None
        self.size = 0
        self.offline = False

    def start(self) -> None:
        """Start it, if it is not up. EnvironmentFailed."""
        with self._lock:
            self._started()

    def ask(self, *request: object, processor_seconds: int = 0) -> dict[str, Any]:
        """The answer to one request. EnvironmentFailed if it ends, hangs or floods; it is killed then.

        processor_seconds: Overrun beyond so many; 0 for any number.
        """
        with self._lock:
            process = self._started()
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps([processor_seconds, request]).encode() + b"\n")
                process.stdin.flush()
                # On a busy machine a second of processor time takes several.
                return self._read(process, max(self._answer_seconds, PATIENCE * processor_seconds))
            except OSError as error:
                self._kill()
                raise EnvironmentFailed(f"{self._name} ended: {error}") from error
            except EnvironmentFailed:
                overrun = _ended_by(process) == signal.SIGXCPU
                self._kill()
                if overrun:
                    raise Overrun(f"{self._name} took more than {processor_seconds} s") from None
                raise

    def close(self) -> None:
        """End it; also done when nobody holds this object any more."""
        with self._lock:
            self._kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._kill()
        home = tempfile.mkdtemp(prefix="cupel-environment-")
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # Sets of strings are ordered by their hashes: alike on every machine only with one seed.
        environment |= {"HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
        environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=home,
            env=environment,
        )
        self._end = weakref.finalize(self, _end, self._process, home)
        try:
            hello = self._read(self._process, START_SECONDS)
            if not isinstance(hello.get("size"), int) or hello["size"] < 1:
                raise EnvironmentFailed(
                    f"{self._name} did not start: {hello.get('raised', 'it has no items')}"
                )
        except EnvironmentFailed:
            self._kill()
            raise
        self.size, self.offline = hello["size"], bool(hello.get("offline"))
        return self._process

    def _read(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
        assert process.stdout is not None
        line = _line(process.stdout, time.monotonic() + seconds, self._name, seconds)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise EnvironmentFailed(f"{self._name} answered what is no JSON") from error
        if not isinstance(answer, dict):
            raise EnvironmentFailed(f"{self._name} answered {type(answer).__name__}, an object was expected")
        return answer

    def _kill(self) -> None:
        self._process = None
        if self._end is not None:
            self._end()


def _ended_by(process: subprocess.Popen[bytes]) -> int:
    """Signal that ended a process which closes its output; 0 if none did, or if it has not ended."""
    try:
        code = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        return 0
    return max(0, -code)


def _end(process: subprocess.Popen[bytes], folder: str) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with contextlib.suppress(OSError):
            stream.close()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _line(stream: IO[bytes], deadline: float, name: str, seconds: float) -> bytes:
    """One line without its end, read as it comes: neither a mute process nor an endless line holds anybody."""
    data = bytearray()
    while not data.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise EnvironmentFailed(f"{name} gave no answer within {seconds:.0f} s")
        chunk = os.read(stream.fileno(), 65536)
        if not chunk:
            raise EnvironmentFailed(f"{name} ended without an answer")
        data += chunk
        if len(data) > MOST_ANSWER_BYTES:
            raise EnvironmentFailed(f"{name} answered more than {MOST_ANSWER_BYTES} bytes")
    return bytes(data[:-1])
