"""The calibration as one page that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Final

import numpy as np

from cupel.verifier.calibration.audits import AUDIT_CHECKS, AUDIT_CHUNKS, AUDIT_NAMES, measure_audits
from cupel.verifier.calibration.columns import COLUMNS, PLACE
from cupel.verifier.calibration.document import Calibration
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.picture import Population, strips
from cupel.verifier.calibration.rules import DEPLOYED, PAPER, Rule
from cupel.verifier.calibration.tally import CheatRow

TONES: Final = {"refused": "bad", "caught": "bad", "partly": "muted", "accepted": "muted", "true": "good"}
_PICTURED: Final = ("exponent", "mean", "median", "sampling")


def render(calibration: Calibration, engines: Sequence[Integers], cheats: Mapping[str, Integers]) -> str:
    """HTML. engines: chunks of every honest engine, int64 [C, columns]; cheats: the same by name."""
    honest = np.concatenate(engines)
    style = files("cupel.verifier.calibration").joinpath("page.css").read_text(encoding="utf-8")
    row = calibration.honest
    model = calibration.scope.model
    summary = (
        f"{row.refused} of {row.chunks} honest chunks refused, at most {row.refused_bound:.1e} of all with 95 % "
        f"confidence; of {row.audits} audits {row.audits_refused['pooled']} by their pooled error, at most "
        f"{row.pooled_refused_bound:.1e} of all. Limits were chosen from {calibration.chosen_from.chunks} other chunks "
        f"and {calibration.chosen_from.audits} other audits. Model: {model.layers} layers of "
        f"width {model.width}; {calibration.software}; seed {calibration.seed}."
    )
    body = [
        "<h1>Honest work and cheats, as a verifier sees them</h1>",
        f"<p>{escape(summary)}</p>",
        _section("Cheat by check", _LEGEND, _table(calibration.cheats, calibration.rule)),
        *(_pictured(name, calibration, honest, cheats) for name in _PICTURED),
        _pictured_pool(calibration, engines, cheats),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Cupel calibration</title><style>{style}</style><main>{''.join(body)}</main></html>\n"
    )


_LEGEND: Final = (
    "Percent of the chunks that each check alone refuses. True: chunks equal to honest ones to the bit, in which "
    "nothing false stands. Accepted: the others that pass every check. After them the checks of whole audits, in "
    f"percent of the audits of {AUDIT_CHUNKS} chunks, and how many audits with something false in them pass "
    "everything. The last columns: percent of the chunks that the published rules accept."
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


def _pictured_pool(
    calibration: Calibration, engines: Sequence[Integers], cheats: Mapping[str, Integers]
) -> str:
    place = AUDIT_NAMES.index("pooled")
    errors = [measure_audits(values)[:, place] for values in engines]
    populations = [Population("honest", np.concatenate(errors), "good")]
    for row in calibration.cheats:
        populations.append(
            Population(row.title, measure_audits(cheats[row.name])[:, place], TONES[row.verdict])
        )
    text = f"Mean over {AUDIT_CHUNKS} chunks, in millionths of a mantissa's step; heights are square roots of counts."
    limits = {"limit": calibration.rule.audit_limits["pooled"]}
    return _section("Pooled error", text, strips("Pooled error", "millionths", populations, limits))


def _table(rows: Sequence[CheatRow], rule: Rule) -> str:
    titles = {column.name: column.title for column in COLUMNS}
    heads = ["chunks", "true", "accepted", *(titles[name] for name in rule.limits)]
    heads += [*(check.title for check in AUDIT_CHECKS), "audits accepted", PAPER.title, DEPLOYED.title]
    head = "".join(f'<th class="n">{escape(text)}</th>' for text in heads)
    lines = [f"<table><tr><th>cheat</th>{head}</tr>"]
    for row in rows:
        tone = TONES[row.verdict]
        cells = [str(row.chunks), str(row.true_chunks)]
        cells += [_share(row.refused_by[name], row.chunks) for name in rule.limits]
        cells += [_share(row.audits_refused[check.name], row.audits) for check in AUDIT_CHECKS]
        cells += [f"{row.audits_accepted} of {row.audits}"]
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
