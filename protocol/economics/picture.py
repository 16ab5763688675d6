"""What each lie brings against how much is audited, as one SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 860
HEIGHT: Final = 420
LEFT: Final = 64
RIGHT: Final = 24
ABOVE: Final = 96
BELOW: Final = 48
# Okabe and Ito (2008): told apart by colour-blind readers, on white and on black.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_LEAST_RATE: Final = 1e-3
_FONT: Final = 'font-family="sans-serif" font-size="12" fill="#777"'


def draw(curves: Mapping[str, Sequence[tuple[float, float]]], audit_rate: float) -> str:
    """An SVG document. curves: points (audit rate from 0.001 to 1, gain) by name; at most four."""
    gains = [gain for points in curves.values() for _, gain in points]
    low, high = min(0.0, *gains), max(0.0, *gains)
    high += 0.05 * (high - low or 1.0)
    parts = [*_grid(low, high), _now(audit_rate)]
    for number, (name, points) in enumerate(curves.items()):
        path = "L".join(f"{_x(rate):.1f} {_y(gain, low, high):.1f}" for rate, gain in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{COLOURS[number]}" stroke-width="2"/>')
        parts.append(
            f'<text x="{LEFT}" y="{18 + 18 * number}" {_FONT}>'
            f'<tspan fill="{COLOURS[number]}">&#9632;</tspan> {escape(name)}</text>'
        )
    title = "What lying brings beyond honest work, by share of commitments audited"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _x(rate: float) -> float:
    share = math.log10(max(rate, _LEAST_RATE) / _LEAST_RATE) / -math.log10(_LEAST_RATE)
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _y(gain: float, low: float, high: float) -> float:
    return ABOVE + (HEIGHT - ABOVE - BELOW) * (high - gain) / (high - low)


def _grid(low: float, high: float) -> list[str]:
    parts = []
    for rate in (0.001, 0.01, 0.1, 1.0):
        x = _x(rate)
        parts.append(f'<path d="M{x:.1f} {ABOVE}V{HEIGHT - BELOW}" stroke="#777" stroke-opacity="0.25"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BELOW + 18}" text-anchor="middle" {_FONT}>{rate:.1%}</text>'
        )
    zero = _y(0.0, low, high)
    parts.append(f'<path d="M{LEFT} {zero:.1f}H{WIDTH - RIGHT}" stroke="#777"/>')
    for value in (low, 0.0):
        y = _y(value, low, high) + 4
        parts.append(f'<text x="{LEFT - 10}" y="{y:.1f}" text-anchor="end" {_FONT}>{value:.1f}</text>')
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 8}" {_FONT}>share of commitments that each verifier audits; '
        "gain in rounds' pay</text>"
    )
    return parts


def _now(audit_rate: float) -> str:
    x = _x(audit_rate)
    return f'<path d="M{x:.1f} {ABOVE}V{HEIGHT - BELOW}" stroke="#777" stroke-dasharray="4 4"/>'
