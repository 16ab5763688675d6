"""Telling systemd that the process lives (sd_notify), so that it is restarted when its event loop hangs.

Without NOTIFY_SOCKET in the environment nothing is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Final

BEATS_PER_TIMEOUT: Final = 3


class Notifier:
    """A datagram to whom NOTIFY_SOCKET names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._path = "\0" + path[1:] if path.startswith("@") else path
        timeout = environment.get("WATCHDOG_USEC", "")
        self.beat_seconds = int(timeout) / 1e6 / BEATS_PER_TIMEOUT if timeout.isdecimal() and path else None

    def tell(self, state: str) -> None:
        """Send a state, as `READY=1`; a service manager that is gone is nobody's problem."""
        if self._path:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.sendto(state.encode(), self._path)


@contextlib.asynccontextmanager
async def watched(environment: Mapping[str, str] | None = None) -> AsyncIterator[None]:
    """Say that the process is ready, that its event loop turns as long as the block runs, and that it ends."""
    notifier = Notifier(os.environ if environment is None else environment)
    notifier.tell("READY=1")
    beating = asyncio.create_task(_beat(notifier))
    try:
        yield
    finally:
        notifier.tell("STOPPING=1")
        beating.cancel()


async def _beat(notifier: Notifier) -> None:
    while notifier.beat_seconds is not None:
        notifier.tell("WATCHDOG=1")
        await asyncio.sleep(notifier.beat_seconds)
