"""`cupel task`: publish a task, fund it and serve its documents."""

from __future__ import annotations

import dataclasses
import json as json_text
from collections.abc import Coroutine
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from cupel.protocol.observe import Observer
from cupel.protocol.options import execute, observer_of, settings_of, until_signal
from cupel.protocol.settings import Settings
from cupel.protocol.waiting import waiting

app = typer.Typer(help="Create a task: environment, model, terms and bounty.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Commands of a task creator."""


@app.command()
def new(file: Annotated[Path, typer.Argument(help="Plan to write; must not exist.")]) -> None:
    """Write a plan to change: the sorting task, every key with a word on it.

    Example: cupel task new task.toml
    """
    _write_new(file, files("cupel.protocol.task").joinpath("template.toml").read_bytes(), "file")
    print(f"{file}\nnext: cupel task price --plan {file}")


@app.command()
def price(
    plan: Annotated[Path, typer.Option(help="TOML plan of the task.")],
    decimals: Annotated[int, typer.Option(help="Decimals of the token.", min=0, max=36)] = 18,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Check a plan and print its full price, before anything is signed.

    Example: cupel task price --plan task.toml
    """
    from cupel.protocol.task.plan import load_plan
    from cupel.protocol.task.price import cautions, lines, price_of

    loaded = load_plan(plan)
    found, warned = price_of(loaded), cautions(loaded)
    if json:
        amounts = ("bounty", "pay_of_a_node", "stake", "bond")
        values = dataclasses.asdict(found)
        print(json_text.dumps(values | {name: str(values[name]) for name in amounts} | {"cautions": warned}))
    else:
        print("\n".join([*lines(found, decimals), *(f"mind           {text}" for text in warned)]))


@app.command()
def genesis(
    plan: Annotated[Path, typer.Option(help="TOML plan: its model is meant.")],
    out: Annotated[Path, typer.Option(help="Checkpoint file to write; must not exist.")],
    weights: Annotated[
        Path | None,
        typer.Option("--from", help="Safetensors file, or folder of them, with a model's weights."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of fresh weights, without --from.", min=0)] = 0,
) -> None:
    """Write a task's initial checkpoint: fresh weights, or those of a model that you have.

    Example: cupel task genesis --plan task.toml --from Qwen2.5-0.5B/ --out genesis.safetensors
    """
    from cupel.protocol.config import ConfigError
    from cupel.protocol.spec.errors import Rejected
    from cupel.protocol.task.genesis import drawn, imported
    from cupel.protocol.task.plan import load_plan

    model = load_plan(plan).spec.model
    try:
        with waiting("drawing weights" if weights is None else f"reading {weights}"):
            data = drawn(model, seed) if weights is None else imported(model, weights)
    except Rejected as rejected:
        raise ConfigError("spec.model", rejected.detail, f"Correct {plan}") from None
    _write_new(out, data, "out")
    print(f"{out}  {len(data):,} bytes")


def _write_new(path: Path, data: bytes, key: str) -> None:
    """A file that was not there. ConfigError names `key` if it was, EnvironmentProblem if it cannot be written."""
    from cupel.protocol.config import ConfigError, EnvironmentProblem

    try:
        with path.open("xb") as target:
            target.write(data)
    except FileExistsError:
        raise ConfigError(key, f"{path} exists", "Choose another name; nothing was overwritten") from None
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {path} ({error.strerror}); choose another folder") from error


@app.command()
def run(
    plan: Annotated[Path, typer.Option(help="TOML plan: terms and specification.")],
    genesis: Annotated[Path, typer.Option(help="Initial checkpoint file.")],
    start_in: Annotated[int, typer.Option(help="Seconds from creation to round 0: the time to join.")] = 15,
    wait_for_peers: Annotated[
        int, typer.Option(help="Create the task once so many others are reachable.")
    ] = 0,
    config: Annotated[str | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    keystore: Annotated[
        str | None,
        typer.Option(
            "--keystore",
            "--account",
            help="Keystore v3 file of the creator's key, or its name in Foundry's folder.",
        ),
    ] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
    owner: Annotated[
        str | None,
        typer.Option(help="URL of a signer whose account pays; then no keystore is needed (docs/signer.md)."),
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of blocks.")] = None,
    store: Annotated[
        str | None, typer.Option(help="`files`, or `kubo:` and the address of an IPFS daemon's RPC.")
    ] = None,
    listen_host: Annotated[str | None, typer.Option(help="Address to listen on and to announce.")] = None,
    p2p_port: Annotated[int | None, typer.Option(help="libp2p port; 0 takes a free one.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Block server port; 0 takes a free one.")] = None,
    inbound: Annotated[
        str | None, typer.Option(help="`no` accepts no connections (NAT); `yes` does.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, its gas and price; send nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Publish a plan and its checkpoint, escrow the bounty, serve both, and take back what was not earned.

    Example: cupel task run --plan task.toml --genesis genesis.safetensors --config creator.toml
    """
    options = dict(locals())
    for name in ("plan", "genesis", "start_in", "wait_for_peers", "dry_run"):
        del options[name]
    if dry_run:
        from cupel.protocol.pricing import asking
        from cupel.protocol.pricing.showing import show

        show(asking.creator_bill(settings_of(options), plan), json)
        return

    def role(settings: Settings, observer: Observer) -> Coroutine[Any, Any, int]:
        # Slow to load; neither `--help` nor a mistake in the settings waits for it.
        from cupel.protocol.task.creator import Creation, run_creator

        return run_creator(settings, observer, Creation(plan, genesis, start_in, wait_for_peers))

    execute(role, options)


@app.command()
def audit(
    rate: Annotated[int, typer.Option(help="Pay of an answer, in the token's smallest unit.", min=1)],
    answers: Annotated[int, typer.Option(help="Answers a verifier is paid for in a round.", min=1)] = 8,
    auditors: Annotated[int, typer.Option(help="Verifiers that can be paid.", min=1)] = 2,
    config: Annotated[str | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    keystore: Annotated[
        str | None,
        typer.Option(
            "--keystore",
            "--account",
            help="Keystore v3 file of the creator's key, or its name in Foundry's folder.",
        ),
    ] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of blocks.")] = None,
    task: Annotated[str | None, typer.Option(help="Task to be audited: its id, or `newest`.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Escrow pay for verifiers that look at a task's rollouts, and take back what nobody earned.

    Stake, bond and windows are the audited task's; its verifiers join with `cupel verifier run --audit-task`.

    Example: cupel task audit --task newest --rate 10000000000000000 --config creator.toml --data-dir audit
    """
    options = dict(locals())
    for name in ("rate", "answers", "auditors"):
        del options[name]

    def role(settings: Settings, observer: Observer) -> Coroutine[Any, Any, int]:
        # Slow to load; neither `--help` nor a mistake in the settings waits for it.
        from cupel.protocol.task.auditing import AuditTerms, run_audit

        return run_audit(settings, observer, AuditTerms(auditors, answers, rate))

    execute(role, options)


@app.command()
def page(
    plan: Annotated[Path | None, typer.Option(help="TOML plan to begin with; needs --genesis.")] = None,
    genesis: Annotated[
        Path | None, typer.Option(help="Initial checkpoint file: serve it to nodes, with the plan.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the pages there for any web server, and stop.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.", min=0, max=65535)] = 8610,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of blocks.")] = None,
    listen_host: Annotated[
        str | None, typer.Option(help="Address to serve nodes at, and to announce.")
    ] = None,
    p2p_port: Annotated[int | None, typer.Option(help="libp2p port; 0 takes a free one.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Block server port; 0 takes a free one.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Serve a page on this machine that creates a task with a browser wallet, and follows it to its refund.

    No key is needed here: the wallet signs. With --plan and --genesis this process also serves both to nodes; keep it
    running until the task is over. The page that submits evidence is beside it.

    Example: cupel task page --plan task.toml --genesis genesis.safetensors
    """
    import asyncio

    from cupel.protocol.config import ConfigError
    from cupel.protocol.settings import load_settings
    from cupel.protocol.web.files import network_of, write_pages

    options = {
        "rpc_url": rpc_url,
        "chain_id": chain_id,
        "deployment": deployment,
        "data_dir": data_dir,
        "listen_host": listen_host,
        "p2p_port": p2p_port,
        "http_port": http_port,
    }
    settings = load_settings(config, options)
    if out is not None:
        write_pages(out, network_of(settings))
        print(f"{out}  put it on any web server; network.json names the chain's endpoint")
        return
    if (plan is None) != (genesis is None):
        raise ConfigError("genesis", "plan and genesis go together", "Give --plan and --genesis, or neither")
    from cupel.protocol.web.hosting import Hosted, serve_pages

    hosted = None if plan is None or genesis is None else Hosted(plan, genesis)
    observer = observer_of(json)
    serving = serve_pages(settings, observer, hosted, port, lambda url: observer.emit("page", url=url))
    raise typer.Exit(asyncio.run(until_signal(serving)))
