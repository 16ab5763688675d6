"""The shipped list against the built contracts, and the file that nodes get."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

from cupel.networks.check import deployment_of, load_plan
from cupel.networks.report import addresses_table
from cupel.protocol.chain.deployments import Deployment

ROOT = Path(__file__).resolve().parents[3]
NETWORKS = ROOT / "deploy" / "networks"


def test_the_deployment_file_has_the_planned_addresses() -> None:
    plan = load_plan(ROOT, NETWORKS / "anvil.toml")
    places = {each.name: each.derived for each in plan.contracts}
    deployment = deployment_of(plan, 7)
    assert (deployment.chain_id, deployment.first_block) == (31337, 7)
    assert (deployment.hub, deployment.token) == (places["Hub"], places["TestToken"])
    addresses = {value for value in dataclasses.asdict(deployment).values() if isinstance(value, str)}
    # Nobody calls the judge's steps but the judge, and it tells where its judge of versions is.
    known = places.keys() - {"CanonicalSteps", "AggregateJudge"}
    assert addresses == {places[name] for name in known}


def test_the_token_of_a_public_network_is_its_own() -> None:
    plan = load_plan(ROOT, NETWORKS / "template.toml")
    assert "TestToken" not in {each.name for each in plan.contracts}
    assert deployment_of(plan, 0).token == "0x0000000000000000000000000000000000000000"


def test_equal_parameters_give_equal_addresses_on_every_chain() -> None:
    local, public = (load_plan(ROOT, NETWORKS / f"{name}.toml") for name in ("anvil", "template"))
    one, other = ({each.name: each.derived for each in plan.contracts} for plan in (local, public))
    same = {name for name in one if one[name] == other.get(name)}
    assert same >= {"Hub", "ObjectiveJudge", "SortingReward"}
    assert "JuryJudge" not in same


def test_the_plan_prints_what_the_file_takes() -> None:
    plan = load_plan(ROOT, NETWORKS / "anvil.toml")
    printed = tomllib.loads(addresses_table(plan))
    assert printed == {"addresses": {each.name: each.derived for each in plan.contracts}}
    assert isinstance(deployment_of(plan, 0), Deployment)
