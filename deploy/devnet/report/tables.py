"""The report's tables and lists as HTML. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from cupel.devnet.facts import Challenge, challenge_name
from cupel.devnet.money import MoneyRow
from cupel.devnet.outcome import GasRow, Outcome
from cupel.devnet.verdict import Check, tokens

Cell = tuple[str, str]
"""Class and inner HTML of a table cell."""


def table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> str:
    """A table that scrolls sideways on a narrow screen."""
    heading = "".join(f'<th class="{kind}">{text}</th>' for kind, text in head)
    body = "".join(
        "<tr>" + "".join(f'<td class="{kind}">{text}</td>' for kind, text in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table></div>'


def short_hash(value: str) -> str:
    """A hash as people compare it: both ends, the whole on hover."""
    if not value:
        return '<span class="muted">&ndash;</span>'
    shown = value if len(value) <= 14 else f"{value[:8]}&hellip;{value[-4:]}"
    return f'<code class="hash" title="{escape(value)}">{shown}</code>'


def checks_list(checks: Sequence[Check]) -> str:
    """Every promise, held or broken, with what was found."""
    items = []
    for check in checks:
        kind, mark = ("ok", "&#10003;") if check.passed else ("no", "&#10007;")
        found = (
            check.observed if check.passed else f"{check.observed or 'nothing'}; expected {check.expected}"
        )
        items.append(
            f'<li class="{kind}"><i>{mark}</i><div><b>{escape(check.title)}</b><span>{escape(found)}</span></div></li>'
        )
    return f'<ul class="checks">{"".join(items)}</ul>'


def money_table(rows: Sequence[MoneyRow], colours: Mapping[str, str]) -> str:
    """Who earned, who lost, why."""
    largest = max([abs(row.net) for row in rows], default=0) or 1
    head = [
        ("", "Who"),
        ("", "Role"),
        ("n", "Units"),
        ("n", "Net, tokens"),
        ("", ""),
        ("", "Why"),
        ("", "Decided in"),
    ]
    body = []
    for row in rows:
        dot = f'<span class="dot" style="background:{colours.get(row.name, "var(--line)")}"></span>'
        quiet = row.name in ("hub", "burned", "creator")
        kind = "muted" if quiet or row.net == 0 else "up" if row.net > 0 else "down"
        sign = "+" if row.net > 0 else ""
        bar_kind = "bar quiet" if quiet else "bar down" if row.net < 0 else "bar"
        width = 90 * abs(row.net) / largest
        lie = ' bad"' if row.role.startswith("lies") else '"'
        body.append(
            [
                ("name", dot + escape(row.name)),
                ("", f'<span class="tag{lie}>{escape(row.role)}</span>'),
                ("n", f"{row.units:,}" if row.units else ""),
                (f"n {kind}", f"{sign}{tokens(row.net)}"),
                ("", f'<span class="{bar_kind}" style="width:{width:.0f}px"></span>' if row.net else ""),
                ("muted", escape(row.why)),
                ("", short_hash(row.transaction)),
            ]
        )
    return table(head, body)


def challenge_table(outcome: Outcome) -> str:
    """Every challenge and its verdict."""
    facts, state = outcome.facts, outcome.state
    head = [
        ("n", "#"),
        ("", "Accused"),
        ("", "Accusation"),
        ("", "Judge"),
        ("", "Finding"),
        ("", "Verdict"),
        ("", "Transaction"),
    ]
    body = []
    for challenge in facts.challenges:
        name = state.name_of(challenge.node)
        finding = next(
            (item for item in state.accusations if item.node == name and item.sequence == challenge.sequence),
            None,
        )
        observed = (
            f"{finding.check}: observed {finding.observed}, allowed {finding.allowed}" if finding else ""
        )
        verdict = _verdict(challenge, facts.slash_of(challenge.node) is not None)
        seconds = max(challenge.resolved_time - challenge.time, 0)
        body.append(
            [
                ("n muted", challenge_name(challenge.challenge_id)),
                ("name", escape(name)),
                ("", escape(challenge.accusation)),
                ("", escape(challenge.judge)),
                ("muted", escape(observed)),
                (
                    "",
                    f'<span class="tag {verdict[0]}">{verdict[1]}</span> <span class="muted">{seconds} s</span>',
                ),
                ("", short_hash(challenge.transaction)),
            ]
        )
    return table(head, body) if body else "<p>No challenge was made.</p>"


def _verdict(challenge: Challenge, is_slashed: bool) -> tuple[str, str]:
    """Class and words. One that another challenge overtook comes to no verdict: its bond goes back."""
    match challenge.guilty:
        case True:
            return "bad", "guilty"
        case False:
            return "good", "not guilty"
    return "", "overtaken: slashed already" if is_slashed else "open or expired"


def gas_table(rows: Sequence[GasRow]) -> str:
    """Gas by kind of transaction."""
    largest = max([row.mean for row in rows], default=0) or 1
    head = [("", "Transaction"), ("n", "Count"), ("n", "Least"), ("n", "Mean"), ("n", "Most"), ("", "")]
    body = [
        [
            ("name", escape(row.action)),
            ("n muted", str(row.count)),
            ("n muted", f"{row.least:,}"),
            ("n", f"{row.mean:,}"),
            ("n muted", f"{row.most:,}"),
            ("", f'<span class="bar" style="width:{80 * row.mean / largest:.0f}px"></span>'),
        ]
        for row in rows
    ]
    return table(head, body)


def digest_table(outcome: Outcome, colours: Mapping[str, str]) -> str:
    """Canonical versions: the chain's digest and who computed the same."""
    head = [("n", "Version"), ("", "Digest on-chain"), ("", "Posted by"), ("", "Computed equal by")]
    body = []
    for checkpoint in outcome.facts.checkpoints:
        dots = []
        for node in outcome.state.nodes.values():
            if checkpoint.version not in node.versions:
                continue
            same = node.versions[checkpoint.version] == checkpoint.digest
            style = (
                f"background:{colours[node.name]}" if same else "background:none;outline:2px solid var(--bad)"
            )
            word = "equal" if same else "DIFFERENT"
            dots.append(f'<span class="dot" style="{style}" title="{escape(node.name)}: {word}"></span>')
        body.append(
            [
                ("n", str(checkpoint.version)),
                ("", short_hash(checkpoint.digest)),
                ("muted", escape(outcome.state.name_of(checkpoint.poster))),
                ("", "".join(dots)),
            ]
        )
    return table(head, body)
