"""What processes and folders take: memory, open files, threads, processor time, bytes on disk. From /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one moment."""

    pid: int
    rss: int
    """Resident bytes."""
    pss: int
    """Resident bytes, those that are shared with other processes in part."""
    files: int
    """Open file descriptors."""
    threads: int
    cpu_seconds: float
    """Since it started."""


def usage_of(pid: int) -> Usage | None:
    """None if the process is gone."""
    root = Path("/proc") / str(pid)
    try:
        # After the name, which may hold anything: state is the first field, user and system time fields 12 and 13.
        fields = (root / "stat").read_text().rpartition(")")[2].split()
        resident = int((root / "statm").read_text().split()[1]) * _PAGE
        files = len(os.listdir(root / "fd"))
        shared = _rollup(root)
    except (OSError, IndexError, ValueError):
        return None
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return Usage(pid, resident, shared, files, int(fields[17]), cpu)


def _rollup(root: Path) -> int:
    for line in (root / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def families(roots: Mapping[str, int]) -> dict[str, int]:
    """The processes and whatever they started, by name: children in the order of their ids, as `node-1/1`."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with contextlib.suppress(OSError, IndexError, ValueError):  # it ended meanwhile
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry))

    def below(name: str, pid: int) -> dict[str, int]:
        found = {name: pid}
        for number, child in enumerate(sorted(children.get(pid, ())), 1):
            found |= below(f"{name}/{number}", child)
        return found

    return {name: pid for root, top in roots.items() for name, pid in below(root, top).items()}


def folder_size(folder: Path) -> tuple[int, int]:
    """Bytes and files below a folder; what vanishes meanwhile does not count."""
    size = count = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.stat(os.path.join(where, name)).st_size
            except OSError:
                continue
            count += 1
    return size, count
