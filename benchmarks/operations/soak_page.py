"""The page and the plot of a soak, from the files that it writes as it goes; half a run gives a page too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from plot import Panel, picture
from slopes import Slope, slope_of
from watching import Usage

WARM_UP_SECONDS: Final = 1200
"""Left out of the lines: caches fill, and the first window of challenges has to pass before anything is given up."""
BLOCK_SECONDS: Final = 300
MB: Final = 1e6
Points = dict[str, list[tuple[float, float]]]


def write_page(out: Path, results: Path) -> Path:
    """Write soak.md and soak.svg; the page's path."""
    samples = [json.loads(line) for line in _whole_lines(out / "samples.jsonl")]
    events = [json.loads(line) for line in _whole_lines(out / "run" / "events.jsonl")]
    facts = json.loads((out / "facts.json").read_text(encoding="utf-8"))
    working = [sample for sample in samples if sample["seconds"] <= _end_of_rounds(facts)]
    measures = {
        "RSS, MB": _series(working, lambda usage: usage.rss / MB),
        "PSS, MB": _series(working, lambda usage: usage.pss / MB),
        "open files": _series(working, lambda usage: float(usage.files)),
        "threads": _series(working, lambda usage: float(usage.threads)),
        "data folder, MB": _folders(working),
    }
    names = sorted({name for series in measures.values() for name in series})
    panels = [Panel(title, series) for title, series in measures.items() if title != "PSS, MB"]
    (results / "soak.svg").write_text(picture(panels, names), encoding="utf-8")
    page = results / "soak.md"
    page.write_text(_page(facts, samples, working, measures, events), encoding="utf-8")
    return page


def _end_of_rounds(facts: Mapping[str, Any]) -> float:
    """In seconds of the samples; afterwards processes settle and end."""
    return float(facts["start"] - facts["began"] + facts["rounds"] * facts["round_seconds"])


def _whole_lines(path: Path) -> list[str]:
    """The last line may be half written."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def _series(samples: Sequence[Mapping[str, Any]], value: Callable[[Usage], float]) -> Points:
    found: Points = {}
    for sample in samples:
        for name, fields in sample["processes"].items():
            found.setdefault(name, []).append((sample["seconds"], value(Usage(*fields))))
    return found


def _folders(samples: Sequence[Mapping[str, Any]]) -> Points:
    found: Points = {}
    for sample in samples:
        for name, (size, _) in sample["folders"].items():
            found.setdefault(name, []).append((sample["seconds"], size / MB))
    return found


def _page(
    facts: Mapping[str, Any],
    samples: Sequence[Mapping[str, Any]],
    working: Sequence[Mapping[str, Any]],
    measures: Mapping[str, Points],
    events: Sequence[Mapping[str, Any]],
) -> str:
    minutes = working[-1]["seconds"] / 60
    loads = [sample["load"] for sample in working]
    parts = [
        "# Two hours of ordinary work",
        "`python benchmarks/operations/soak.py run --out soak`, then `python benchmarks/operations/soak.py page --out"
        " soak`.",
        f"A chain (anvil, a block every 2 s), {facts['nodes']} nodes, a verifier and the creator as real processes on"
        f" loopback, rounds of {facts['round_seconds']} s with 64 completions a node. {minutes:.0f} minutes of them"
        f" were sampled, {len(working)} times; the machine's load was {min(loads):.1f} to {max(loads):.1f},"
        f" {sum(loads) / len(loads):.1f} on average, on 2 cores.",
        "`node-1` is a publisher, `node-1/1` its rollout process, `node-1/2` its trainer. RSS counts memory that forked"
        " processes share in each of them; PSS divides it.",
        "anvil keeps the state of every block in memory, and is the only one that has to grow. Open files move with"
        " the connections that a process keeps for reuse: at most eight to each server.",
        "![Memory, open files, threads and data folders over time](soak.svg)",
        "## What happened",
        _outcome(facts, events),
        "## Slopes",
        f"Lines through means of {BLOCK_SECONDS // 60} minutes, without the first {WARM_UP_SECONDS // 60}. ± is the"
        " standard error; a slope within two of them is not told from zero, and is marked *flat*.",
        *(_table(title, points) for title, points in measures.items()),
        "## Processor",
        _processor(working),
    ]
    return "\n\n".join(parts) + "\n"


def _outcome(facts: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> str:
    committed = Counter(event["source"] for event in events if event["event"] == "committed")
    rounds = {(event["source"], event["round"]) for event in events if event["event"] == "committed"}
    slashed = sum(event["event"] == "slashed" for event in events)
    checked = len({(event["node"], event["sequence"]) for event in events if event["event"] == "verdict"})
    refuted = sum(event["event"] == "verdict" and not event["passed"] for event in events)
    errors = Counter(
        (event["source"].partition("-")[0], str(event["message"])[:90])
        for event in events
        if event["event"] == "error"
    )
    ends = {event["source"]: event["code"] for event in events if event["event"] == "process-ended"}
    lines = [
        f"| rounds of the task | {facts['rounds']} |",
        "|---|---:|",
        *(f"| rounds that {name} committed | {count} |" for name, count in sorted(committed.items())),
        f"| commitments for a round that had one | {sum(committed.values()) - len(rounds)} |",
        f"| nodes slashed | {slashed} |",
        f"| commitments that the verifier looked at | {checked} |",
        f"| of its checks, refuted | {refuted} |",
        *(f"| {name} ended with code | {code} |" for name, code in sorted(ends.items())),
    ]
    told = [f"- {who}, {count} times: {what}" for (who, what), count in errors.most_common(8)]
    return "\n".join(lines) + (
        "\n\nErrors that were reported:\n\n" + "\n".join(told) if told else "\n\nNo error was reported."
    )


def _table(title: str, points: Points) -> str:
    lines = [
        f"| {title} | mean | first, last | an hour | ± | a week at that | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, series in sorted(points.items()):
        line = slope_of([point for point in series if point[0] >= WARM_UP_SECONDS], BLOCK_SECONDS)
        lines.append(_row(name, series, line))
    return "\n".join(lines)


def _row(name: str, series: Sequence[tuple[float, float]], line: Slope | None) -> str:
    ends = f"{series[0][1]:.4g}, {series[-1][1]:.4g}"
    if line is None:
        return f"| {name} | {series[-1][1]:.4g} | {ends} | too short | | | |"
    verdict = "flat" if line.is_flat else "grows" if line.per_hour > 0 else "shrinks"
    numbers = f"{line.per_hour:+.3g} | {line.standard_error:.2g} | {line.per_hour * 168:+.3g}"
    return f"| {name} | {line.mean:.4g} | {ends} | {numbers} | {verdict} |"


def _processor(samples: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| process | % of a core |", "|---|---:|"]
    spans = _series(samples, lambda usage: usage.cpu_seconds)
    for name, series in sorted(spans.items()):
        (first, before), (last, after) = series[0], series[-1]
        if last > first:
            lines.append(f"| {name} | {100 * (after - before) / (last - first):.1f} |")
    return "\n".join(lines)
