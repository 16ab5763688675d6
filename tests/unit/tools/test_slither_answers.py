"""Findings and answers are paired: an open finding and a stale answer are both told."""

from __future__ import annotations

from typing import Any

import pytest
from slither_answers import Finding, SlitherProblem, compare, parse_answers, parse_findings

TABLE = """
| detector | where | answer |
|---|---|---|
| `timestamp` | anywhere | times are times |
| `assembly` | Hub._hash, Judge.open | twins |
| `weak-prng` | Hub._bit | |
"""


def function(name: str, contract: str) -> dict[str, Any]:
    parent = {"type": "contract", "name": contract}
    return {"type": "function", "name": name, "type_specific_fields": {"parent": parent}}


def report(*found: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    detectors = [{"check": check, "elements": [element]} for check, element in found]
    return {"success": True, "error": None, "results": {"detectors": detectors}}


def test_a_finding_is_named_by_contract_and_function() -> None:
    local = {"type": "variable", "name": "x", "type_specific_fields": {"parent": function("open", "Judge")}}
    found = parse_findings(report(("assembly", function("_hash", "Hub")), ("uninitialized-local", local)))
    assert found == {Finding("assembly", "Hub._hash"), Finding("uninitialized-local", "Judge.open")}


def test_a_report_of_a_failure_is_no_report() -> None:
    with pytest.raises(SlitherProblem, match="no compiler"):
        parse_findings({"success": False, "error": "no compiler"})


def test_a_row_without_an_answer_answers_nothing() -> None:
    assert parse_answers(TABLE) == {
        Finding("timestamp", "anywhere"),
        Finding("assembly", "Hub._hash"),
        Finding("assembly", "Judge.open"),
    }


def test_open_findings_and_stale_answers_are_told() -> None:
    findings = {
        Finding("timestamp", "Hub.exit"),
        Finding("assembly", "Hub._hash"),
        Finding("weak-prng", "Hub._bit"),
    }
    assert compare(findings, parse_answers(TABLE)) == [
        "no answer: weak-prng in Hub._bit",
        "no such finding: assembly in Judge.open",
    ]


def test_nothing_is_wrong_when_all_are_paired() -> None:
    assert compare({Finding("timestamp", "Hub.exit")}, {Finding("timestamp", "anywhere")}) == []
