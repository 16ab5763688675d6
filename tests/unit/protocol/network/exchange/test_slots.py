"""Whose upload goes on next: turns, bounds, and nobody who waits for ever."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.network.exchange import turns
from cupel.protocol.network.exchange.slots import UploadQueue
from cupel.protocol.network.exchange.turns import UploadTurns


def test_peers_take_turns_however_much_one_asks_for() -> None:
    queue: UploadQueue[int] = UploadQueue(slots=1, max_waiting=100)
    for ticket in range(10):
        queue.enter("greedy", ticket)
    queue.enter("modest", 100)
    order = []
    while (ticket := queue.start()) is not None:
        order.append(ticket)
        queue.leave("modest" if ticket == 100 else "greedy", ticket)
    assert order == [0, 100, *range(1, 10)]


def test_the_greediest_is_turned_away() -> None:
    queue: UploadQueue[int] = UploadQueue(slots=1, max_waiting=2)
    assert queue.enter("greedy", 1) is None
    assert queue.enter("greedy", 2) is None
    assert queue.enter("modest", 3) == 2


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_slots_bound_what_runs_and_all_are_served(seed: int, slots: int) -> None:
    draw, queue = random.Random(seed), UploadQueue[tuple[str, int]](slots, 1000)
    entered, served, running = [], [], []
    for number in range(60):
        peer = f"peer {draw.randrange(5)}"
        entered.append((peer, number))
        queue.enter(peer, (peer, number))
        while (ticket := queue.start()) is not None:
            running.append(ticket)
        assert queue.num_running == len(running) <= slots
        if draw.random() < 0.5 and running:
            done = running.pop(draw.randrange(len(running)))
            queue.leave(done[0], done)
            served.append(done)
    while running or queue.num_waiting:
        while (ticket := queue.start()) is not None:
            running.append(ticket)
        done = running.pop()
        queue.leave(done[0], done)
        served.append(done)
    assert sorted(served) == sorted(entered)


def test_a_turn_begins_when_another_ends_and_a_cancelled_one_is_passed_on() -> None:
    async def scenario() -> None:
        line = UploadTurns(slots=1)
        first = await line.enter("a")
        assert first is not None
        second, third = asyncio.ensure_future(line.enter("b")), asyncio.ensure_future(line.enter("c"))
        await asyncio.sleep(0)
        assert not second.done()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        line.leave("a", first)
        turn = await third
        assert turn is not None
        line.leave("c", turn)

    asyncio.run(scenario())


def test_too_many_are_told_to_come_back() -> None:
    async def scenario() -> None:
        line = UploadTurns(slots=1)
        running = await line.enter("a")
        waiting = [asyncio.ensure_future(line.enter("a")) for _ in range(turns.MAX_WAITING)]
        await asyncio.sleep(0)
        # One more than may wait: the newest of the greediest goes.
        assert await line.enter("a") is None
        assert running is not None
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(scenario())
