"""Distributions side by side, as SVG: one row per population, limits as vertical lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
import numpy.typing as npt

WIDTH: Final = 1060
LEFT: Final = 320
RIGHT: Final = 20
ROW: Final = 22
ABOVE: Final = 50
BELOW: Final = 26
BINS: Final = 90


@dataclass(frozen=True, slots=True)
class Population:
    """Numbers of one column of one population. tone: `good`, `bad` or `muted`."""

    title: str
    values: npt.NDArray[np.int64]
    tone: str


def strips(name: str, unit: str, populations: Sequence[Population], limits: Mapping[str, int]) -> str:
    """One row per population, on a scale that is linear near zero and logarithmic beyond."""
    most = max([1, *limits.values(), *(int(one.values.max(initial=0)) for one in populations)])
    height = ABOVE + ROW * len(populations) + BELOW
    parts = _axis(most, height)
    for number, population in enumerate(populations):
        parts += _row(population, most, ABOVE + ROW * (number + 1))
    for number, (title, limit) in enumerate(limits.items()):
        parts += _limit(f"{title}: {limit}", limit, most, height, number)
    label = escape(f"{name}: {unit}" if unit else name, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _x(value: float, most: int) -> float:
    # 1 stands at a visible distance from 0, whatever the scale.
    return LEFT + (WIDTH - LEFT - RIGHT) * float(np.log1p(value) / np.log1p(most))


def _row(population: Population, most: int, base: int) -> list[str]:
    title = escape(population.title)
    parts = [f'<text x="{LEFT - 12}" y="{base - 5}" text-anchor="end">{title}</text>']
    parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>')
    if not len(population.values):
        return parts
    places = np.log1p(population.values) / np.log1p(most)
    counts, edges = np.histogram(places, bins=BINS, range=(0.0, 1.0))
    # The square root keeps a bin of one chunk in a hundred thousand visible.
    heights = np.sqrt(counts / counts.max()) * (ROW - 4)
    step = (WIDTH - LEFT - RIGHT) / BINS
    for edge, size in zip(edges[:-1], heights, strict=True):
        if size > 0:
            x, tall = LEFT + edge * (WIDTH - LEFT - RIGHT), max(float(size), 1.2)
            parts.append(
                f'<rect class="{population.tone}" x="{x:.1f}" y="{base - tall:.1f}" width="{step:.1f}" '
                f'height="{tall:.1f}"/>'
            )
    return parts


def _axis(most: int, height: int) -> list[str]:
    ticks = [
        0,
        *(factor * 10**power for power in range(10) for factor in (1, 3) if factor * 10**power <= most),
    ]
    parts = []
    for tick in ticks:
        x = _x(tick, most)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{ABOVE}" y2="{height - BELOW}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick}</text>')
    return parts


def _limit(text: str, limit: int, most: int, height: int, number: int) -> list[str]:
    """A line with its text; the first one is ours, and each has a height of its own."""
    # Between the last accepted number and the first refused one.
    x = _x(limit + 0.5, most)
    anchor = "end" if x > WIDTH - 160 else "start"
    shift = -4 if anchor == "end" else 4
    kind, above = ("theirs" if number else "own"), 12 + 14 * number
    return [
        f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{above - 8}" y2="{height - BELOW}"/>',
        f'<text class="{kind}" x="{x + shift:.1f}" y="{above}" text-anchor="{anchor}">{escape(text)}</text>',
    ]
