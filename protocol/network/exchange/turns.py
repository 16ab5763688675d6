"""The upload queue for coroutines: wait for a turn, be served, leave."""

from __future__ import annotations

import asyncio
from typing import Final

from cupel.protocol.network.exchange.slots import UploadQueue

# A limited line sends two blocks at a time: the second fills the pause between request and answer of the first.
LIMITED_SLOTS: Final = 2
# An unlimited one, as many as keep the processors busy.
UNLIMITED_SLOTS: Final = 16
MAX_WAITING: Final = 256

Turn = asyncio.Future[bool]
"""Resolved when it begins: False for one that was turned away."""


class UploadTurns:
    """Turns at one process's line, shared fairly between peers."""

    def __init__(self, slots: int) -> None:
        self._queue: UploadQueue[Turn] = UploadQueue(slots, MAX_WAITING)

    async def enter(self, peer: str) -> Turn | None:
        """Wait for a turn; None for one that has to come back later. Whoever gets one leaves it."""
        turn: Turn = asyncio.get_running_loop().create_future()
        turned_away = self._queue.enter(peer, turn)
        if turned_away is not None and not turned_away.done():
            turned_away.set_result(False)
        self._start()
        try:
            return turn if await turn else None
        except asyncio.CancelledError:
            self.leave(peer, turn)
            raise

    def leave(self, peer: str, turn: Turn) -> None:
        """The turn is over."""
        self._queue.leave(peer, turn)
        self._start()

    def _start(self) -> None:
        while (turn := self._queue.start()) is not None:
            if not turn.done():
                turn.set_result(True)
