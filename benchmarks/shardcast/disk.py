"""A small disk that can fill: a tmpfs, in this benchmark's own mount namespace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoSmallDisk(Exception):
    """This system does not let us mount one."""


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """`folder` is on a disk of so many bytes meanwhile; it is empty before and after. NoSmallDisk."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise NoSmallDisk(
            "mounting a tmpfs is not allowed here; run as root or where user namespaces are allowed"
        )
    try:
        yield
    finally:
        # Lazily: a process that was just killed may still have a file open on it.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def enlarge(folder: Path, size: int) -> None:
    """Give the small disk more room."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)
