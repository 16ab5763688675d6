"""The publisher waits for its two processes: it knows at any time for which one, for what, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cupel.node.pipeline.rounds import ROLLOUTS, TRAINER, Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Trained, Workshop

POLL_SECONDS: Final = 0.05
ASK_SECONDS: Final = 0.5
"""Between two looks at whether there is still time."""

Phase = Callable[[str, int], None]
"""Told the phase, `rollouts` or `training`, and its progress in thousandths."""


async def until_trained(
    workshop: Workshop,
    order: Order,
    num_batches: int,
    still_time: Callable[[], Awaitable[bool]],
    clock: Clock,
    phase: Phase,
) -> Trained | str:
    """A round's training, or why there is none: it was refused, or `still_time` said no."""
    told = ("", -1)
    asked = clock.now()
    while True:
        began = clock.now()
        files = workshop.files(order)
        if files.refused:
            return workshop.refusal(order) or "refused without a reason"
        if files.trained:
            trained = await asyncio.to_thread(workshop.trained, order)
            if trained is not None:
                return trained
        whom = TRAINER if files.rolled else ROLLOUTS
        done = 0 if files.rolled else workshop.num_batches(order) * 1000 // num_batches
        if (whom, done) != told:
            told = (whom, done)
            phase("training" if files.rolled else "rollouts", done)
        if began - asked >= ASK_SECONDS:
            asked = began
            if not await still_time():
                return f"waited too long for {_chain_of_waits(workshop, whom)}"
        await asyncio.sleep(POLL_SECONDS)
        clock.waited[whom] = clock.waited.get(whom, 0.0) + clock.now() - began


def _chain_of_waits(workshop: Workshop, whom: str) -> str:
    """The process waited for, and whom it waits for itself."""
    status = workshop.status(whom)
    if status is None:
        return f"the {whom} process, which has not begun"
    if not status.whom:
        return f"the {whom} process (pid {status.pid}), which works on round {status.round}"
    return f"the {whom} process (pid {status.pid}), which waits for the {status.whom} process: {status.what}"
