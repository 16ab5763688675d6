"""Processes of this machine that reduce together, for measuring and for killing them."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from eth_account import Account

from cupel.node.collective.identity import Member, new_identity, signed_member
from cupel.node.collective.member import CollectiveMember, Limits
from cupel.protocol.spec.collective.reduce import Reduce
from cupel.protocol.spec.errors import Rejected

REPORT_SECONDS: Final = 120.0
ROOM: Final = 1 << 16
BARRIER_TAG: Final = 2**32


@dataclass(frozen=True, slots=True)
class Report:
    """A peer's reduce: wall and CPU seconds, those it waited for a core, monotonic end, SHA-256 of the result,
    survivors, or what went wrong."""

    wall_seconds: float
    cpu_seconds: float
    waited_seconds: float
    end: float
    digest: str
    survivors: tuple[str, ...]
    evicted: tuple[str, ...]
    attempts: int
    problem: str


def contribution(number: int, size: int, dtype: str) -> npt.NDArray[Any]:
    """What the number-th peer of a run puts in: [size], different everywhere, exact in float32 for 100 peers."""
    return ((np.arange(size, dtype=np.int64) % ROOM) * (number % 100 + 1)).astype(dtype)


def digest_of(values: npt.NDArray[Any]) -> str:
    """SHA-256 of a result."""
    return hashlib.sha256(values.view(np.uint8).data).hexdigest()


class Peer:
    """A child process that is a member. Its round's roster comes from here, as a node's comes from the chain."""

    def __init__(self, number: int, limits: Limits, plain: bool = False) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])  # the imports take seconds, of which one process is enough
        self.number = number
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_run, args=(number, limits, plain, theirs), daemon=True
        )
        self.process.start()
        theirs.close()
        self._member: Member | None = None
        self._skipped = 0

    @property
    def member(self) -> Member:
        """Its roster entry; waits until the process is up."""
        if self._member is None:
            self._member = self.pipe.recv()
        return self._member

    def ready(self) -> bool:
        """Whether the process is up."""
        return self._member is not None or self.pipe.poll()

    def make_ready(self, reduce: Reduce, roster: list[Member], prepare: bool = False) -> None:
        """Have it enter the reduce's round and make its values; `prepare`: and open its link."""
        self.pipe.send((reduce, roster, prepare))

    def wait_until_ready(self, seconds: float = REPORT_SECONDS) -> None:
        """After `make_ready`. TimeoutError if nothing comes."""
        self._hear(seconds)

    def go(self, barrier: bool = False) -> None:
        """Reduce what it was made ready for; `barrier`: once all go."""
        self.pipe.send(barrier)

    def begin(self, reduce: Reduce, roster: list[Member], barrier: bool = False) -> None:
        """Have it reduce, without a look at whether it is alive."""
        self.make_ready(reduce, roster)
        self.go(barrier)
        self._skipped += 1

    def report(self, seconds: float = REPORT_SECONDS) -> Report | None:
        """What became of it; None from a process that is dead. TimeoutError if nothing comes."""
        try:
            for _ in range(self._skipped):
                self._hear(seconds)
            self._skipped = 0
            report: Report = self._hear(seconds)
        except (EOFError, ConnectionError):
            return None
        return report

    def _hear(self, seconds: float) -> Any:
        if not self.pipe.poll(seconds):
            raise TimeoutError(f"peer {self.number} has not answered")
        return self.pipe.recv()

    def kill(self) -> None:
        """Kill -9."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it, if it is alive, and wait for its end."""
        self.process.kill()
        self.process.join()


def start_peers(numbers: Iterable[int], limits: Limits, plain: bool = False) -> list[Peer]:
    """Peers that are up."""
    peers = [Peer(number, limits, plain) for number in numbers]
    for peer in peers:
        _ = peer.member
    return peers


def make_all_ready(peers: list[Peer], reduce: Reduce) -> None:
    """Have all make their values and open their links."""
    for peer in peers:
        peer.make_ready(reduce, [other.member for other in peers], prepare=True)
    for peer in peers:
        peer.wait_until_ready()


def reduce_all(peers: list[Peer], reduce: Reduce) -> list[Report]:
    """Every peer's report of one reduce, which begins when all are ready to."""
    make_all_ready(peers, reduce)
    for peer in peers:
        peer.go(barrier=True)
    reports = [peer.report() for peer in peers]
    return [report for report in reports if report is not None]


def _run(number: int, limits: Limits, plain: bool, pipe: Connection) -> None:
    account = Account.create()
    listener = socket.create_server(("127.0.0.1", 0))
    identity = new_identity(account.address)
    pipe.send(signed_member(account, identity, "127.0.0.1", listener.getsockname()[1]))
    member = CollectiveMember(account.address.lower(), identity, listener, limits, plain)
    entered, values, spare = -1, np.empty(0), np.empty(0)
    while True:
        reduce, roster, prepare = pipe.recv()
        barrier = replace(reduce, tag=BARRIER_TAG, size=0)
        if reduce.round != entered:
            member.enter(reduce.round, roster)
            entered = reduce.round
        if (values.dtype, values.shape) != (np.dtype(reduce.dtype), (reduce.size,)):
            values = contribution(number, reduce.size, reduce.dtype)
            spare = np.zeros_like(values)
        if prepare:
            member.prepare(reduce)
        pipe.send("ready")
        if pipe.recv():
            member.reduce(barrier, values[:0])
        pipe.send(_reduced(member, reduce, values, spare))


def _reduced(
    member: CollectiveMember, reduce: Reduce, values: npt.NDArray[Any], spare: npt.NDArray[Any]
) -> Report:
    waited, cpu, wall = waited_for_a_core(), time.process_time(), time.monotonic()
    try:
        outcome = member.reduce(reduce, values, spare)
    except Rejected as problem:
        end = time.monotonic()
        return Report(end - wall, time.process_time() - cpu, 0.0, end, "", (), (), 0, str(problem))
    end, used, waited = time.monotonic(), time.process_time() - cpu, waited_for_a_core() - waited
    digest = digest_of(outcome.values)
    evicted = tuple(sorted(outcome.evicted))
    return Report(end - wall, used, waited, end, digest, outcome.survivors, evicted, outcome.attempts, "")


def waited_for_a_core() -> float:
    """Seconds that a thread of this process, on average, was ready while other work had the cores; 0 if untold."""
    waits = []
    for task in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that ended
            waits.append(int(task.read_text(encoding="ascii").split()[1]) / 1e9)
    return sum(waits) / max(1, len(waits))
