"""Simulated time: a day passes at once, in the order of its timers, and threads run in their turn."""

import asyncio
import time

import pytest

from cupel.devnet.chaos.clock import SimulatedLoop, StuckError, elapse, simulated_time


def run(work: object, stretch: float = 1.0) -> object:
    loop = SimulatedLoop(stretch)
    with asyncio.Runner(loop_factory=lambda: loop) as runner, simulated_time(loop):
        return runner.run(work)  # type: ignore[arg-type]


def test_a_day_of_sleep_takes_no_time_and_keeps_the_order() -> None:
    told: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        told.append((name, round(time.monotonic(), 6)))

    async def day() -> None:
        await asyncio.gather(wait("noon", 43_200), wait("morning", 21_600), wait("night", 86_400))

    began = time.monotonic()
    run(day())
    assert told == [("morning", 21_600), ("noon", 43_200), ("night", 86_400)]
    assert time.monotonic() - began < 21_600


def test_a_deadline_passes_in_simulated_time() -> None:
    async def late() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20):
                await asyncio.sleep(30)
        return asyncio.get_running_loop().time()

    assert run(late()) == pytest.approx(20)


def test_a_thread_s_work_is_done_before_anything_else_happens() -> None:
    async def work() -> tuple[str, float]:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(lambda: "done"), asyncio.get_running_loop().time()

    assert run(work()) == ("done", 0)


def test_only_polls_are_stretched() -> None:
    async def poll() -> float:
        await asyncio.sleep(0.5)
        await asyncio.sleep(1)
        await asyncio.sleep(10)
        return asyncio.get_running_loop().time()

    assert run(poll(), stretch=6) == pytest.approx(19)


def test_waiting_for_nothing_is_told() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        run(forever())


def test_what_takes_time_is_not_stretched_and_can_be_given_up() -> None:
    async def world() -> float:
        await elapse(0.25)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await elapse(0.75)
        return asyncio.get_running_loop().time()

    assert run(world(), stretch=60) == pytest.approx(0.75)
