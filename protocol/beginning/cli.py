"""`cupel init`: from nothing to a folder that a role runs from."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import load_settings

app = typer.Typer(invoke_without_command=True, subcommand_metavar="")


@app.callback()
def init(
    role: Annotated[str, typer.Argument(help="node, verifier or creator.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Make a key and a settings file for a role, and say what to do next.

    Example: cupel init node my-node --rpc-url http://127.0.0.1:8545 --deployment devnet/deployment.json
    """
    from cupel.protocol.beginning.folder import ROLES, begin

    if role not in ROLES:
        raise ConfigError("role", f"{role!r} is no role", f"Choose {', '.join(ROLES)}")
    settings = load_settings(None, {"rpc_url": rpc_url, "chain_id": chain_id, "deployment": deployment})
    made = begin(role, folder, settings)
    if json:
        values = {"settings": str(made.settings), "address": made.address, "next": list(made.next_steps)}
        print(json_text.dumps(values))
        return
    print(f"{made.address}  {made.settings}")
    for number, step in enumerate(made.next_steps, start=1):
        print(f"  {number}. {step}")
