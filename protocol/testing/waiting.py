"""Waiting for what another thread or process does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

# What a test waits for comes long before, also on a crowded machine: it only ends a hang.
HANG_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.02


async def eventually(condition: Callable[[], bool], deadline_seconds: float = HANG_SECONDS) -> None:
    """Return once `condition` holds; TimeoutError at the deadline."""
    async with asyncio.timeout(deadline_seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for happens where no asyncio.Event can be set
            await asyncio.sleep(_LOOK_SECONDS)
