"""`cupel dashboard`: a hub on a page of this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(invoke_without_command=True, subcommand_metavar="")


@app.callback()
def dashboard(
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the process whose log and transfers are shown.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.", min=0, max=65535)] = 8600,
    token_file: Annotated[
        Path | None, typer.Option(help="File with a token, needed for an address that others reach.")
    ] = None,
) -> None:
    """Serve a page that shows the hub live: rounds, rewards, members, pay, challenges. Needs no key; Ctrl-C ends it.

    The API behind it is read-only; /openapi.json describes it.

    Example: cupel dashboard --config node.toml
    """
    from cupel.protocol.dashboard.server import serve
    from cupel.protocol.options import until_signal
    from cupel.protocol.settings import load_settings

    flags = {"rpc_url": rpc_url, "chain_id": chain_id, "deployment": deployment, "data_dir": data_dir}
    settings = load_settings(config, flags)

    def told(url: str) -> None:
        print(f"{url}  Ctrl-C ends it", flush=True)

    raise typer.Exit(asyncio.run(until_signal(serve(settings, host, port, token_file, told))))
