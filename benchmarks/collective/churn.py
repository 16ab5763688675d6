"""Random joins and kill -9 at seeded moments, 0.5 to 2 s apart, while peers sum vectors one after the other.

The moments take no notice of the sums: several fall into one, and some between two. Whoever lives when a sum begins is
in its roster, also if it dies before it was told to begin.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from cupel.node.collective.member import Limits
from cupel.node.collective.peers import Peer, Report, contribution, start_peers
from cupel.protocol.spec.collective.reduce import Operation, Reduce

LIMITS: Final = Limits(start=30.0, call=10.0, frame=20.0)
APART_SECONDS: Final = (0.5, 2.0)
FEWEST, MOST, FIRST = 3, 8, 5
SIZE: Final = 1 << 19
"""Values of int64: 4 MiB."""


def right(peers: list[Peer], reduce: Reduce, report: Report) -> bool:
    """Whether a result is the sum of what its survivors put in."""
    inside = [peer for peer in peers if peer.member.address in report.survivors]
    total: Any = sum(contribution(peer.number, reduce.size, reduce.dtype) for peer in inside)
    digest = hashlib.sha256(np.asarray(total)).hexdigest()
    return len(inside) == len(report.survivors) and digest == report.digest


class Crowd:
    """Peers that come and go. `step` is called by the thread of the events, the rest by that of the sums."""

    def __init__(self, seed: int) -> None:
        self._dice: Final = random.Random(seed)
        self._lock: Final = threading.Lock()
        self._numbers: Final = itertools.count(FIRST)
        self._alive = start_peers(range(FIRST), LIMITS)
        self._dead: list[Peer] = []
        self.summing = False
        self.events: Final[Counter[str]] = Counter()

    def members(self) -> list[Peer]:
        """Who lives and is up."""
        with self._lock:
            return [peer for peer in self._alive if peer.ready()]

    def pause(self) -> float:
        """Seconds until the next event."""
        return self._dice.uniform(*APART_SECONDS)

    def step(self) -> None:
        """One peer joins, or one is killed, whatever it is doing."""
        joins = self._dice.random() < 0.5
        with self._lock:
            up = [peer for peer in self._alive if peer.ready()]
            if len(up) <= FEWEST or (joins and len(self._alive) < MOST):
                self._alive.append(Peer(next(self._numbers), LIMITS))
                self.events["joins"] += 1
                return
            gone = self._dice.choice(up)
            gone.kill()
            self._alive.remove(gone)
            self._dead.append(gone)
            self.events["kills"] += 1
            self.events["kills during a sum"] += self.summing

    def end(self) -> None:
        """End all processes."""
        for peer in [*self._alive, *self._dead]:
            peer.end()


@dataclass(slots=True)
class Told:
    """What became of the sums."""

    sums: int = 0
    right: int = 0
    wrong: int = 0
    without_majority: int = 0
    """Sums that nobody could end: half of the roster or more had died."""
    failures: Counter[str] = field(default_factory=Counter)
    """Of peers that lived, by reason code, in sums with a majority."""
    seconds: list[float] = field(default_factory=list)

    def add(self, peers: list[Peer], reduce: Reduce, reports: list[Report | None], seconds: float) -> None:
        """Count a sum. reports: in the order of `peers`, None of the dead."""
        self.sums += 1
        self.seconds.append(seconds)
        lived = [report for report in reports if report is not None]
        done = [report for report in lived if not report.problem]
        problems = Counter(report.problem.partition(":")[0] for report in lived if report.problem)
        if not done and 2 * len(lived) <= len(peers):
            self.without_majority += 1
            return
        self.failures += problems
        same = len({report.digest for report in done}) == 1
        good = same and right(peers, reduce, done[0])
        self.right, self.wrong = self.right + good, self.wrong + (bool(done) and not good)


def churn(seconds: float, seed: int) -> list[str]:
    """Sums of 4 MiB of int64 among 3 to 8 peers for so long; what became of them."""
    crowd, told, over = Crowd(seed), Told(), threading.Event()

    def come_and_go() -> None:
        while not over.wait(crowd.pause()):
            crowd.step()

    events = threading.Thread(target=come_and_go)
    start = time.monotonic()
    events.start()
    try:
        while time.monotonic() - start < seconds:
            peers = crowd.members()
            reduce = Reduce(1, told.sums, 0, Operation.SUM, "int64", SIZE)
            began, roster = time.monotonic(), [peer.member for peer in peers]
            crowd.summing = True
            for peer in peers:
                with contextlib.suppress(OSError):  # it died since
                    peer.begin(reduce, roster)
            reports = [peer.report() for peer in peers]
            crowd.summing = False
            told.add(peers, reduce, reports, time.monotonic() - began)
    finally:
        over.set()
        events.join()
        crowd.end()
    lasted, counted = time.monotonic() - start, crowd.events
    ordered = sorted(told.seconds)
    failures = ", ".join(f"{count} of {reason}" for reason, count in sorted(told.failures.items())) or "0"
    return [
        f"{lasted:.0f} s, seed {seed}: {told.sums} sums, {counted['kills']} kills ({counted['kills during a sum']} "
        f"during a sum), {counted['joins']} joins.",
        f"Sums that all survivors had right and the same: {told.right}. Wrong or different: {told.wrong}.",
        f"Sums without a majority left, which all survivors were told: {told.without_majority}. Peers that failed "
        f"though a majority lived: {failures}.",
        f"A sum took {ordered[len(ordered) // 2]:.1f} s in the median and {ordered[-1]:.1f} s at most; none stalled.",
    ]
