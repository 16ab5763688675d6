"""Run slither over the contracts and hold its findings against the answers in docs/slither.md.

    python tools/slither_answers.py

Every finding needs a row `| detector | where | answer |`; where is `Contract.name` (several with commas) or `anywhere`.
Exit 1 if a finding has no answer, or an answer no finding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
ANSWERS: Final = ROOT / "docs" / "slither.md"
SLITHER: Final = ROOT / ".venv-audit" / "bin"
ANYWHERE: Final = "anywhere"


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """What a detector said about `where`, as Contract.name."""

    detector: str
    where: str


class SlitherProblem(Exception):
    """Slither did not run; the text is what it said."""


def place_of(element: dict[str, Any]) -> str:
    """Contract and name of a function or variable; of a local variable, its function's."""
    parent = element.get("type_specific_fields", {}).get("parent", {})
    if parent.get("type") == "function":
        return place_of(parent)
    return f"{parent['name']}.{element['name']}" if parent else str(element["name"])


def parse_findings(report: dict[str, Any]) -> set[Finding]:
    """The distinct findings of slither's JSON report."""
    if not report["success"]:
        raise SlitherProblem(str(report["error"]))
    detectors = report["results"].get("detectors", [])
    return {Finding(found["check"], place_of(found["elements"][0])) for found in detectors}


def parse_answers(text: str) -> set[Finding]:
    """The findings that the document's tables answer."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {
        Finding(row[0].strip(" `"), place.strip(" `"))
        for row in rows
        for place in row[1].split(",")
        if row[2].strip()
    }


def compare(findings: set[Finding], answers: set[Finding]) -> list[str]:
    """What is wrong, in words: nothing when every finding has its answer and every answer its finding."""
    found = findings | {Finding(finding.detector, ANYWHERE) for finding in findings}
    open_ = [f for f in findings if f not in answers and Finding(f.detector, ANYWHERE) not in answers]
    return [f"no answer: {finding.detector} in {finding.where}" for finding in sorted(open_)] + [
        f"no such finding: {answer.detector} in {answer.where}" for answer in sorted(answers - found)
    ]


def run_slither() -> dict[str, Any]:
    """Slither's report on the contracts alone."""
    environment = os.environ | {"FOUNDRY_PROFILE": "audit", "PATH": f"{SLITHER}:{os.environ['PATH']}"}
    command = [str(SLITHER / "slither"), ".", "--config-file", "slither.config.json", "--json", "-"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise SlitherProblem(done.stderr[-2000:])
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main() -> int:
    """Print what is wrong."""
    findings = parse_findings(run_slither())
    problems = compare(findings, parse_answers(ANSWERS.read_text(encoding="utf-8")))
    for problem in problems:
        print(problem)
    print(f"slither: {len(findings)} findings, {len(problems)} problems with docs/slither.md")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
