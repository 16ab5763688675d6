"""Results as Markdown tables."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from limits import Limits
from outcomes import Outcome
from transfers import Transfer

WIDTH = 118


def paragraph(text: str) -> str:
    """Text in lines of the project's width."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells."""
    lines = [f"| {' | '.join(line)} |" for line in (titles, *rows)]
    return "\n".join([lines[0], "|---" * len(titles) + "|", *lines[1:]]) + "\n"


def transfers_table(transfers: Sequence[Transfer], limits: Limits) -> str:
    """One line per transfer, with its distance to what the machine could do at most."""
    titles = [
        "",
        "layout",
        "s",
        "of it start",
        "MB/s per receiver",
        "CPU s",
        "MB per CPU s",
        "wire / file",
        "x least s",
        "x least CPU",
    ]
    rows = []
    for one in transfers:
        least = limits.least_seconds(one.file_bytes, one.copies)
        least_cpu = limits.least_cpu_seconds(one.file_bytes, one.copies)
        rows.append(
            [
                f"{one.system}, {one.receivers} receiver{'s' if one.receivers > 1 else ''}",
                one.layout,
                f"{one.seconds:.1f}",
                f"{one.start_seconds:.1f}",
                f"{one.megabytes_per_second:.0f}",
                f"{one.cpu_seconds:.1f}",
                f"{one.megabytes_per_cpu_second:.0f}",
                f"{one.wire_bytes / one.file_bytes:.2f}",
                f"{one.seconds / least:.1f}",
                f"{one.cpu_seconds / least_cpu:.1f}",
            ]
        )
    return table(titles, rows)


def capped_table(transfers: Sequence[Transfer], limit: int) -> str:
    """Times over size / uplink, from when the first receiver was up."""
    rows = []
    for one in transfers:
        seconds, floor = one.seconds - one.start_seconds, one.file_bytes / limit
        rows.append(
            [
                f"{one.system}, {one.receivers} receivers",
                one.layout,
                f"{seconds:.2f}",
                f"{seconds / floor:.3f}",
                f"{one.stagger_seconds:.2f}",
                f"{one.cpu_seconds:.1f}",
                f"{one.wire_bytes / one.file_bytes:.2f}",
            ]
        )
    return table(["", "layout", "s", "x size / uplink", "last up after s", "CPU s", "wire / file"], rows)


def limits_line(limits: Limits) -> str:
    """What the machine can do, in a sentence."""
    return (
        f"In the same run, on {limits.processors} processors: SHA-256 (hashlib, one core) "
        f"{limits.hash_rate / 1e6:.0f} MB/s, {1e9 * limits.hash_cpu:.2f} CPU s per GB; one TCP stream through loopback "
        f"{limits.loopback_rate / 1e6:.0f} MB/s, {1e9 * limits.loopback_cpu:.2f} CPU s per GB on both sides."
    )


def faults_table(outcomes: Mapping[str, Mapping[str, Outcome]]) -> str:
    """One line per fault, one column per system."""
    systems = list(dict.fromkeys(system for row in outcomes.values() for system in row))
    rows = [
        [fault, *(str(row[system]) if system in row else "not run" for system in systems)]
        for fault, row in outcomes.items()
    ]
    return table(["fault", *systems], rows)
