"""Source text as characters: what is installed with the interpreter, so that nothing is downloaded."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FIRST, LAST = 32, 126
VOCABULARY = LAST - FIRST + 2
MOST_BYTES = 200_000_000


def top_level() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Training and validation characters: the standard library's top-level modules; every twentieth is held out."""
    return _split(sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")))


def everything() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The same of the standard library and all installed packages, up to 200 MB."""
    paths = sysconfig.get_paths()
    files = {
        path.resolve() for root in (paths["stdlib"], paths["purelib"]) for path in Path(root).rglob("*.py")
    }
    chosen, total = [], 0
    # By name, not by folder: a part of them all where there are more than that.
    for path in sorted(files, key=lambda path: (path.name, str(path))):
        total += path.stat().st_size
        if total > MOST_BYTES:
            break
        chosen.append(path)
    return _split(chosen)


def _split(files: list[Path]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for index, file in enumerate(files):
        parts[index % 20 == 19].append(file.read_bytes())
    return _tokens(b"\n".join(parts[0])), _tokens(b"\n".join(parts[1]))


def _tokens(data: bytes) -> NDArray[np.uint8]:
    """Printable ASCII from 1; everything else, line ends too, is 0."""
    characters = np.frombuffer(data, dtype=np.uint8)
    known = (characters >= FIRST) & (characters <= LAST)
    return np.where(known, characters - np.uint8(FIRST - 1), np.uint8(0))
