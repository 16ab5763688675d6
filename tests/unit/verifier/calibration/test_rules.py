"""Limits from honest numbers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from cupel.protocol.spec.task import Pooling, Thresholds
from cupel.verifier.calibration.audits import AUDIT_CHUNKS, SLACK_STEPS
from cupel.verifier.calibration.columns import COLUMNS, NAMES, PLACE
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.rules import DEPLOYED, PAPER, choose, pooling_of, rule_of, thresholds_of


def chunks(*rows: dict[str, int]) -> Integers:
    values = np.zeros((len(rows), len(NAMES)), dtype=np.int64)
    for place, row in enumerate(rows):
        for name, value in row.items():
            values[place, PLACE[name]] = value
    return values


def test_limits_lie_beyond_the_honest_maximum() -> None:
    rule = choose([chunks({"exponent": 8, "mean": 400}, {"exponent": 3, "sampling": 100})], 25)
    assert {name: rule.limits[name] for name in ("exponent", "mean", "median", "sampling")} == {
        "exponent": 10,
        "mean": 500,
        "median": 0,
        "sampling": 125,
    }


def test_no_honest_difference_leaves_the_least_slack() -> None:
    rule = choose([chunks({})], 25)
    slack = {column.name: column.slack for column in COLUMNS if column.slack is not None}
    assert {name: rule.limits[name] for name in slack} == slack


def test_a_chunk_at_the_limit_passes_and_beyond_it_does_not() -> None:
    rule = choose([chunks({"mean": 40})], 25)
    limit = rule.limits["mean"]
    assert rule.accepted(chunks({"mean": limit}, {"mean": limit + 1})).tolist() == [True, False]


@pytest.mark.parametrize(
    "name", ["constant", "off-support", "format", "repeated", "assignment", "reward", "ending"]
)
def test_one_fault_of_the_other_checks_refuses(name: str) -> None:
    rule = choose([chunks({})], 25)
    assert not rule.accepted(chunks({name: 1}))[0]


def test_published_rules_look_at_nothing_but_the_package_s_numbers() -> None:
    wrong = dict.fromkeys(("exponent", "sampling", "constant", "reward"), 10**6)
    assert PAPER.accepted(chunks(wrong))[0]
    edge = {"package-exponent": 38, "package-mean": 10_000, "package-median": 8_000}
    assert PAPER.accepted(chunks(edge))[0]
    for name in edge:
        assert not PAPER.accepted(chunks(edge | {name: edge[name] + 1}))[0]
        assert DEPLOYED.accepted(chunks(edge | {name: edge[name] + 1}))[0]


def test_a_rule_is_its_thresholds_and_back() -> None:
    rule = rule_of(Thresholds(4, 500, 1000), 77, "plan")
    assert thresholds_of(rule) == Thresholds(4, 500, 1000)
    assert set(rule.limits) == set(choose([chunks({})], 0).limits)


def test_endings_have_the_tolerance_of_all_tokens() -> None:
    rule = choose([chunks({"sampling": 100, "seeded-ending": 7})], 25)
    assert rule.limits["seeded-ending"] == rule.limits["sampling"] == 125


def audit(**sums: int) -> Integers:
    """One audit whose chunks have a hundred points each and, in the first, these numbers."""
    return np.concatenate([chunks({"points": 100} | sums), chunks(*[{"points": 100}] * (AUDIT_CHUNKS - 1))])


def test_an_audit_s_limit_is_beyond_the_worst_audit_of_any_engine() -> None:
    rule = choose([audit(errors=32), np.concatenate([audit(errors=64), audit()])], 25)
    assert pooling_of(rule) == Pooling(12_500)
    assert rule.refused_audits(audit(errors=80))[0].tolist() == [False, False, False]
    assert rule.refused_audits(audit(errors=81))[0].tolist() == [True, False, False]


def test_no_honest_error_leaves_a_few_steps_of_an_audit() -> None:
    rule = choose([audit()], 25)
    assert not rule.refused_audits(audit(errors=SLACK_STEPS))[0, 0]
    assert rule.refused_audits(audit(errors=SLACK_STEPS + 1))[0, 0]


def test_an_audit_passes_if_its_chunks_and_its_sums_do() -> None:
    rule = choose([audit(errors=64)], 25)
    audits = np.concatenate([audit(), audit(errors=81), audit(reward=1), audit(errors=80)])
    assert rule.accepted_audits(audits).tolist() == [True, False, False, True]
