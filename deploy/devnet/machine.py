"""This machine: what a run needs of it, and what it is."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cupel.devnet.project import artefacts, find_binary, project_root

_PROBE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Tools:
    """What must be there before anything starts."""

    root: Path
    anvil: Path
    artefacts: Path


def find_tools() -> Tools:
    """ConfigError, with what to do, for anything that is missing."""
    root = project_root()
    return Tools(root, find_binary(root, "anvil"), artefacts(root))


def num_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_cores() -> float:
    """Cores' worth of work that a new session of processes gets just now: what others use is not there.

    In a session of its own, as all that a run starts: Linux shares the processor between sessions, and this one may
    have been told to wait behind the others. Takes half a second.
    """
    probe = [sys.executable, "-m", __spec__.name]
    return float(subprocess.run(probe, check=True, capture_output=True, start_new_session=True).stdout)


def _probe() -> float:
    cores, block, began = num_cores(), bytes(2**20), time.monotonic()

    def hash_on() -> None:
        while time.monotonic() < began + _PROBE_SECONDS:
            hashlib.sha256(block)  # lets other threads run meanwhile

    used = time.process_time()
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(cores):
            pool.submit(hash_on)
    return (time.process_time() - used) / (time.monotonic() - began)


def describe() -> str:
    """The machine in a few words."""
    cores = num_cores()
    try:
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError, AttributeError):
        memory = ""
    return f"{cores} {'core' if cores == 1 else 'cores'}{memory}, {platform.system()} {platform.machine()}"


if __name__ == "__main__":
    print(_probe())
