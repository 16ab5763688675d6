"""`cupel deploy`: what a network's file means, and whether a chain is as it says."""

from __future__ import annotations

import asyncio
import json as json_text
from pathlib import Path
from typing import Annotated, Final

import typer

from cupel.protocol.waiting import waiting

EXIT_DIFFERS: Final = 1

app = typer.Typer(help="Plan the contracts of a network, and check them on its chain.", no_args_is_help=True)

Network = Annotated[str, typer.Option(help="A file of deploy/networks, or its name: anvil.")]


@app.callback()
def _root() -> None:
    """Commands of whoever deploys, and of whoever wants to know what is deployed."""


@app.command()
def plan(network: Network) -> None:
    """Print the addresses that the built contracts will have, as the [addresses] of the network's file.

    Example: cupel deploy plan --network deploy/networks/anvil.toml
    """
    from cupel.devnet.project import project_root
    from cupel.networks.check import NETWORKS, load_plan
    from cupel.networks.network import find_network
    from cupel.networks.report import addresses_table

    root = project_root()
    print(addresses_table(load_plan(root, find_network(network, root / NETWORKS))))


@app.command()
def check(
    network: Network,
    rpc_url: Annotated[str, typer.Option("--rpc-url", "--rpc", help="JSON-RPC endpoint of the chain.")],
    out: Annotated[Path, typer.Option(help="Deployment file for nodes, written if nothing differs.")] = Path(
        "deployment.json"
    ),
    first_block: Annotated[
        int | None, typer.Option(help="Block of the hub's creation; by default it is looked up.", min=0)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Read the chain and compare it with the network's file and the built contracts.

    Exit code 0 if nothing differs, 1 if something does.

    Example: cupel deploy check --network anvil --rpc-url http://127.0.0.1:8545
    """
    from cupel.devnet.project import project_root
    from cupel.networks.check import NETWORKS, load_plan
    from cupel.networks.check import check as run_check
    from cupel.networks.network import find_network
    from cupel.networks.report import as_json, check_line

    root = project_root()
    planned = load_plan(root, find_network(network, root / NETWORKS))
    with waiting("comparing the chain with the network's file"):
        checks = asyncio.run(run_check(planned, rpc_url, out, first_block))
    differences = sum(not each.passed for each in checks)
    if json:
        print(json_text.dumps(as_json(planned, checks, None if differences else str(out))))
    else:
        for each in checks:
            print(check_line(each))
        written = f"written to {out}" if not differences else "no deployment file was written"
        print(f"{len(checks)} checks, {differences} differences; {written}")
    raise typer.Exit(EXIT_DIFFERS if differences else 0)
