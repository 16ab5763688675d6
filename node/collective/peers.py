"""Processes of this machine that reduce together, for measuring and for killing them."""

from __future__ import annotations

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
    """A peer's reduce: wall and CPU seconds, monotonic end, SHA-256 of the result, survivors, or what went wrong."""

    wall_seconds: float
    cpu_seconds: float
    end: float
    digest: str
    survivors: tuple[str, ...]
    evicted: tuple[str, ...]
    attempts: int
    problem: str


def contribution(number: int, size: int, dtype: str) -> npt.NDArray[Any]:
    """What the number-th peer of a run puts in: [size], different everywhere, exact in float32 for 100 peers."""
    return ((np.arange(size, dtype=np.int64) % ROOM) * (number % 100 + 1)).astype(dtype)


class Peer:
    """A child process that is a member. Its round's roster comes from here, as a node's comes from the chain."""

    def __init__(self, number: int, limits: Limits) -> None:
        context = multiprocessing.get_context("spawn")
        self.number = number
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_run, args=(number, limits, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self._member: Member | None = None

    @property
    def member(self) -> Member:
        """Its roster entry; waits until the process is up."""
        if self._member is None:
            self._member = self.pipe.recv()
        return self._member

    def ready(self) -> bool:
        """Whether the process is up."""
        return self._member is not None or self.pipe.poll()

    def begin(self, reduce: Reduce, roster: list[Member], barrier: bool = False) -> None:
        """Have it enter the reduce's round, if it has not, and reduce; `barrier`: once all are ready to."""
        self.pipe.send((reduce, roster, barrier))

    def report(self, seconds: float = REPORT_SECONDS) -> Report | None:
        """What became of it; None from a process that is dead. TimeoutError if nothing comes."""
        try:
            if not self.pipe.poll(seconds):
                raise TimeoutError(f"peer {self.number} has not finished")
            report: Report = self.pipe.recv()
        except (EOFError, ConnectionError):
            return None
        return report

    def kill(self) -> None:
        """Kill -9."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it, if it is alive, and wait for its end."""
        self.process.kill()
        self.process.join()


def start_peers(numbers: Iterable[int], limits: Limits) -> list[Peer]:
    """Peers that are up."""
    peers = [Peer(number, limits) for number in numbers]
    for peer in peers:
        _ = peer.member
    return peers


def reduce_all(peers: list[Peer], reduce: Reduce) -> list[Report]:
    """Every peer's report of one reduce, which begins when all are ready to."""
    roster = [peer.member for peer in peers]
    for peer in peers:
        peer.begin(reduce, roster, barrier=True)
    reports = [peer.report() for peer in peers]
    return [report for report in reports if report is not None]


def _run(number: int, limits: Limits, pipe: Connection) -> None:
    account = Account.create()
    listener = socket.create_server(("127.0.0.1", 0))
    identity = new_identity(account.address)
    pipe.send(signed_member(account, identity, "127.0.0.1", listener.getsockname()[1]))
    member = CollectiveMember(account.address.lower(), identity, listener, limits)
    entered = -1
    while True:
        reduce, roster, barrier = pipe.recv()
        if reduce.round != entered:
            member.enter(reduce.round, roster)
            entered = reduce.round
        values = contribution(number, reduce.size, reduce.dtype)
        if barrier:
            member.reduce(replace(reduce, tag=BARRIER_TAG, size=0), values[:0])
        pipe.send(_reduced(member, reduce, values))


def _reduced(member: CollectiveMember, reduce: Reduce, values: npt.NDArray[Any]) -> Report:
    wall, cpu = time.monotonic(), time.process_time()
    try:
        outcome = member.reduce(reduce, values)
    except Rejected as problem:
        end = time.monotonic()
        return Report(end - wall, time.process_time() - cpu, end, "", (), (), 0, str(problem))
    end, used = time.monotonic(), time.process_time() - cpu
    digest = hashlib.sha256(outcome.values.view(np.uint8).data).hexdigest()
    evicted = tuple(sorted(outcome.evicted))
    return Report(end - wall, used, end, digest, outcome.survivors, evicted, outcome.attempts, "")
