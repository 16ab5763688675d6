"""The report: one HTML file that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Final

from cupel.devnet.outcome import Outcome
from cupel.devnet.report import tables
from cupel.devnet.report.charts import Frame, Series, curve_chart, nice_top
from cupel.devnet.report.timeline import lane_colours, timeline
from cupel.devnet.story.state import Stage
from cupel.devnet.verdict import tokens

_MARK: Final = (
    '<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8">'
    '<path d="M3 8h18l-2.6 9.4a3 3 0 0 1-2.9 2.2H8.5a3 3 0 0 1-2.9-2.2z"/>'
    '<circle cx="12" cy="11.6" r="2.6" fill="currentColor"/></svg>'
)


def render(outcome: Outcome) -> str:
    """The whole page."""
    style = files("cupel.devnet.report").joinpath("style.css").read_text(encoding="utf-8")
    colours = lane_colours(list(outcome.state.nodes.values()))
    body = "\n".join(
        [
            _header(outcome),
            _figures(outcome),
            _section(
                "Promises",
                "Each is checked against the chain, not against what the processes say of themselves.",
                tables.checks_list(outcome.checks),
            ),
            f'<div class="pair wide">{_reward(outcome, colours)}{_loss(outcome, colours)}</div>',
            _section(
                "Timeline",
                "Dots are commitments, shaded spans are open challenges, crosses are stakes taken, diamonds are "
                "claims paid.",
                timeline(outcome.facts, outcome.state, colours),
            ),
            _section(
                "Who earned, who lost",
                "Tokens held at the end less tokens held at the start; the column sums to zero.",
                tables.money_table(outcome.money, colours),
            ),
            _section(
                "Challenges",
                "What was alleged, what the verifier measured, what the judge said.",
                tables.challenge_table(outcome),
            ),
            '<div class="pair">'
            + _section("Gas", "By kind of transaction, dearest sum first.", tables.gas_table(outcome.gas))
            + _section(
                "Canonical versions",
                "Every node computes each version from the chain's accepted set alone.",
                tables.digest_table(outcome, colours),
            )
            + "</div>",
            _section(
                "Phases", f"{outcome.seconds:.0f} seconds, start to verdict.", _stages(outcome.state.stages)
            ),
            _footer(outcome),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Cupel demo: {'passed' if outcome.passed else 'failed'}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _section(title: str, lead: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(lead)}</p>{content}</section>"


def _header(outcome: Outcome) -> str:
    state, task = outcome.state, outcome.facts.terms
    held = sum(check.passed for check in outcome.checks)
    about = (
        f"{len(state.nodes)} nodes and {len(state.verifiers)} verifiers, separate processes on one machine, "
        f"trained one policy by GRPO in {task.rounds} rounds of {task.round_seconds} s. "
        f"Task {tables.short_hash(task.task_id)}."
    )
    kind, word = ("good", "Passed") if outcome.passed else ("bad", "Failed")
    return (
        f'<header><div><div class="brand">{_MARK}Cupel demo</div><h1>{_headline(outcome)}</h1>'
        f'<p class="sub">{about}</p></div><div class="verdict"><span class="pill {kind}">{word}</span>'
        f"<small>{held} of {len(outcome.checks)} promises held</small></div></header>"
    )


def _headline(outcome: Outcome) -> str:
    liars = outcome.state.liars
    caught = sum(outcome.facts.slash_of(node.account) is not None for node in liars)
    paid = sum(row.outcome == "earned" and row.role == "honest" for row in outcome.money)
    all_caught = {1: "the liar", 2: "both liars"}.get(len(liars), f"all {_count(len(liars))} liars")
    whom = all_caught if caught == len(liars) else f"{_count(caught)} of {_count(len(liars))} liars"
    return f"{_count(paid).capitalize()} honest {'node' if paid == 1 else 'nodes'} paid, {whom} slashed"


def _figures(outcome: Outcome) -> str:
    rewards = list(outcome.state.honest_reward.values())
    rise = f"{rewards[0] / 1e6:.2f} &rarr; {rewards[-1] / 1e6:.2f}" if rewards else "&ndash;"
    facts = outcome.facts
    paid = sum(row.net for row in outcome.money if row.role == "honest" and row.net > 0)
    taken = sum(slash.stake for slash in facts.slashes)
    burned = sum(slash.burned for slash in facts.slashes)
    units = sum(work.units for work in facts.work)
    minutes, seconds = divmod(round(outcome.seconds), 60)
    cells = [
        ("Honest reward", rise, "mean, first to last round"),
        ("Earned by honest work", tokens(paid), f"tokens, at {tokens(facts.terms.rate)} a unit"),
        ("Stake taken", tokens(taken), f"tokens, {tokens(burned)} burned"),
        ("Units committed", f"{units:,}", f"in {len(facts.work)} commitments"),
        ("Whole run", f"{minutes} min {seconds:02d} s", escape(outcome.info.machine.split(", Linux")[0])),
    ]
    return (
        '<div class="figures">'
        + "".join(
            f'<div class="figure"><span>{name}</span><b>{value}</b><em>{note}</em></div>'
            for name, value, note in cells
        )
        + "</div>"
    )


def _reward(outcome: Outcome, colours: Mapping[str, str]) -> str:
    state = outcome.state
    series = [
        Series(node.name, node.rewards, colours[node.name], node.lie is not None)
        for node in state.nodes.values()
    ]
    frame = Frame(660, 300, outcome.facts.terms.rounds, 1_000_000)
    chart = curve_chart(series, state.honest_reward, frame, "Reward by round")
    legend = [
        f'<span><span class="dot" style="background:{colours[node.name]}"></span>{escape(node.name)}</span>'
        for node in state.honest
    ]
    legend.append(
        '<span><span class="dot" style="background:var(--gold-soft)"></span>mean of the honest</span>'
    )
    legend.append('<span><span class="dash"></span>what liars claimed</span>')
    return _section(
        "Reward by round",
        "Share of completions that solve their problem exactly.",
        chart + f'<div class="legend">{"".join(legend)}</div>',
    )


def _loss(outcome: Outcome, colours: Mapping[str, str]) -> str:
    honest = outcome.state.honest
    values = [value for node in honest for value in node.losses.values()]
    by_round: dict[int, list[int]] = {}
    for node in honest:
        for index, value in node.losses.items():
            by_round.setdefault(index, []).append(value)
    mean = {index: sum(items) // len(items) for index, items in by_round.items()}
    low = min(values, default=0)
    frame = Frame(400, 330, outcome.facts.terms.rounds, nice_top(values), -nice_top([-low]) if low < 0 else 0)
    series = [Series(node.name, node.losses, colours[node.name]) for node in honest]
    return _section(
        "GRPO loss by round",
        "Its size in each honest node's last inner step.",
        curve_chart(series, mean, frame, "Loss by round"),
    )


def _stages(stages: tuple[Stage, ...]) -> str:
    ended = [stage for stage in stages if stage.ended_ms]
    spans, legend = [], []
    for index, stage in enumerate(ended):
        seconds = (stage.ended_ms - stage.started_ms) / 1000
        colour = f"var(--c{index % 6 + 1})"
        spans.append(
            f'<span style="flex:{max(seconds, 0.05):.2f};background:{colour}" title="{escape(stage.title)}"></span>'
        )
        legend.append(
            f'<span><span class="dot" style="background:{colour}"></span>{escape(stage.title)} {seconds:.1f} s</span>'
        )
    return f'<div class="stages">{"".join(spans)}</div><div class="legend">{"".join(legend)}</div>'


def _footer(outcome: Outcome) -> str:
    info = outcome.info
    return (
        f"<footer><span>{escape(info.started)} &middot; preset {escape(info.preset)} &middot; seed {info.seed}"
        f" &middot; {escape(info.machine)}</span><span><code>{escape(info.folder)}</code></span></footer>"
    )


def _count(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else str(number)
