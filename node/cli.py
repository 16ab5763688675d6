"""`cupel node`: offer this machine to a task and be paid for it."""

from __future__ import annotations

from typing import Annotated

import typer

from cupel.protocol.options import execute

app = typer.Typer(
    help="Offer this machine to a task: roll out, train, commit, be paid.", no_args_is_help=True
)


@app.callback()
def _root() -> None:
    """Commands of a node."""


@app.command()
def run(
    config: Annotated[str | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    task: Annotated[str | None, typer.Option(help="Task id, or `newest`.")] = None,
    keystore: Annotated[str | None, typer.Option(help="Keystore v3 file of the node's key.")] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of blocks and journal.")] = None,
    store: Annotated[
        str | None, typer.Option(help="`files`, or `kubo:` and the address of an IPFS daemon's RPC.")
    ] = None,
    listen_host: Annotated[str | None, typer.Option(help="Address to listen on and to announce.")] = None,
    p2p_port: Annotated[int | None, typer.Option(help="libp2p port; 0 takes a free one.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Block server port; 0 takes a free one.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Join a task, work on every round, take the pay and the stake home, and stop.

    The key's account needs the chain's coin for gas and the stake in the task's token.

    Example: cupel node run --config node.toml --task newest
    """
    options = dict(locals())
    # PyTorch takes seconds to load; `--help` must not.
    from cupel.node.app import run_node

    execute(run_node, options)
