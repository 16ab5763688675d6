"""Turns at the processor: the earliest deadline first, and nobody who gave up holds them."""

import asyncio

from cupel.verifier.turns import Turns, due


async def take(turns: Turns, name: str, deadline: int | None, done: list[str], ready: asyncio.Event) -> None:
    async def work() -> None:
        async with turns.turn():
            await ready.wait()
            done.append(name)

    if deadline is None:
        await work()
    else:
        with due(deadline):
            await asyncio.create_task(work())


def test_a_juror_goes_before_audits_that_asked_first() -> None:
    async def scenario() -> list[str]:
        turns, done, ready = Turns(), list[str](), asyncio.Event()
        asked = [("first", 900), ("audit", 900), ("whenever", None), ("other audit", 800), ("juror", 60)]
        tasks = []
        for name, deadline in asked:
            tasks.append(asyncio.create_task(take(turns, name, deadline, done, ready)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        ready.set()
        await asyncio.gather(*tasks)
        return done

    # The one under way is not interrupted.
    assert asyncio.run(scenario()) == ["first", "juror", "other audit", "audit", "whenever"]


def test_whoever_was_cancelled_holds_nothing() -> None:
    async def scenario() -> list[str]:
        turns, done, ready = Turns(), list[str](), asyncio.Event()
        tasks = [asyncio.create_task(take(turns, name, None, done, ready)) for name in ("a", "b", "c")]
        await asyncio.sleep(0)
        tasks[0].cancel()  # under way
        tasks[1].cancel()  # waiting
        ready.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        await take(turns, "d", None, done, ready)
        return done

    assert asyncio.run(scenario()) == ["c", "d"]
