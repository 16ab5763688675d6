"""Which lines and branches of the parsers the cases reach, for tools/fuzz_parsers.py, by coverage.py."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    reached: int
    known: int

    def __str__(self) -> str:
        return f"{self.reached} of {self.known}"


@dataclass(frozen=True)
class Reached:
    """What a parser's cases reached of the functions that they entered."""

    lines: Share
    branches: Share
    functions: int
    missing: tuple[str, ...]
    """Lines that were not reached, as file:lines."""


class Measure:
    """Counts from its first parser on: what was loaded before is no part of any."""

    def __init__(self) -> None:
        import coverage

        self._folder = Path(tempfile.mkdtemp(prefix="cupel-fuzz-"))
        self._coverage = coverage.Coverage(
            data_file=str(self._folder / "coverage"),
            branch=True,
            include=[str(ROOT / name / "*") for name in ("protocol", "node", "verifier")],
            config_file=False,
            messages=False,
        )
        self._names: list[str] = []

    def begin(self, name: str) -> None:
        """What comes now is this parser's."""
        if not self._names:
            self._coverage.start()
        self._names.append(name)
        self._coverage.switch_context(name)

    def end(self) -> dict[str, Reached]:
        """By parser, and under the empty name of all together."""
        self._coverage.stop()
        path = self._folder / "report.json"
        self._coverage.json_report(outfile=str(path))
        files: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["files"]
        functions = [
            (str((ROOT / file).resolve()), told)
            for file, found in files.items()
            for function, told in found["functions"].items()
            if function
        ]
        return {name: self._reached(name, functions) for name in ("", *self._names)}

    def _reached(self, name: str, functions: list[tuple[str, Any]]) -> Reached:
        data = self._coverage.get_data()
        data.set_query_context(name) if name else data.set_query_contexts(None)
        lines = {file: set(data.lines(file) or ()) for file in data.measured_files()}
        arcs = {file: set(data.arcs(file) or ()) for file in data.measured_files()}
        found = [0, 0, 0, 0, 0]
        missing = []
        for file, told in functions:
            statements = {*told["executed_lines"], *told["missing_lines"]}
            branches = {tuple(one) for kind in ("executed", "missing") for one in told[f"{kind}_branches"]}
            executed = statements & lines.get(file, set())
            if not executed:
                continue
            counts = (len(executed), len(statements), len(branches & arcs[file]), len(branches), 1)
            found = [sum(pair) for pair in zip(found, counts, strict=True)]
            missing += [f"{Path(file).relative_to(ROOT)}:{line}" for line in sorted(statements - executed)]
        return Reached(Share(*found[:2]), Share(*found[2:4]), found[4], tuple(missing))
