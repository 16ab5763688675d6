"""The calibration as one page that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Final

import numpy as np

from cupel.verifier.calibration.columns import COLUMNS, PLACE
from cupel.verifier.calibration.document import Calibration
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.picture import Population, strips
from cupel.verifier.calibration.rules import DEPLOYED, PAPER
from cupel.verifier.calibration.tally import CheatRow

TONES: Final = {"refused": "bad", "caught": "bad", "partly": "muted", "accepted": "muted", "true": "good"}
_PICTURED: Final = ("exponent", "mean", "median", "sampling")


def render(calibration: Calibration, honest: Integers, cheats: Mapping[str, Integers]) -> str:
    """HTML. honest: int64 [C, columns]; cheats: the same by name."""
    style = files("cupel.verifier.calibration").joinpath("page.css").read_text(encoding="utf-8")
    row = calibration.honest
    model = calibration.scope.model
    summary = (
        f"{row.refused} of {row.chunks} honest chunks refused, at most {row.refused_bound:.1e} of all with 95 % "
        f"confidence. Limits were chosen from {calibration.chosen_from} others. Model: {model.layers} layers of "
        f"width {model.width}; {calibration.software}; seed {calibration.seed}."
    )
    body = [
        "<h1>Honest work and cheats, as a verifier sees them</h1>",
        f"<p>{escape(summary)}</p>",
        _section("Cheat by check", _LEGEND, _table(calibration.cheats, list(calibration.rule.limits))),
        *(_pictured(name, calibration, honest, cheats) for name in _PICTURED),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Cupel calibration</title><style>{style}</style><main>{''.join(body)}</main></html>\n"
    )


_LEGEND: Final = (
    "Percent of the chunks that each check alone refuses. True: chunks equal to honest ones to the bit, in which "
    "nothing false stands. Accepted: the others that pass every check. The last columns: percent of the chunks that "
    "the published rules accept."
)


def _section(title: str, text: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>{content}</section>"


def _pictured(name: str, calibration: Calibration, honest: Integers, cheats: Mapping[str, Integers]) -> str:
    place = PLACE[name]
    column = COLUMNS[place]
    tones = {row.name: TONES[row.verdict] for row in calibration.cheats}
    titles = {row.name: row.title for row in calibration.cheats}
    populations = [Population("honest", honest[:, place], "good")]
    for cheat, values in cheats.items():
        populations.append(Population(titles[cheat], values[:, place], tones[cheat]))
    limits = {"limit": calibration.rule.limits[name]}
    for title, rule in (("paper", PAPER), ("deployed", DEPLOYED)):
        published = rule.limits.get(f"package-{name}")
        if published is not None:
            limits[title] = published
    text = f"{column.unit}; heights are square roots of counts." if column.unit else ""
    return _section(column.title.capitalize(), text, strips(column.title, column.unit, populations, limits))


def _table(rows: Sequence[CheatRow], checks: Sequence[str]) -> str:
    titles = {column.name: column.title for column in COLUMNS}
    heads = ["chunks", "true", "accepted", *(titles[name] for name in checks), PAPER.title, DEPLOYED.title]
    head = "".join(f'<th class="n">{escape(text)}</th>' for text in heads)
    lines = [f"<table><tr><th>cheat</th>{head}</tr>"]
    for row in rows:
        tone = TONES[row.verdict]
        cells = [str(row.chunks), str(row.true_chunks)]
        cells += [_share(row.refused_by[name], row.chunks) for name in checks]
        cells += [_share(row.accepted_by_paper, row.chunks), _share(row.accepted_by_deployed, row.chunks)]
        numbers = [f'<td class="n">{cell}</td>' for cell in cells]
        numbers.insert(2, f'<td class="n {tone}">{row.accepted}</td>')
        lines.append(f"<tr><td>{escape(row.title)}</td>{''.join(numbers)}</tr>")
    return "".join([*lines, "</table>"])


def _share(count: int, total: int) -> str:
    if not total or not count:
        return ""
    share = 100 * np.floor(1000 * count / total) / 1000
    return "100" if count == total else f"{share:.1f}"
