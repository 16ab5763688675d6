"""A worker steps its job, says what it waits for, and counts the time."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cupel.node.pipeline.crew import LONGEST_PAUSE_SECONDS, pause_seconds
from cupel.node.pipeline.rounds import Order, RoundFiles, WaitFor, Work, next_rollouts
from cupel.node.pipeline.worker import OVERDUE_SECONDS, Clock, Worker, _alone, poll_seconds
from cupel.node.pipeline.workshop import Workshop
from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.spec.errors import Reason, Rejected

ORDER = Order(0, b"\1" * 32, 0, b"\2" * 32, 0, 0)


class Job:
    """Does as it is told, and takes three seconds for it."""

    name = "rollouts"

    def __init__(self, workshop: Workshop, time: list[float]) -> None:
        self.workshop = workshop
        self.time = time
        self.answer: WaitFor | Exception | None = None

    def decide(self, rounds: Sequence[RoundFiles]) -> Work | WaitFor:
        return next_rollouts(rounds, 1)

    def work(self, order: Order) -> WaitFor | None:
        self.time[0] += 3
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            self.workshop.refuse(order, "test", "done")
        return self.answer


@pytest.fixture
def time() -> list[float]:
    return [100.0]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def job(workshop: Workshop, time: list[float]) -> Job:
    return Job(workshop, time)


@pytest.fixture
def clock(time: list[float]) -> Clock:
    return Clock(lambda: time[0])


def test_it_waits_for_the_publisher_then_works(
    workshop: Workshop, job: Job, clock: Clock, time: list[float]
) -> None:
    worker = Worker(workshop, job, clock)
    time[0] += 2
    assert not worker.step()
    status = workshop.status("rollouts")
    assert status is not None
    assert (status.whom, status.what, status.overdue) == ("publisher", "the order for another round", False)
    workshop.place(ORDER)
    assert worker.step()
    assert clock.lap() == {"busy_seconds": 3.0, "waited_seconds": {"publisher": 2.0}}


def test_sealing_behind_the_report_counts_in_the_next_one(
    workshop: Workshop, job: Job, clock: Clock, time: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def report_and_seal(order: Order) -> None:
        time[0] += 4
        clock.busy += 4
        laps.append(clock.lap())
        time[0] += 1
        workshop.refuse(order, "test", "done")

    laps: list[dict[str, object]] = []
    monkeypatch.setattr(job, "work", report_and_seal)
    worker = Worker(workshop, job, clock)
    workshop.place(ORDER)
    assert worker.step()
    assert [laps[0]["busy_seconds"], clock.lap()["busy_seconds"]] == [4.0, 1.0]


def test_a_predecessor_that_does_not_end_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "rollouts.lock"
    held = pytest.raises(TimeoutError, match=f"process {os.getpid()} has held")
    with _alone(lock, os.getppid(), 0.0), held, _alone(lock, os.getppid(), 0.0):
        pytest.fail("two held it")
    with _alone(lock, os.getppid(), 0.0):
        assert lock.read_text() == str(os.getpid())


def test_a_wait_that_is_too_long_is_told(
    workshop: Workshop, job: Job, clock: Clock, time: list[float]
) -> None:
    worker = Worker(workshop, job, clock)
    for seconds, overdue in ((0, False), (OVERDUE_SECONDS, False), (1, True)):
        time[0] += seconds
        assert not worker.step()
        status = workshop.status("rollouts")
        assert status is not None
        assert status.overdue == overdue


def test_work_that_needs_something_first_is_a_wait(
    workshop: Workshop, job: Job, clock: Clock, time: list[float]
) -> None:
    worker = Worker(workshop, job, clock)
    workshop.place(ORDER)
    job.answer = WaitFor("publisher", "version 0 of the weights")
    assert not worker.step()
    status = workshop.status("rollouts")
    assert status is not None
    assert (status.round, status.what, status.overdue) == (-1, "version 0 of the weights", False)
    time[0] += OVERDUE_SECONDS
    assert not worker.step()
    status = workshop.status("rollouts")
    assert status is not None
    assert status.overdue, "looking again does not begin the wait again"


@pytest.mark.parametrize(
    "fault", [Rejected(Reason.CHECKPOINT, "wrong shapes"), EnvironmentFailed("it gave no answer within 20 s")]
)
def test_a_bad_round_is_refused_with_the_reason(
    workshop: Workshop, job: Job, clock: Clock, time: list[float], fault: Exception
) -> None:
    worker = Worker(workshop, job, clock)
    workshop.place(ORDER)
    job.answer = fault
    assert worker.step()
    assert workshop.refusal(ORDER) == f"the rollouts process: {fault}"
    time[0] += 1
    assert not worker.step()
    told = {"busy_seconds": 3.0, "waited_seconds": {"publisher": 1.0}}
    assert clock.lap() == told, "it worked for nothing, and waited for nobody meanwhile"


def test_looking_gets_rarer_in_a_long_wait() -> None:
    assert [poll_seconds(waited) for waited in (0.0, 0.1, 1.0, 60.0)] == [0.02, 0.02, 0.1, 0.2]


def test_pauses_double_up_to_a_bound() -> None:
    assert [pause_seconds(deaths) for deaths in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert pause_seconds(1000) == LONGEST_PAUSE_SECONDS
