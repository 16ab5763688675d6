"""The loop of the rollout process and of the trainer: look at the shared folder, do what is next, or wait.

Both run without keys, chain or network. Whatever they make follows from files alone, so being killed costs time only.
"""

from __future__ import annotations

import fcntl
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, Protocol

from cupel.node.pipeline.rounds import PUBLISHER, Order, RoundFiles, WaitFor, Work
from cupel.node.pipeline.workshop import Status, Workshop, current_task
from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.heap import limit_arenas, trim
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.tether import tether

LEAST_POLL_SECONDS: Final = 0.02
MOST_POLL_SECONDS: Final = 0.2
OVERDUE_SECONDS: Final = 60.0
"""A wait of this length is told as a problem, with the name of the process waited for."""


class Job(Protocol):
    """One process's part of a round."""

    name: str

    def decide(self, rounds: Sequence[RoundFiles]) -> Work | WaitFor:
        """What to do now."""

    def work(self, order: Order) -> WaitFor | None:
        """Do a round's part, and leave its report; or what it has to wait for first.

        Rejected and EnvironmentFailed say why nothing will come of this round.
        """


@dataclass(slots=True)
class Clock:
    """Where a process's time goes, in seconds, since the last `lap`."""

    now: Callable[[], float]
    waited: dict[str, float] = field(default_factory=dict)
    busy: float = 0.0
    lapped: float = -math.inf
    """When the last lap ended."""

    def lap(self) -> dict[str, object]:
        """What was counted, and begin again."""
        told: dict[str, object] = {
            "busy_seconds": round(self.busy, 4),
            "waited_seconds": {whom: round(seconds, 4) for whom, seconds in self.waited.items()},
        }
        self.waited, self.busy, self.lapped = {}, 0.0, self.now()
        return told


class Worker:
    """Steps a job; `step` returns whether something was done."""

    def __init__(self, workshop: Workshop, job: Job, clock: Clock) -> None:
        self._workshop = workshop
        self._job = job
        self._clock = clock
        self._status = Status(os.getpid(), -1, PUBLISHER, "its first order", False)
        self._since = clock.now()
        self._last = self._since

    @property
    def waiting_seconds(self) -> float:
        """How long the present wait has lasted."""
        return self._clock.now() - self._since

    def step(self) -> bool:
        """One look at the folder, and a round's part if one is due."""
        step = self._job.decide(self._workshop.rounds())
        if isinstance(step, Work):
            step = self._work(step.round) or step
        if isinstance(step, WaitFor):
            self._count(step.whom)
            overdue = self._status.whom == step.whom and self.waiting_seconds > OVERDUE_SECONDS
            self._tell(Status(os.getpid(), -1, step.whom, step.what, overdue))
            return False
        return True

    def _work(self, round_index: int) -> WaitFor | None:
        order = self._workshop.order(round_index)
        if order is None:  # damaged since it was looked at
            return WaitFor(PUBLISHER, f"the order for round {round_index}")
        self._count(self._status.whom)
        before, since, began = self._status, self._since, self._last
        self._tell(Status(os.getpid(), round_index, "", "", False))
        try:
            waiting = self._job.work(order)
        except (Rejected, EnvironmentFailed) as error:
            self._workshop.refuse(order, self._job.name, str(error))
            waiting = None
        if waiting is not None:
            self._tell(before)
            self._since = since
        self._last = self._clock.now()
        # What no lap has: sealing behind the report, or all of it where nothing came of the round. The next one has it.
        self._clock.busy += self._last - max(began, self._clock.lapped)
        return waiting

    def _count(self, whom: str) -> None:
        """Count the time since the last look, unless it passed between two rounds' work."""
        now = self._clock.now()
        if whom:
            self._clock.waited[whom] = self._clock.waited.get(whom, 0.0) + now - self._last
        self._last = now

    def _tell(self, status: Status) -> None:
        if status == self._status:
            return
        if status.whom != self._status.whom or not status.whom:
            self._since = self._clock.now()
        self._status = status
        self._workshop.save_status(self._job.name, status)


def poll_seconds(waited: float) -> float:
    """Until the next look after so long a wait: a tenth of it, so that looking costs neither the one who waits long
    much time nor the one who waits a moment much delay."""
    return min(MOST_POLL_SECONDS, max(LEAST_POLL_SECONDS, waited / 10))


MakeJob = Callable[[Workshop, Clock], Job]


def run_worker(root: Path, name: str, publisher: int, make_job: MakeJob) -> NoReturn:
    """A child process's whole life: until the publisher of this process number ends, or somebody kills it."""
    code = 1
    try:
        tether(publisher)
        limit_arenas()  # a forked one is as the publisher is, a spawned one begins anew
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the publisher's to answer
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _mute(root / f"{name}.log")
        with _alone(root / f"{name}.lock", publisher):
            _serve(root, publisher, make_job)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        # Past the frames and the exit handlers that belong to the process this one was forked from.
        os._exit(code)


def _serve(root: Path, publisher: int, make_job: MakeJob) -> None:
    worker: Worker | None = None
    folder: Path | None = None
    has_worked = False
    while os.getppid() == publisher:  # without a tether the orphan notices here
        found = current_task(root, publisher)
        if found is not None and found != folder:
            folder = found
            workshop = Workshop(folder)
            worker = Worker(workshop, make_job(workshop, clock := Clock(time.monotonic)), clock)
        if worker is None:
            time.sleep(LEAST_POLL_SECONDS)
        elif worker.step():
            has_worked = True
        else:
            if has_worked:
                trim()
            has_worked = False
            time.sleep(poll_seconds(worker.waiting_seconds))


def _mute(log: Path) -> None:
    """Our output goes into a log of our own: the standard output is the publisher's."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    log.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(opened, 2)
    sys.stderr = os.fdopen(2, "w", closefd=False)


@contextmanager
def _alone(lock: Path, publisher: int, patience_seconds: float = OVERDUE_SECONDS) -> Iterator[None]:
    """Hold the lock file: a predecessor that is just ending is waited for while our publisher lives. TimeoutError names
    the one that does not end."""
    with lock.open("a+") as file:
        until = time.monotonic() + patience_seconds
        while os.getppid() == publisher:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    file.seek(0)
                    held = f"process {file.read()} has held {lock} for {patience_seconds:g} s"
                    raise TimeoutError(held) from None
                time.sleep(LEAST_POLL_SECONDS)
                continue
            file.truncate(0)
            print(os.getpid(), end="", file=file, flush=True)
            yield
            return
