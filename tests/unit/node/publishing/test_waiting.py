"""The publisher waits for its processes, and can say for whom."""

import asyncio
import itertools
import os
from pathlib import Path

import pytest

from cupel.node.pipeline.rounds import Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Status, Trained, Workshop
from cupel.node.publishing.waiting import ASK_SECONDS, until_trained

ORDER = Order(0, b"\1" * 32, 0, b"\2" * 32, 0, 0)
TRAINED = Trained(b"update", b"state")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    workshop = Workshop(tmp_path)
    workshop.place(ORDER)
    return workshop


def wait(workshop: Workshop, patience: int = 3) -> tuple[Trained | str, Clock, list[tuple[str, int]]]:
    """The outcome where time passes quickly and runs out when it has been asked for so often."""
    ticks, asked = itertools.count(), itertools.count(1)
    clock = Clock(lambda: next(ticks) * ASK_SECONDS)
    phases: list[tuple[str, int]] = []

    async def still_time() -> bool:
        return next(asked) < patience

    wait = until_trained(workshop, ORDER, 4, still_time, clock, lambda *phase: phases.append(phase))
    return asyncio.run(wait), clock, phases


def test_what_is_there_is_taken(workshop: Workshop) -> None:
    workshop.save_trained(ORDER, TRAINED)
    assert wait(workshop)[0] == TRAINED


def test_a_refusal_ends_the_wait(workshop: Workshop) -> None:
    workshop.refuse(ORDER, "trainer", "checkpoint: wrong shapes")
    assert wait(workshop)[0] == "the trainer process: checkpoint: wrong shapes"


def test_a_damaged_result_is_waited_for_again(workshop: Workshop) -> None:
    workshop.save_trained(ORDER, TRAINED)
    (path,) = workshop.folder.glob("round-*/*/update")
    path.write_bytes(b"other")
    assert isinstance(wait(workshop)[0], str)
    assert not workshop.rounds()[0].trained


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (None, "the rollouts process, which has not begun"),
        (
            Status(os.getpid(), 0, "", "", False),
            f"the rollouts process (pid {os.getpid()}), which works on round 0",
        ),
        (
            Status(5, -1, "publisher", "version 0 of the weights", True),
            "the rollouts process (pid 5), which waits for the publisher process: version 0 of the weights",
        ),
    ],
    # A process number in a name would differ between the processes that run the tests.
    ids=["silent", "at work", "waiting"],
)
def test_a_wait_that_ends_names_the_chain(workshop: Workshop, status: Status | None, told: str) -> None:
    if status is not None:
        workshop.save_status("rollouts", status)
    outcome, clock, phases = wait(workshop)
    assert outcome == f"waited too long for {told}"
    assert list(clock.waited) == ["rollouts"]
    assert phases == [("rollouts", 0)]
