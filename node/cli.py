"""`cupel node`: offer this machine to a task and be paid for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from cupel.protocol.observe import Observer
from cupel.protocol.options import execute, observer_of, settings_of, until_signal
from cupel.protocol.settings import Settings
from cupel.protocol.waiting import waiting

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
    keystore: Annotated[
        str | None,
        typer.Option(
            "--keystore",
            "--account",
            help="Keystore v3 file of the node's key, or its name in Foundry's folder.",
        ),
    ] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
    owner: Annotated[
        str | None, typer.Option(help="URL of a signer whose account stakes for the node (docs/signer.md).")
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of blocks and journal.")] = None,
    store: Annotated[
        str | None, typer.Option(help="`files`, or `kubo:` and the address of an IPFS daemon's RPC.")
    ] = None,
    listen_host: Annotated[str | None, typer.Option(help="Address to listen on and to announce.")] = None,
    p2p_port: Annotated[int | None, typer.Option(help="libp2p port; 0 takes a free one.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Block server port; 0 takes a free one.")] = None,
    inbound: Annotated[
        str | None, typer.Option(help="`no` accepts no connections (NAT); `yes` does.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Address of the Prometheus endpoint, as 127.0.0.1:9464; empty: none.")
    ] = None,
    traces: Annotated[
        str | None,
        typer.Option(help="URL of an OpenTelemetry collector, as http://127.0.0.1:4318; empty: none."),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="What samples: `torch`, or `vllm`.")] = None,
    tensorboard: Annotated[
        str | None, typer.Option(help="Folder of TensorBoard's files; empty: none.")
    ] = None,
    attestations: Annotated[
        int | None, typer.Option(help="Attesters that must have passed the work built on; 0 asks nobody.")
    ] = None,
    attesters: Annotated[
        str | None, typer.Option(help="Addresses of verifiers you trust, with commas between.")
    ] = None,
    canary_one_in: Annotated[
        int | None,
        typer.Option(help="Lie on purpose in one of so many rounds: it costs the stake. 0: never."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, its gas and price; send nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Join a task, work on every round, take the pay and the stake home, and stop.

    The key's account needs the chain's coin for gas and the stake in the task's token.

    Example: cupel node run --config node.toml --task newest
    """
    options = dict(locals())
    if options.pop("dry_run"):
        from cupel.protocol.pricing import asking
        from cupel.protocol.pricing.showing import show

        show(asking.node_bill(settings_of(options)), json)
        return
    execute(_run_node, options)


def _run_node(settings: Settings, observer: Observer) -> Coroutine[Any, Any, int]:
    # PyTorch takes seconds to load; neither `--help` nor a mistake in the settings waits for it.
    from cupel.node.app import run_node

    return run_node(settings, observer)


@app.command()
def rehearse(
    plan: Annotated[Path, typer.Option(help="TOML plan of the task.")],
    genesis: Annotated[Path, typer.Option(help="Initial checkpoint file.")],
    data_dir: Annotated[Path, typer.Option(help="Folder of the run; the same one goes on with it.")],
    seed: Annotated[int, typer.Option(min=0, help="Draws problems and samples, as the chain would.")] = 0,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds, other than the plan's.")] = None,
    patience: Annotated[float, typer.Option(help="Longest wait for a round, in seconds.")] = 3600.0,
    tensorboard: Annotated[str, typer.Option(help="Folder of TensorBoard's files; empty: none.")] = "",
    engine: Annotated[str, typer.Option(help="What samples: `torch`, or `vllm`.")] = "torch",
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Work on a task alone, without a chain or keys: does it learn, and what does each process wait for?

    Example: cupel node rehearse --plan task.toml --genesis genesis.safetensors --data-dir rehearsal
    """
    from cupel.node import rehearsal

    wanted = rehearsal.Plan(plan, genesis, data_dir, seed, rounds, patience, tensorboard, engine)
    raise typer.Exit(asyncio.run(until_signal(rehearsal.rehearse(wanted, observer_of(json)))))


@app.command()
def export_rollouts(
    data_dir: Annotated[Path, typer.Option(help="Data folder of a node or a rehearsal.")],
    out: Annotated[Path, typer.Option(help="Folder for the Parquet files.")],
    task: Annotated[str, typer.Option(help="Task id, where the folder has several.")] = "",
) -> None:
    """Write the rollouts of the newest rounds as Parquet, one file a round. Needs the extra `parquet`.

    Example: cupel node export-rollouts --data-dir .cupel --out tables
    """
    from cupel.node.export import export_rounds

    with waiting("writing tables"):
        tables = list(export_rounds(data_dir, task, out))
    for written in tables:
        typer.echo(f"{written.path}  round {written.round}  {written.rollouts} rollouts")


@app.command()
def import_rollouts(
    table: Annotated[Path, typer.Argument(help="A Parquet file that export-rollouts wrote.")],
    data_dir: Annotated[Path, typer.Option(help="Data folder of a node or a rehearsal that knows the task.")],
    out: Annotated[Path, typer.Option(help="The rollouts file to write, as it was published.")],
    task: Annotated[str, typer.Option(help="Task id, where the folder has several.")] = "",
) -> None:
    """Check a Parquet file row by row, and write the published rollouts file that it was made of.

    Example: cupel node import-rollouts tables/rollouts-000003.parquet --data-dir .cupel --out rollouts.safetensors
    """
    from cupel.node import export

    with waiting("checking every row"):
        written = export.import_rollouts(table, data_dir, task, out)
    typer.echo(f"{written.path}  round {written.round}  {written.rollouts} rollouts, as published")
