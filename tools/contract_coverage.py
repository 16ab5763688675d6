"""Measure which lines and branches of contracts/ the tests reach.

    python tools/contract_coverage.py                    # measure, minutes
    python tools/contract_coverage.py a.lcov b.lcov      # judge traces that are there

Prints a table. Exit 1 below 98 % of lines or 95 % of branches, or where tests/contracts/unreached.toml and the traces
differ: each line and branch that is not reached has its reason there, and nothing else has.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
REASONS: Final = ROOT / "tests" / "contracts" / "unreached.toml"
SOURCES: Final = "contracts/"
LEAST_LINES: Final = 0.98
LEAST_BRANCHES: Final = 0.95
MATCH_TOPLOC: Final = "tests/contracts/**/Toploc*.t.sol"
PASSES: Final = (
    # This test bounds gas, which is greater without the optimiser.
    ("coverage", ("--no-match-test", "test_TheLargestDrawIsBounded")),
    ("coverage-toploc", ("--match-path", MATCH_TOPLOC)),
)
"""Profile in foundry.toml and further arguments of each run."""
FUZZ_RUNS: Final = "16"
"""Reaching a line once is enough, and instrumented code is slow."""


@dataclass(frozen=True, order=True, slots=True)
class Missing:
    """A line or a branch that was not reached; `code` is `code_of` its line."""

    source: str
    kind: str
    code: str


@dataclass(slots=True)
class Reach:
    """Line -> whether it was reached, and (line, branch) -> the same, of one source."""

    lines: dict[int, bool] = field(default_factory=dict)
    branches: dict[tuple[int, str], bool] = field(default_factory=dict)


class TraceProblem(Exception):
    """Forge did not measure; the text is what it said."""


def parse_lcov(text: str, found: dict[str, Reach]) -> None:
    """Add the reach of every source below contracts/. What any trace, or any compilation in it, reached is reached."""
    reach = Reach()
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            reach = found.setdefault(rest, Reach()) if rest.startswith(SOURCES) else Reach()
        elif kind == "DA":
            number, hits = rest.split(",")
            reach.lines[int(number)] = reach.lines.get(int(number), False) or int(hits) > 0
        elif kind == "BRDA":
            number, block, branch, taken = rest.split(",")
            key = (int(number), f"{block}.{branch}")
            reach.branches[key] = reach.branches.get(key, False) or taken not in ("-", "0")


def code_of(text: str, line: int) -> str:
    """Line `line` of `text`, from 1, without indentation; behind as many before it as make it the only such."""
    code = [each.strip() for each in text.splitlines()]
    for first in range(line - 1, -1, -1):
        part = code[first:line]
        if sum(code[i : i + len(part)] == part for i in range(len(code))) == 1:
            return " / ".join(part)
    return " / ".join(code[:line])


def missing_in(found: Mapping[str, Reach], read: Callable[[str], str]) -> set[Missing]:
    """What was not reached; `read` gives the text of a source."""
    missing = set()
    for source, reach in found.items():
        lines = [("line", line) for line, reached in reach.lines.items() if not reached]
        lines += [("branch", line) for (line, _), reached in reach.branches.items() if not reached]
        missing |= {Missing(source, kind, code_of(read(source), line)) for kind, line in lines}
    return missing


def parse_reasons(text: str) -> set[Missing]:
    """What the reviewed file has a reason for."""
    return {
        Missing(entry["source"], entry["kind"], entry["code"])
        for entry in tomllib.loads(text).get("unreached", [])
        if entry["reason"].strip()
    }


def compare(missing: set[Missing], explained: set[Missing]) -> list[str]:
    """What is wrong, in words: a line without a reason, or a reason without a line."""
    unnamed = [f"no reason: {m.kind} of {m.source}: {m.code}" for m in sorted(missing - explained)]
    stale = [f"it is reached: {m.kind} of {m.source}: {m.code}" for m in sorted(explained - missing)]
    return unnamed + stale


def ratio(reached: list[bool]) -> float:
    """Share that was reached; of nothing, all."""
    return sum(reached) / len(reached) if reached else 1.0


def table(found: Mapping[str, Reach]) -> list[str]:
    """One row for each source and one for all."""
    lines = [reached for reach in found.values() for reached in reach.lines.values()]
    branches = [reached for reach in found.values() for reached in reach.branches.values()]
    return [
        "| source | lines | branches |",
        "|---|---|---|",
        *(_row(name, [*r.lines.values()], [*r.branches.values()]) for name, r in sorted(found.items())),
        _row("all", lines, branches),
    ]


def _row(name: str, lines: list[bool], branches: list[bool]) -> str:
    of_branches = f"{ratio(branches):.1%} of {len(branches)}" if branches else ""
    return f"| {name} | {ratio(lines):.1%} of {len(lines)} | {of_branches} |"


def is_enough(found: Mapping[str, Reach]) -> bool:
    """Whether lines and branches of all sources together reach the least that is allowed."""
    lines = [reached for reach in found.values() for reached in reach.lines.values()]
    branches = [reached for reach in found.values() for reached in reach.branches.values()]
    return bool(lines) and ratio(lines) >= LEAST_LINES and ratio(branches) >= LEAST_BRANCHES


def measure(profile: str, arguments: tuple[str, ...], trace: Path) -> str:
    """Forge's LCOV trace of one run."""
    command = ["forge", "coverage", *arguments, "--report", "lcov", "--report-file", str(trace)]
    environment = os.environ | {"FOUNDRY_PROFILE": profile, "FOUNDRY_FUZZ_RUNS": FUZZ_RUNS}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TraceProblem(f"{profile}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return trace.read_text(encoding="utf-8")


def traces(arguments: list[str]) -> list[str]:
    """The traces of the named files, or of new runs."""
    if arguments:
        return [Path(name).read_text(encoding="utf-8") for name in arguments]
    with tempfile.TemporaryDirectory() as folder:
        return [measure(name, arguments, Path(folder) / f"{name}.lcov") for name, arguments in PASSES]


def read_source(name: str) -> str:
    """Text of a source, by its path from the repository's root."""
    return (ROOT / name).read_text(encoding="utf-8")


def main() -> int:
    """Print the table and what is wrong."""
    found: dict[str, Reach] = {}
    for text in traces(sys.argv[1:]):
        parse_lcov(text, found)
    missing = missing_in(found, read_source)
    problems = compare(missing, parse_reasons(REASONS.read_text(encoding="utf-8")))
    if not is_enough(found):
        problems.append(f"below {LEAST_LINES:.0%} of lines or {LEAST_BRANCHES:.0%} of branches")
    print("\n".join(table(found) + problems))
    print(f"coverage: {len(missing)} not reached, {len(problems)} problems with {REASONS.relative_to(ROOT)}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
