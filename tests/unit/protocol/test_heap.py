"""How many heaps glibc makes for a process of many threads, and what it gives back."""

import asyncio
import os
import subprocess
import sys

import pytest

from cupel.protocol import heap
from cupel.protocol.heap import ARENAS

HAS_GLIBC = "CS_GNU_LIBC_VERSION" in os.confstr_names

# Every thread holds some memory at the same time, and then glibc tells of its heaps.
THREADS = """
import ctypes, sys, threading
from cupel.protocol.heap import limit_arenas
print(limit_arenas() if sys.argv[1] == "limit" else None, file=sys.stderr)
libc, barrier = ctypes.CDLL(None), threading.Barrier(16)
def hold():
    libc.malloc(ctypes.c_size_t(5000))
    barrier.wait()
threads = [threading.Thread(target=hold) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""

# Nine tenths of 64 MiB are freed, in holes; what glibc holds before and after.
HOLES = """
import ctypes
from cupel.protocol.heap import trim
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
blocks = [libc.malloc(ctypes.c_size_t(1 << 15)) for _ in range(2048)]
for block in blocks: ctypes.memset(block, 1, 1 << 15)
for number, block in enumerate(blocks):
    if number % 10: libc.free(ctypes.c_void_p(block))
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096
before = resident()
print(trim(), before - resident())
"""


def run(program: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=bare | environment,
    )


def arenas(limit: str, **environment: str) -> tuple[int, str]:
    done = run(THREADS, limit, **environment)
    return done.stdout.count("<heap nr="), done.stderr.strip()


@pytest.mark.skipif(not HAS_GLIBC, reason="another C library")
def test_a_process_of_many_threads_has_few_heaps() -> None:
    unlimited, _ = arenas("leave")
    assert unlimited > ARENAS
    assert arenas("limit") == (ARENAS, "True")
    # What the operator says goes.
    assert arenas("limit", MALLOC_ARENA_MAX="5") == (5, "False")


@pytest.mark.skipif(not HAS_GLIBC, reason="another C library")
def test_free_pages_go_back_to_the_system() -> None:
    did, freed = run(HOLES).stdout.split()
    assert did == "True"
    assert int(freed) > 40 << 20


def test_a_process_trims_as_long_as_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed_twice = asyncio.Event()
    times = []

    async def scene() -> None:
        loop = asyncio.get_running_loop()

        def trim() -> None:
            times.append(1)
            if len(times) == 2:
                loop.call_soon_threadsafe(trimmed_twice.set)

        monkeypatch.setattr(heap, "trim", trim)
        trimming = asyncio.create_task(heap.keep_trimming(0.0))
        await trimmed_twice.wait()
        trimming.cancel()

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_under_another_allocator_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_glibc", lambda: None)
    assert not heap.limit_arenas()
    assert not heap.trim()
