"""`cupel init`: from nothing to a folder that a role runs from."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from cupel.protocol.settings import load_settings
from cupel.protocol.waiting import waiting

app = typer.Typer(
    help="Make a role's folder: its key, its settings, and what to do next.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Folder to write.")]
RpcUrl = Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")]
ChainId = Annotated[int | None, typer.Option(help="The chain you mean.")]
DeploymentFile = Annotated[str | None, typer.Option(help="File of contract addresses.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.callback()
def _root() -> None:
    """Roles."""


@app.command()
def node(
    folder: Folder,
    rpc_url: RpcUrl = None,
    chain_id: ChainId = None,
    deployment: DeploymentFile = None,
    json: AsJson = False,
) -> None:
    """For a machine that works and is paid.

    Example: cupel init node my-node --rpc-url http://127.0.0.1:8545 --deployment devnet/deployment.json
    """
    _init("node", folder, rpc_url, chain_id, deployment, json)


@app.command()
def verifier(
    folder: Folder,
    rpc_url: RpcUrl = None,
    chain_id: ChainId = None,
    deployment: DeploymentFile = None,
    json: AsJson = False,
) -> None:
    """For whoever checks and challenges.

    Example: cupel init verifier my-verifier --deployment devnet/deployment.json
    """
    _init("verifier", folder, rpc_url, chain_id, deployment, json)


@app.command()
def creator(
    folder: Folder,
    rpc_url: RpcUrl = None,
    chain_id: ChainId = None,
    deployment: DeploymentFile = None,
    json: AsJson = False,
) -> None:
    """For whoever has a task and a bounty.

    Example: cupel init creator my-task --deployment devnet/deployment.json
    """
    _init("creator", folder, rpc_url, chain_id, deployment, json)


def _init(
    role: str,
    folder: Path,
    rpc_url: str | None,
    chain_id: int | None,
    deployment: str | None,
    as_json: bool,
) -> None:
    from cupel.protocol.beginning.folder import begin

    settings = load_settings(None, {"rpc_url": rpc_url, "chain_id": chain_id, "deployment": deployment})
    with waiting("making a key that is slow to guess"):
        made = begin(role, folder, settings)
    if as_json:
        values = {"settings": str(made.settings), "address": made.address, "next": list(made.next_steps)}
        print(json_text.dumps(values))
        return
    print(f"{made.address}  {made.settings}")
    for number, step in enumerate(made.next_steps, start=1):
        print(f"  {number}. {step}")
