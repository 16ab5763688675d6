"""Curves over time as an SVG: one panel for each measure, one line for each process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

COLOURS: Final = ("#1b6ca8", "#2a9d5c", "#d98e04", "#b3392f", "#6d4c9f", "#5b6770", "#0f8b8d", "#a0522d")
WIDTH: Final = 760
PANEL: Final = 190
MARGIN: Final = 56
MOST_POINTS: Final = 240

Series = Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure: points are (seconds, value in the title's unit)."""

    title: str
    series: Series


def picture(panels: Sequence[Panel], names: Sequence[str]) -> str:
    """The whole file; a name has one colour everywhere."""
    height = PANEL * len(panels) + 18 * (len(names) // 4 + 2)
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        ' font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        lines += _panel(panel, number * PANEL, colours)
    for number, name in enumerate(names):
        x, y = MARGIN + number % 4 * 170, PANEL * len(panels) + 18 * (number // 4 + 1)
        lines.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colours[name]}"/>')
        lines.append(f'<text x="{x + 14}" y="{y}">{name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _panel(panel: Panel, top: int, colours: Mapping[str, str]) -> list[str]:
    points = [point for series in panel.series.values() for point in series]
    most_x = max((x for x, _ in points), default=1.0) or 1.0
    most_y = max((y for _, y in points), default=1.0) or 1.0
    bottom, ceiling = top + PANEL - 26, top + 24
    lines = [f'<text x="{MARGIN}" y="{top + 15}" font-weight="bold">{panel.title}</text>']
    for part in (0.0, 0.5, 1.0):
        y = bottom - part * (bottom - ceiling)
        lines.append(f'<line x1="{MARGIN}" y1="{y:.1f}" x2="{WIDTH - 12}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{MARGIN - 5}" y="{y + 4:.1f}" text-anchor="end">{part * most_y:.4g}</text>')
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = MARGIN + part * (WIDTH - 12 - MARGIN)
        lines.append(
            f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{part * most_x / 60:.0f} min</text>'
        )
    for name, series in panel.series.items():
        step = max(1, len(series) // MOST_POINTS)
        drawn = " ".join(
            f"{MARGIN + x / most_x * (WIDTH - 12 - MARGIN):.1f},{bottom - y / most_y * (bottom - ceiling):.1f}"
            for x, y in series[::step]
        )
        lines.append(f'<polyline points="{drawn}" fill="none" stroke="{colours[name]}" stroke-width="1.4"/>')
    return lines
