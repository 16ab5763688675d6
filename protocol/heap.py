"""Keeping a process of many threads small for weeks, under glibc's allocator.

glibc gives threads heaps of their own, up to eight a core, and returns little of one while anything lives in it: what
the short-lived threads and buffers of a node left there grew by 7 to 15 MB an hour. So there are two heaps, and what is
free in them goes back to the system once a minute (benchmarks/results/soak.md).
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import os
from typing import Final, NoReturn

ARENAS: Final = 2
TRIM_SECONDS: Final = 60.0
_M_ARENA_MAX: Final = -8
"""mallopt(3)."""


def limit_arenas() -> bool:
    """Limit this process and those that it forks, before there are threads; whether there was anything to limit.

    Nothing happens under another allocator, or where MALLOC_ARENA_MAX already says how many.
    """
    library = _glibc()
    if library is None or "MALLOC_ARENA_MAX" in os.environ:
        return False
    return bool(library.mallopt(_M_ARENA_MAX, ARENAS))


def trim() -> bool:
    """Give free pages back to the system; whether there were any. It takes milliseconds."""
    library = _glibc()
    return library is not None and bool(library.malloc_trim(0))


async def keep_trimming(seconds: float = TRIM_SECONDS) -> NoReturn:
    """Trim every so often until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(trim)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}):
        return None
    return ctypes.CDLL(None)
