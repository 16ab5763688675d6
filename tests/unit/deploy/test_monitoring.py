"""Alarms and dashboard ask for what nodes and verifiers tell, and for nothing else.

promtool examines the rules as well, and rings each with the series of alerts.yml beside this file, where it is
installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cupel.node import meters as node
from cupel.verifier import meters as verifier

yaml = pytest.importorskip("yaml")

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "monitoring"
RUNG = Path(__file__).with_name("alerts.yml")
KNOWN = {node.PREFIX + name for name in node.HELP} | {verifier.PREFIX + name for name in verifier.HELP}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    dashboard = json.loads((FOLDER / "grafana" / "cupel.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + panels


def names(expression: str) -> set[str]:
    without_labels = re.sub(r"\{[^}]*\}", "", expression)
    return set(re.findall(r"cupel_\w+", without_labels))


def test_every_metric_that_is_asked_for_is_told() -> None:
    asked = set().union(*map(names, expressions()))
    assert asked <= KNOWN
    assert len(asked) > 15


def test_what_costs_the_stake_has_an_alarm() -> None:
    watched = set().union(*(names(rule["expr"]) for rule in rules()))
    for name in (
        "slashed_total",
        "demand_seconds",
        "challenges",
        "gas_left",
        "failing",
        "chain_time",
        "rounds_total",
    ):
        assert node.PREFIX + name in watched


def test_every_alarm_says_what_to_do() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "remedy"}
        assert rule["labels"]["severity"] in ("stake", "page", "ticket")
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_every_alarm_is_rung() -> None:
    document = yaml.safe_load(RUNG.read_text())
    rung = {
        rule["alertname"]
        for test in document["tests"]
        for rule in test["alert_rule_test"]
        if rule["exp_alerts"]
    }
    assert rung == {rule["alert"] for rule in rules()}


def test_panels_have_places_of_their_own() -> None:
    panels = json.loads((FOLDER / "grafana" / "cupel.json").read_text())["panels"]
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_promtool_takes_them() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    subprocess.run([promtool, "check", "rules", FOLDER / "alerts.yml"], check=True)
    subprocess.run([promtool, "check", "config", FOLDER / "prometheus.yml"], check=True)
    subprocess.run([promtool, "test", "rules", RUNG], check=True)
