"""Running a reward function that nobody vouches for: in a process of its own, with limits, and without a network.

A reward function is the task creator's code and looks at text that a node chose. Whatever it does (hangs, floods,
eats memory, crashes, answers with what is no reward) is a fact about this run on this machine, never about the node:
the outcome is a reward or a `SandboxFailure`, and a failure is retried or reported, and never becomes a challenge.

Limits are the kernel's (setrlimit: address space, processor seconds, size of files written, open files, no core) and
the parent's (wall clock, bytes of output). A network namespace of its own takes the network away where the kernel lets
an ordinary user make one; `isolates_network` says whether it does here. File reads are not restricted: a function that
may not see this machine's files belongs into a container.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.task import MILLION

_PROGRAM: Final = """
import importlib, json, sys
module, name = sys.argv[1].split(":")
function = getattr(importlib.import_module(module), name)
arguments = json.loads(sys.argv[2])
answers = [function(problem, tuple(tokens), *arguments) for problem, tokens in json.load(sys.stdin)]
sys.stdout.write("\\n" + json.dumps(answers))
"""
_UNSHARE: Final = ("unshare", "--user", "--map-current-user", "--net", "--")
_PROBE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one batch of rewards may take."""

    memory_bytes: int = 2 * 1024**3
    """Address space: the interpreter and its libraries count, touched or not."""
    processor_seconds: int = 10
    wall_seconds: float = 20.0
    output_bytes: int = 1024 * 1024
    open_files: int = 64


class SandboxFailure(Exception):
    """The function gave no rewards here: our problem, and no evidence of anything."""


def rewards(
    function: str,
    work: Sequence[tuple[int, Sequence[int]]],
    limits: Limits,
    arguments: Sequence[str | int] = (),
) -> tuple[int, ...]:
    """The rewards in millionths of (problem, tokens) pairs. function: `module:name`; arguments: its further ones.

    SandboxFailure for a function that ends in any other way, or answers with what is no reward.
    """
    document = json.dumps([(problem, list(tokens)) for problem, tokens in work])
    answers = _answers(_run((function, json.dumps(list(arguments))), document, limits))
    if not isinstance(answers, list) or len(answers) != len(work):
        raise SandboxFailure(f"{function} did not answer for each of {len(work)} completions")
    for answer in answers:
        if type(answer) is not int or not 0 <= answer <= MILLION:
            raise SandboxFailure(f"{function} answered {str(answer)[:40]}, not 0 to {MILLION}")
    return tuple(answers)


@functools.cache
def isolates_network() -> bool:
    """Whether this kernel lets an ordinary user have a network namespace."""
    try:
        probe = subprocess.run((*_UNSHARE, "true"), capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def _run(call: tuple[str, str], document: str, limits: Limits) -> bytes:
    function = call[0]
    prefix = _UNSHARE if isolates_network() else ()
    command = (*prefix, sys.executable, "-c", _PROGRAM, *call)
    environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(dir=folder) as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
            preexec_fn=functools.partial(_restrict, limits),  # runs before the function's threads exist
        )
        try:
            process.communicate(document.encode(), timeout=limits.wall_seconds)
        except subprocess.TimeoutExpired:
            raise SandboxFailure(f"{function} took longer than {limits.wall_seconds:g} s") from None
        finally:
            _end(process)
        if process.returncode != 0:
            raise SandboxFailure(f"{function} ended with code {process.returncode}")
        output.seek(0)
        return output.read(limits.output_bytes)


def _answers(output: bytes) -> object:
    """What the last line says; the function may have printed before it."""
    try:
        return json.loads(output.rpartition(b"\n")[2], parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise SandboxFailure("the answer is no JSON") from None


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _restrict(limits: Limits) -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.processor_seconds),
        # Standard output is a file, so a flood ends by a signal.
        (resource.RLIMIT_FSIZE, limits.output_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the function's whole session, children it left behind included."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
