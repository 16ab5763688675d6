"""The demo's timeline as inline SVG: a lane per node, commitments, challenges, slashes and payouts in chain time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from cupel.devnet.facts import ChainFacts, challenge_name
from cupel.devnet.report.charts import cross, svg
from cupel.devnet.story.state import DemoState, NodeState, Status

_WIDTH: Final = 1070
_LEFT: Final = 96
_RIGHT: Final = 20
_LANE: Final = 34
_TOP: Final = 30


class _Scale:
    """Chain time to horizontal place."""

    def __init__(self, start: int, end: int) -> None:
        self._start, self._span = start, max(end - start, 1)

    def __call__(self, time: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max((time - self._start) / self._span, 0), 1)


def timeline(facts: ChainFacts, state: DemoState, colours: Mapping[str, str]) -> str:
    """Lanes of all nodes from round 0 to the last payout."""
    terms = facts.terms
    rounds_end = terms.start + terms.rounds * terms.round_seconds
    moments = [claim.time for claim in facts.claims] + [withdrawal.time for withdrawal in facts.withdrawals]
    scale = _Scale(
        terms.start, max([rounds_end, *moments, *(item.resolved_time for item in facts.challenges)])
    )
    height = _TOP + _LANE * len(state.nodes) + 26
    parts = _rounds(facts, scale, height, rounds_end)
    for number, node in enumerate(state.nodes.values()):
        parts += _lane(facts, node, scale, _TOP + _LANE * number + _LANE / 2, colours[node.name])
    return svg(_WIDTH, height, "Timeline of commitments, challenges, slashes and payouts", parts)


def _rounds(facts: ChainFacts, scale: _Scale, height: int, rounds_end: int) -> list[str]:
    terms, parts = facts.terms, []
    every = max(1, -(-terms.rounds // 16))
    for index in range(terms.rounds):
        left, right = (
            scale(terms.start + index * terms.round_seconds),
            scale(terms.start + (index + 1) * terms.round_seconds),
        )
        parts.append(
            f'<line class="grid" x1="{left:.1f}" x2="{left:.1f}" y1="{_TOP - 6}" y2="{height - 26}"/>'
        )
        if index % every == 0:
            parts.append(
                f'<text x="{(left + right) / 2:.1f}" y="{_TOP - 12}" text-anchor="middle">{index}</text>'
            )
    end = scale(rounds_end)
    parts.append(f'<line class="axis" x1="{end:.1f}" x2="{end:.1f}" y1="{_TOP - 6}" y2="{height - 26}"/>')
    parts.append(f'<text x="{_LEFT - 12}" y="{_TOP - 12}" text-anchor="end">round</text>')
    if _WIDTH - _RIGHT - end > 90:
        parts.append(f'<text x="{end + 8:.1f}" y="{_TOP - 12}">settlement</text>')
    span = rounds_end - terms.start
    for share in range(5):
        seconds = span * share // 4
        x = scale(terms.start + seconds)
        parts.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{_clock(seconds)}</text>')
    return parts


def _lane(facts: ChainFacts, node: NodeState, scale: _Scale, y: float, colour: str) -> list[str]:
    name = (
        f'<text class="strong" x="{_LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(node.name)}</text>'
    )
    slash = facts.slash_of(node.account)
    work = [item for item in facts.work if item.node == node.account]
    last = slash.time if slash else max([item.time for item in work], default=facts.terms.start)
    payouts = [item.time for item in facts.withdrawals if item.account == node.account]
    end = scale(max([last, *payouts]))
    line = (
        f'<line class="lane" x1="{_LEFT}" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}" style="stroke:{colour}"/>'
    )
    parts = [name, line]
    for item in work:
        tip = f"<title>{escape(node.name)}, round {item.round}: {item.units} units committed</title>"
        x = scale(item.time)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" style="fill:{colour}">{tip}</circle>')
    parts += _disputes(facts, node, scale, y)
    if slash:
        parts.append(f"<g><title>{node.name} slashed</title>{cross(scale(slash.time), y, 6)}</g>")
        challenge = facts.challenge(slash.challenge_id)
        charge = f"slashed: {challenge.accusation}, {challenge.judge}" if challenge else "slashed"
        parts.append(
            f'<text class="bad" x="{scale(slash.time) + 14:.1f}" y="{y + 4:.1f}">{escape(charge)}</text>'
        )
    elif node.status is Status.KILLED:
        parts.append(f'<text class="bad" x="{end + 12:.1f}" y="{y + 4:.1f}">process killed</text>')
    for claim in facts.claims:
        if claim.node == node.account:
            parts.append(_diamond(scale(claim.time), y, f"{node.name} claimed {claim.units} units"))
    return parts


def _disputes(facts: ChainFacts, node: NodeState, scale: _Scale, y: float) -> list[str]:
    parts = []
    for challenge in facts.challenges:
        if challenge.node != node.account:
            continue
        left = scale(challenge.time)
        right = max(scale(challenge.resolved_time or challenge.time), left + 3)
        tip = f"challenge {challenge_name(challenge.challenge_id)}: {challenge.accusation} before {challenge.judge}"
        style = (
            "fill:var(--bad);opacity:.28" if challenge.guilty is not False else "fill:var(--muted);opacity:.3"
        )
        box = f'x="{left:.1f}" y="{y - 10:.1f}" width="{right - left:.1f}" height="20" rx="3" style="{style}"'
        parts.append(f"<rect {box}><title>{escape(tip)}</title></rect>")
    return parts


def _diamond(x: float, y: float, tip: str) -> str:
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in ((0, -7), (7, 0), (0, 7), (-7, 0)))
    return f'<polygon points="{points}" style="fill:var(--gold-soft)"><title>{escape(tip)}</title></polygon>'


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"


def lane_colours(nodes: Sequence[NodeState]) -> dict[str, str]:
    """A colour for every node: red for liars, a colour each for the rest."""
    honest = [node.name for node in nodes if node.lie is None]
    from_palette = {name: f"var(--c{index % 6 + 1})" for index, name in enumerate(honest)}
    return {node.name: from_palette.get(node.name, "var(--bad)") for node in nodes}
