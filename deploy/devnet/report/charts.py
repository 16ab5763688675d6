"""Charts as inline SVG. Pure: numbers in, text out; colours are the page's CSS variables, so both themes work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

NUM_COLOURS: Final = 6
MILLION: Final = 1_000_000


def colour(index: int) -> str:
    """CSS colour of the series with this index."""
    return f"var(--c{index % NUM_COLOURS + 1})"


@dataclass(frozen=True, slots=True)
class Series:
    """One line: values in millionths by round. `lie` draws it dashed and ends it with a cross."""

    name: str
    values: Mapping[int, int]
    colour: str
    lie: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot area and its scales, in SVG units."""

    width: int
    height: int
    num_rounds: int
    top: float
    """Value at the upper edge, in millionths."""
    bottom: float = 0
    left: int = 44
    right: int = 64
    above: int = 12
    below: int = 26

    def x(self, round_index: float) -> float:
        """Horizontal place of a round."""
        span = max(self.num_rounds - 1, 1)
        return self.left + (self.width - self.left - self.right) * round_index / span

    def y(self, value: float) -> float:
        """Vertical place of a value in millionths."""
        share = (min(max(value, self.bottom), self.top) - self.bottom) / (self.top - self.bottom)
        return self.height - self.below - (self.height - self.above - self.below) * share


def curve_chart(series: Sequence[Series], mean: Mapping[int, int], frame: Frame, title: str) -> str:
    """Lines by round with their mean in the foreground."""
    parts = [*_grid(frame)]
    for line in series:
        parts += _lie(line, frame) if line.lie else _line(line, frame)
    parts += _mean(mean, frame)
    return svg(frame.width, frame.height, title, parts)


def nice_top(values: Sequence[int]) -> float:
    """A round number at or above the largest value, in millionths."""
    largest = max(values, default=0)
    if largest <= 0:
        return MILLION
    magnitude = 1.0
    while magnitude * 10 <= largest:
        magnitude *= 10
    return next(magnitude * step for step in (1, 2, 2.5, 5, 10) if magnitude * step >= largest)


def _grid(frame: Frame) -> list[str]:
    parts = []
    for step in range(5):
        value = frame.bottom + (frame.top - frame.bottom) * step / 4
        y = frame.y(value)
        parts.append(
            f'<line class="grid" x1="{frame.left}" x2="{frame.width - frame.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        label = f"{value / MILLION:.2g}"
        parts.append(f'<text x="{frame.left - 12}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    every = max(1, -(-frame.num_rounds // 12))
    for index in range(0, frame.num_rounds, every):
        parts.append(
            f'<text x="{frame.x(index):.1f}" y="{frame.height - 6}" text-anchor="middle">{index}</text>'
        )
    return parts


def _points(values: Mapping[int, int], frame: Frame) -> list[tuple[float, float]]:
    return [(frame.x(index), frame.y(value)) for index, value in sorted(values.items())]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _line(line: Series, frame: Frame) -> list[str]:
    points = _points(line.values, frame)
    if not points:
        return []
    parts = [f'<path class="line" style="stroke:{line.colour}" d="{_path(points)}"/>']
    for (x, y), (index, value) in zip(points, sorted(line.values.items()), strict=True):
        tip = f"{escape(line.name)}, round {index}: {value / MILLION:.3f}"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" style="fill:{line.colour}"><title>{tip}</title></circle>'
        )
    return parts


def _lie(line: Series, frame: Frame) -> list[str]:
    points = _points(line.values, frame)
    if not points:
        return []
    x, y = points[-1]
    parts = [f'<path class="lie" d="{_path(points)}"/>'] if len(points) > 1 else []
    parts.append(cross(x, y))
    text = f"{escape(line.name)} slashed"
    parts.append(f'<text class="bad" x="{x + 10:.1f}" y="{y + 4:.1f}">{text}</text>')
    return parts


def cross(x: float, y: float, size: float = 4.5) -> str:
    """A red cross: a stake taken."""
    left, right, top, bottom = x - size, x + size, y - size, y + size
    arms = f"M{left:.1f} {top:.1f}L{right:.1f} {bottom:.1f}M{left:.1f} {bottom:.1f}L{right:.1f} {top:.1f}"
    return f'<path class="cross" d="{arms}"/>'


def _mean(mean: Mapping[int, int], frame: Frame) -> list[str]:
    points = _points(mean, frame)
    if not points:
        return []
    base = frame.y(max(0, frame.bottom))
    area = f"{_path(points)}L{points[-1][0]:.1f} {base:.1f}L{points[0][0]:.1f} {base:.1f}Z"
    parts = [f'<path class="area" d="{area}"/>', f'<path class="mean" d="{_path(points)}"/>']
    x, y = points[-1]
    last = mean[max(mean)] / MILLION
    parts.append(f'<circle class="halo" cx="{x:.1f}" cy="{y:.1f}" r="4.6"/>')
    parts.append(f'<text class="gold" x="{x + 11:.1f}" y="{y + 4.5:.1f}">{last:.2f}</text>')
    return parts


def svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """An SVG element around its parts; `title` is its text for those who cannot see it."""
    body = "\n".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">\n{body}\n</svg>'
