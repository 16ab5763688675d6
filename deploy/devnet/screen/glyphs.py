"""Numbers as a few characters of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[int], top: int = 1_000_000) -> str:
    """Values as blocks of eight heights; `top` fills a block."""
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[max(1, min(steps, round(steps * value / top)))] for value in values)


def bar(thousandths: int, width: int) -> str:
    """A progress bar of `width` cells."""
    filled = max(0, min(width, round(width * thousandths / 1000)))
    return "━" * filled + "╌" * (width - filled)


def size(num_bytes: int) -> str:
    """Bytes for people."""
    value, unit = float(num_bytes), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
