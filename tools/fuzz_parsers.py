"""Throw damaged and hostile bytes at every parser of what strangers send.

    python tools/fuzz_parsers.py [--seed N] [--seconds S] [--only PARSER] [--first CASE --count N] [--coverage]

Each case takes a valid input of a parser, damages it (bytes changed, cut, doubled, brackets, large numbers; or a value
of a document replaced and its form kept) or makes bytes of its own, and demands a value or the parser's own refusal.
Any other exception is a finding, as is a case of more than a second; the run ends with 1 if there are any, and tells
how to repeat them. A case depends on the seed, the parser and its number. Every parser has the same time.

--coverage tells which lines and branches were reached of the functions that a parser enters, by coverage.py, which
makes a case some three times as slow; --missing names the lines that were not.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fuzz_coverage import Measure
from fuzz_damage import damaged
from fuzz_form import Target
from fuzz_targets import targets

SLOW_SECONDS = 1.0
"""No input of these sizes may take a core this long."""
EXPECTED = ("taken", "refused")


@dataclass
class Outcomes:
    """What became of a parser's cases."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """By what came out, the first case and its bytes."""


def examine(target: Target, data: bytes) -> str:
    """What became of a case: taken, refused, or a finding."""
    began = time.thread_time()
    try:
        target.parse(data)
        outcome = "taken"
    except target.refusals:
        outcome = "refused"
    except Exception as error:  # whatever else comes out is what is looked for
        outcome = f"{type(error).__name__}: {error}"[:120]
    seconds = time.thread_time() - began
    return f"slow: {seconds:.1f} s of CPU" if seconds > SLOW_SECONDS else outcome


def case(seed: int, name: str, number: int, target: Target) -> bytes:
    """The bytes of a case."""
    return damaged(random.Random(f"{seed}/{name}/{number}"), target.seeds, target.form)


def fuzz(seed: int, name: str, target: Target, numbers: Sequence[int], until: float) -> Outcomes:
    """These cases of one parser, as far as the time goes."""
    outcomes = Outcomes()
    for number in numbers:
        if time.monotonic() >= until:
            break
        data = case(seed, name, number, target)
        outcome = examine(target, data)
        outcomes.counts[outcome if outcome in EXPECTED else "findings"] += 1
        if outcome not in EXPECTED:
            outcomes.findings.setdefault(outcome.split(":")[0], (number, data))
            outcomes.counts[outcome.split(":")[0]] += 1
    return outcomes


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all parsers together")
    parser.add_argument("--only", help="one parser, by its name")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--count", type=int, default=2**31)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--missing", action="store_true", help="with --coverage: lines that were not reached")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of libraries, about what they were given
    known = {name: one for name, one in targets().items() if given.only in (None, name)}
    numbers = range(given.first, given.first + given.count)
    measure = Measure() if given.coverage else None
    found: dict[str, Outcomes] = {}
    for name, target in known.items():
        if measure is not None:
            measure.begin(name)
        found[name] = fuzz(
            given.seed, name, target, numbers, time.monotonic() + given.seconds / max(1, len(known))
        )
    return report(given.seed, found, measure, given.missing)


def report(seed: int, found: dict[str, Outcomes], measure: Measure | None, missing: bool) -> int:
    """A table as benchmarks/results has it; 1 if there are findings."""
    total = sum(sum(one.counts[kind] for kind in (*EXPECTED, "findings")) for one in found.values())
    print(f"seed {seed}, {total} cases\n")
    reached = {} if measure is None else measure.end()
    columns = ["parser", "cases", "taken", "refused", "findings", *(["lines", "branches"] if reached else [])]
    print("| " + " | ".join(columns) + " |\n|---|" + "---:|" * (len(columns) - 1))
    for name, one in found.items():
        counts = [one.counts[kind] for kind in (*EXPECTED, "findings")]
        cells = [name, *(f"{count:,}" for count in (sum(counts), *counts))]
        cells += [str(reached[name].lines), str(reached[name].branches)] if reached else []
        print("| " + " | ".join(cells) + " |")
    if reached:
        whole = reached[""]
        print(
            f"\nAll together: {whole.lines} lines and {whole.branches} branches of {whole.functions} functions."
        )
    if missing:
        for name in found:
            print(f"{name}: not reached: {', '.join(reached[name].missing) or 'nothing'}")
    for name, one in found.items():
        for outcome, (number, data) in one.findings.items():
            told = f"{one.counts[outcome]} times; --seed {seed} --only '{name}' --first {number} --count 1"
            print(f"\n{name}: {outcome}: {data[:80].hex()} ({len(data)} bytes); {told}")
    return 1 if any(one.findings for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
