"""The check after a deployment: reads the chain, compares it with the plan, and writes the nodes' file."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Final

from cupel.networks.artefact import read_artefact
from cupel.networks.compare import Check, compare
from cupel.networks.endpoint import Endpoint
from cupel.networks.network import read_network
from cupel.networks.observe import created, observe
from cupel.networks.plan import Plan, make_plan, read_list
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import ChainError
from cupel.protocol.config import ConfigError

CONTRACTS: Final = Path("deploy/script/contracts.toml")
NETWORKS: Final = Path("deploy/networks")
_TOKEN: Final = "jury.token"
_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


def load_plan(root: Path, network_path: Path) -> Plan:
    """The plan of a network, with the contracts built in the checkout. ConfigError if it cannot be made."""
    return make_plan(
        read_network(network_path), read_list(root / CONTRACTS), lambda name: read_artefact(root, name)
    )


async def check(plan: Plan, rpc_url: str, out: Path, first_block: int | None) -> tuple[Check, ...]:
    """Compare the chain with the plan; if nothing differs, write the deployment file `out`.

    `first_block` stands for the block of the hub's creation where the endpoint does not know it. ConfigError or
    ChainError if the check cannot be made.
    """
    async with Endpoint(rpc_url) as endpoint:
        checks = compare(plan, await observe(endpoint, plan))
        if all(check.passed for check in checks):
            _write(deployment_of(plan, await _first_block(endpoint, plan, first_block)), out)
    return checks


def deployment_of(plan: Plan, first_block: int) -> Deployment:
    """The nodes' file. A contract that they know is on the list, or this version does not fit together."""
    addresses = {_CAPITAL.sub("_", each.name).lower(): each.address for each in plan.contracts}
    token = plan.network.parameters[_TOKEN]
    addresses["token"] = plan.outside.get(_TOKEN) or next(
        each.address for each in plan.contracts if each.name == token
    )
    names = {field.name for field in dataclasses.fields(Deployment)} - {"chain_id", "first_block"}
    return Deployment(plan.network.chain_id, first_block, **{name: addresses[name] for name in names})


async def _first_block(endpoint: Endpoint, plan: Plan, given: int | None) -> int:
    """Block of the hub's creation, or the given earlier one."""
    hub = next(each.address for each in plan.contracts if each.name == "Hub")
    remedy = (
        "Name the block of its creation with --first-block: explorers show it, forge wrote it to broadcast/"
    )
    try:
        block = await created(endpoint, hub)
    except ChainError as error:
        if given is None:
            problem = f"the endpoint does not tell when the hub was created ({error})"
            raise ConfigError("first-block", problem, remedy) from None
        block = await endpoint.head()  # all that is known: it is there now
    if given is not None and given > block:
        raise ConfigError("first-block", f"the hub was there before block {given}", remedy)
    return block if given is None else given


def _write(deployment: Deployment, path: Path) -> None:
    try:
        deployment.write(path)
    except OSError as error:
        raise ConfigError(
            "out", f"cannot write {path} ({error.strerror})", "Name another file with --out"
        ) from None
