"""A straight line through measurements that depend on their neighbours, with an honest standard error. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LEAST_BLOCKS: Final = 4


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth per hour, in the unit of the values."""

    mean: float
    per_hour: float
    standard_error: float
    """Of `per_hour`, from the scatter of the blocks' means."""
    blocks: int

    @property
    def is_flat(self) -> bool:
        """Whether zero lies within two standard errors."""
        return abs(self.per_hour) <= 2 * self.standard_error


def slope_of(points: Sequence[tuple[float, float]], block_seconds: float) -> Slope | None:
    """Least squares through means over blocks of time; `points` are (seconds, value). None if there are too few blocks.

    Neighbouring samples move together: a round's work is in several of them. A line through single samples would count
    each as news and state too small an error; means over several rounds are close to independent.
    """
    if not points:
        return None
    first = points[0][0]
    blocks: dict[int, list[tuple[float, float]]] = {}
    for seconds, value in points:
        blocks.setdefault(int((seconds - first) // block_seconds), []).append((seconds, value))
    whole = [block for block in blocks.values() if len(block) * 2 >= max(map(len, blocks.values()))]
    if len(whole) < LEAST_BLOCKS:
        return None
    hours = [sum(seconds for seconds, _ in block) / len(block) / 3600 for block in whole]
    values = [sum(value for _, value in block) / len(block) for block in whole]
    count = len(whole)
    mean_hours, mean = sum(hours) / count, sum(values) / count
    spread = sum((hour - mean_hours) ** 2 for hour in hours)
    slope = (
        sum((hour - mean_hours) * (value - mean) for hour, value in zip(hours, values, strict=True)) / spread
    )
    left = sum(
        (value - mean - slope * (hour - mean_hours)) ** 2 for hour, value in zip(hours, values, strict=True)
    )
    return Slope(mean, slope, math.sqrt(left / (count - 2) / spread), count)
