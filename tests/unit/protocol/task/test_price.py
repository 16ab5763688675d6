"""A plan's price in the creator's words, and the gas it counts with as the contracts measure it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.environments.base import check_fit, get_environment
from cupel.protocol.spec.task import NOTHING_PINNED, Aggregation, check_task
from cupel.protocol.task import price
from cupel.protocol.task.cli import app
from cupel.protocol.task.plan import TaskPlan, load_plan

ROOT = Path(__file__).parents[4]


@pytest.fixture
def plan(tmp_path: Path) -> TaskPlan:
    path = tmp_path / "task.toml"
    assert CliRunner().invoke(app, ["new", str(path)]).exit_code == 0
    return load_plan(path)


def test_the_template_is_a_task_that_can_be_worked_on(plan: TaskPlan) -> None:
    address = "0x" + "1" * 40
    params = plan.params(address, address, bytes(32), 0, NOTHING_PINNED, ())
    check_task(params, plan.spec)
    check_fit(params, plan.spec, get_environment(plan.spec.environment))


def test_a_bounty_pays_so_many_nodes_and_a_rest(plan: TaskPlan) -> None:
    whole = price.price_of(plan)
    assert whole.nodes * whole.units_of_a_node == whole.units
    assert whole.nodes * whole.pay_of_a_node == whole.bounty
    more = dataclasses.replace(plan.terms, bounty=str(plan.bounty + 7 * int(plan.terms.rate)))
    found = price.price_of(dataclasses.replace(plan, terms=more))
    assert (found.nodes, found.units_left) == (whole.nodes, 7)
    assert any("7 rollouts are left" in line for line in price.lines(found, 18))


@pytest.mark.parametrize(
    ("amount", "text"), [(10**18, "1 tokens"), (15 * 10**17, "1.5 tokens"), (1, "0.000000000000000001 ")]
)
def test_amounts_are_whole_tokens(plan: TaskPlan, amount: int, text: str) -> None:
    found = dataclasses.replace(price.price_of(plan), bond=amount)
    assert f"a bond of {text}" in "\n".join(price.lines(found, 18))


@pytest.mark.parametrize(
    ("aggregation", "count"),
    [
        (Aggregation(1, 1, 0, 1), 0),
        (Aggregation(1, 1, 9, 10), 0),
        (Aggregation(1, 1, 1, 2, "sparse-8"), 0),
        (Aggregation(1, 1, 9, 10, "sparse-8"), 1),
        (Aggregation(1, 1, 9, 10, "sparse-8", "trimmed-mean", 1), 2),
        (Aggregation(1, 1, 9, 10, "mxint4", "trimmed-mean", 1), 0),
    ],
)
def test_what_measurements_speak_against_is_told(
    plan: TaskPlan, aggregation: Aggregation, count: int
) -> None:
    changed = dataclasses.replace(plan, spec=dataclasses.replace(plan.spec, aggregation=aggregation))
    assert len(price.cautions(changed)) == count


def test_no_token_has_to_have_decimals(plan: TaskPlan) -> None:
    assert f"{plan.bounty:,} tokens" in price.lines(price.price_of(plan), 0)[0]


def test_gas_is_what_the_snapshots_say() -> None:
    measured = json.loads((ROOT / "snapshots" / "Hub.json").read_text())
    assert int(measured["createTask, the first in its token"]) == price.CREATE_GAS
    assert int(measured["refund, first credit"]) == price.REFUND_GAS
    assert int(measured["withdraw"]) == price.WITHDRAW_GAS


def test_the_commands_print_it_and_refuse_to_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "task.toml"
    CliRunner().invoke(app, ["new", str(path)])
    shown = CliRunner().invoke(app, ["price", "--plan", str(path)])
    assert (shown.exit_code, "10 from the first round" in shown.stdout) == (0, True)
    values = json.loads(CliRunner().invoke(app, ["price", "--plan", str(path), "--json"]).stdout)
    assert values["bounty"] == "1024000000000000000000"
    before = path.read_text()
    again = CliRunner().invoke(app, ["new", str(path)])
    assert isinstance(again.exception, ConfigError)
    assert path.read_text() == before
