"""SHARDCAST beside the package `shardcast`: transfers and faults, both systems in one run on loopback.

    python benchmarks/shardcast/run.py --json benchmarks/results/shardcast.json > benchmarks/results/shardcast.md
    python benchmarks/shardcast/run.py --part chain --part faults --megabytes 64

Parts, with the size of their file:

    chain     1000 MB     origin, a relay, one receiver
    fanout    1024 MiB    one origin to four receivers
    capped    64 MiB      every node's upload limited to 10 MB/s, to 4, 8 and 16 receivers
    growth    128 MiB     one origin to 2, 4, 8 and 16 receivers, no limit
    faults    128 MB      what goes wrong, one after the other

The package is installed once into .differential/, apart from the project's own; it needs the program wget. The report
goes to standard output as Markdown, progress to standard error. Exit code 1 if ours does not survive a fault.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import limits
import namespace
import original
from bench import MEBIBYTE, Bench
from ours import start_cpu_seconds
from parts import PARTS, Result, Settings, file_system, say
from report import limits_line, paragraph
from transfers import OURS, THEIRS

LIMITS_BYTES = 512 * MEBIBYTE


def default_places() -> list[Path]:
    """Memory, where there is such a file system, and the disk of temporary files."""
    memory = Path("/dev/shm")
    places = [memory] if memory.is_dir() else []
    temporary = Path(tempfile.gettempdir())
    return places if places and file_system(temporary) == "tmpfs" else [*places, temporary]


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="all of them without this")
    parser.add_argument("--only", choices=["original", "ours"], help="one of the two systems")
    parser.add_argument("--megabytes", type=int, help="size of every part's file")
    parser.add_argument("--rounds", type=int, default=1, help="of each transfer; the fastest counts")
    parser.add_argument("--most-receivers", type=int, default=16)
    parser.add_argument("--place", action="append", type=Path, help="folder to work in; may be repeated")
    parser.add_argument("--patience-seconds", type=float, default=20.0, help="for the original under faults")
    parser.add_argument("--fault", default="", help="only faults with this in their name")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    return parser.parse_args(arguments)


def failures(results: Sequence[Result]) -> list[str]:
    """Faults that ours did not survive."""
    return [
        fault
        for result in results
        for fault, system, outcome in result.outcomes
        if system == OURS and not outcome.is_survived
    ]


def head(arguments: Sequence[str], is_apart: bool) -> str:
    """Title, machine and how to read the numbers."""
    command = shlex.join(["python", "benchmarks/shardcast/run.py", *arguments])
    wire = "this run alone" if is_apart else "the whole machine: no network namespace is allowed here"
    notes = (
        f"{platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}. Everything on "
        "127.0.0.1. Wall time runs from the command to publish to the last receiver's verified file; the original's "
        "processes are up before, ours start within it (`of it start`: until the first receiving one is up). CPU "
        "time is all processes', from their start to their end. Every file was compared by SHA-256 afterwards. "
        f"`wire`: bytes of the loopback device, of {wire}. `x least`: times what hashing once per copy and sending "
        "every copy costs here at least (below), on all processors. The original polls every second instead of "
        "every 30."
    )
    return f"# SHARDCAST beside {THEIRS}\n\n`{command}`\n\n{paragraph(notes)}"


def start_line(settings: Settings) -> str:
    """What the start of each of our processes costs, which its CPU time includes; nothing without ours."""
    if not settings.is_ours:
        return ""
    with Bench(settings.places[0]) as bench:
        return f"Starting one `cupel shards` takes {start_cpu_seconds(bench):.2f} CPU s."


def main() -> None:
    """Run the parts and print the report."""
    # Ended by SIGTERM, it still ends its children and removes its files.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    arguments = sys.argv[1:]
    options = options_of(arguments)
    try:
        python = None if options.only == "ours" else original.install()
    except original.NotInstallable as problem:
        sys.exit(f"{problem}, or run with --only ours")
    is_apart = namespace.enter()
    settings = Settings(
        places=options.place or default_places(),
        python=python,
        is_ours=options.only != "original",
        megabytes=options.megabytes,
        rounds=options.rounds,
        most_receivers=options.most_receivers,
        patience_seconds=options.patience_seconds,
        fault=options.fault,
    )
    print(head(arguments, is_apart), flush=True)
    measured = limits.measure(min(LIMITS_BYTES, max(64, options.megabytes or 512) * MEBIBYTE))
    print(paragraph(f"{limits_line(measured)} {start_line(settings)}"), end="", flush=True)
    results = []
    for name in options.part or PARTS:
        say(f"== {name}")
        results.append(PARTS[name](settings, measured))
        print(f"\n## {results[-1].title}\n{results[-1].text}", end="", flush=True)
    if options.json:
        numbers = {
            "limits": dataclasses.asdict(measured),
            "parts": [dataclasses.asdict(one) for one in results],
        }
        options.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    if failed := failures(results):
        sys.exit(f"ours did not survive: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
