"""`cupel verifier`: check what nodes commit to, and be paid for every lie."""

from __future__ import annotations

from typing import Annotated

import typer

from cupel.protocol.options import execute

app = typer.Typer(help="Check what nodes commit to; challenge what is false.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Commands of a verifier."""


@app.command()
def run(
    config: Annotated[str | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    task: Annotated[str | None, typer.Option(help="Task id, or `newest`.")] = None,
    keystore: Annotated[str | None, typer.Option(help="Keystore v3 file of the verifier's key.")] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of blocks and journal.")] = None,
    store: Annotated[
        str | None, typer.Option(help="`files`, or `kubo:` and the address of an IPFS daemon's RPC.")
    ] = None,
    listen_host: Annotated[str | None, typer.Option(help="Address to listen on and to announce.")] = None,
    p2p_port: Annotated[int | None, typer.Option(help="libp2p port; 0 takes a free one.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Block server port; 0 takes a free one.")] = None,
    audit_rollouts: Annotated[
        int, typer.Option(help="Rollouts to recompute of each submission; of a suspect's, all.")
    ] = 64,
    jury_places: Annotated[
        int, typer.Option(help="Places to stake for as a juror, where the task has a jury; 0 for none.")
    ] = 1,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Check every commitment of a task, challenge what is false, take the reward home, and stop.

    The key's account needs the chain's coin for gas, one bond in the task's token, and a juror's stake for each of
    --jury-places.

    Example: cupel verifier run --config verifier.toml --task newest
    """
    options = dict(locals())
    for name in ("audit_rollouts", "jury_places"):
        del options[name]
    # PyTorch takes seconds to load; `--help` must not.
    from cupel.verifier.app import run_verifier
    from cupel.verifier.options import Options

    chosen = Options(audit_rollouts, jury_places)
    execute(lambda settings, observer: run_verifier(settings, observer, chosen), options)
