"""Waiting for what another thread or process does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LOOK_SECONDS = 0.02


async def eventually(condition: Callable[[], bool], deadline_seconds: float = 10.0) -> None:
    """Return once `condition` holds; TimeoutError at the deadline."""
    async with asyncio.timeout(deadline_seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for happens where no asyncio.Event can be set
            await asyncio.sleep(_LOOK_SECONDS)
