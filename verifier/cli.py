"""`cupel verifier`: check what nodes commit to, and be paid for every lie."""

from __future__ import annotations

import json as json_text
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.observe import Observer
from cupel.protocol.options import execute, settings_of
from cupel.protocol.settings import Settings
from cupel.protocol.waiting import waiting
from cupel.verifier.options import Options

EXIT_REFUTED: Final = 1
EXIT_UNDECIDED: Final = 3
EXIT_MALFORMED: Final = 5

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
    keystore: Annotated[
        str | None,
        typer.Option(
            "--keystore",
            "--account",
            help="Keystore v3 file of the verifier's key, or its name in Foundry's folder.",
        ),
    ] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
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
    engine: Annotated[str | None, typer.Option(help="What recomputes: `torch`, or `vllm`.")] = None,
    traces: Annotated[
        str | None,
        typer.Option(help="URL of an OpenTelemetry collector, as http://127.0.0.1:4318; empty: none."),
    ] = None,
    audit_rollouts: Annotated[
        int, typer.Option(help="Rollouts to recompute of each submission; of a suspect's, all.")
    ] = 64,
    jury_places: Annotated[
        int, typer.Option(help="Places to stake for as a juror, where the task has a jury; 0 for none.")
    ] = 1,
    budget: Annotated[
        float | None,
        typer.Option(
            help="Seconds of recomputation an hour; everything by default. Cheap checks always run."
        ),
    ] = None,
    demand_pieces: Annotated[
        int,
        typer.Option(
            help="Missing pieces of a file (2 KiB each) up to which all are demanded on the chain; of more, 16."
        ),
    ] = 64,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port for Prometheus on this machine; 0 takes a free one.")
    ] = None,
    audit_task: Annotated[
        str, typer.Option(help="Audit task of this task to stake in, and to be paid in for looking.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, its gas and price; send nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Check every commitment of a task, challenge what is false, take the reward home, and stop.

    The key's account needs the chain's coin for gas, one bond in the task's token, and a juror's stake for each of
    --jury-places.

    Example: cupel verifier run --config verifier.toml --task newest
    """
    options = dict(locals())
    for name in ("audit_rollouts", "jury_places", "metrics_port", "budget", "demand_pieces", "audit_task"):
        del options[name]
    del options["dry_run"]
    chosen = Options(audit_rollouts, jury_places, metrics_port, budget, demand_pieces, audit_task)
    if dry_run:
        from cupel.protocol.pricing import asking
        from cupel.protocol.pricing.showing import show

        show(asking.verifier_bill(settings_of(options), jury_places), json)
        return

    def role(settings: Settings, observer: Observer) -> Coroutine[Any, Any, int]:
        # PyTorch takes seconds to load; neither `--help` nor a mistake in the settings waits for it.
        from cupel.verifier.app import run_verifier

        return run_verifier(settings, observer, chosen)

    execute(role, options)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="An evidence file, as verifiers write them.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Come to the finding of an evidence file again, offline.

    Exit code 0 if it is confirmed, 1 if it is refuted, 3 if it takes a checkpoint that the file does not hold, 5 for a
    file that breaks the format or contradicts itself; 2 if it cannot be read.

    Example: cupel verifier check verifier-1/evidence/0a1b.evidence
    """
    from cupel.protocol.spec.errors import Rejected
    from cupel.verifier.exhibit import MAX_EXHIBIT_BYTES, Exhibit
    from cupel.verifier.exhibit_check import Outcome, verify

    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_EXHIBIT_BYTES + 1)
    except OSError as error:
        raise ConfigError("file", f"cannot read {file}: {error.strerror}", "Name an evidence file") from None
    try:
        exhibit = Exhibit.from_bytes(data)
        with waiting("coming to the finding again"):
            report = verify(exhibit)
    except Rejected as rejected:
        _show(json, {"outcome": "malformed", "reason": rejected.reason.value, "why": rejected.detail})
        raise typer.Exit(EXIT_MALFORMED) from None
    accused, found = exhibit.document, report.finding
    answer: dict[str, Any] = {
        "outcome": report.outcome.value,
        "why": report.why,
        "node": accused.node,
        "round": accused.commitment.round,
        "check": accused.check,
        "reason": accused.reason,
        "observed": accused.observed,
        "allowed": accused.allowed,
    }
    if found is not None:
        answer["found"] = {
            "check": found.check,
            "reason": found.reason.value,
            "observed": found.observed,
            "allowed": found.allowed,
        }
    answer["ask_the_chain"] = report.chain_facts
    _show(json, answer)
    codes = {Outcome.CONFIRMED: 0, Outcome.REFUTED: EXIT_REFUTED, Outcome.UNDECIDED: EXIT_UNDECIDED}
    raise typer.Exit(codes[report.outcome])


@app.command()
def status(
    config: Annotated[str | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    keystore: Annotated[
        str | None,
        typer.Option(
            "--keystore",
            "--account",
            help="Keystore v3 file of the verifier's key, or its name in Foundry's folder.",
        ),
    ] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of blocks and journal.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Tell what a verifier has done: disputes with their clocks, profit and loss, its own false alarms.

    Money and disputes are read from the chain; counts of verdicts and the queue are what the process last wrote to its
    data folder. Exit code 0; 2 for a setting to correct, 4 if the chain does not answer.

    Example: cupel verifier status --config verifier.toml
    """
    import asyncio
    import time

    from cupel.protocol.settings import load_settings
    from cupel.verifier.status import read_status

    options = {
        "rpc_url": rpc_url,
        "chain_id": chain_id,
        "deployment": deployment,
        "keystore": keystore,
        "password_file": password_file,
        "data_dir": data_dir,
    }
    settings = load_settings(None if config is None else Path(config), options)
    with waiting("reading the chain"):
        told = asyncio.run(read_status(settings, time.time()))
    _show(json, told)


@app.command()
def page(
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; flags win over it.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain you mean.")] = None,
    deployment: Annotated[str | None, typer.Option(help="File of contract addresses.")] = None,
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.", min=0, max=65535)] = 8610,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Serve a page on this machine that submits an evidence file as a challenge, signed by a browser wallet.

    Example: cupel verifier page --config verifier.toml
    """
    import asyncio

    from cupel.protocol.options import observer_of, until_signal
    from cupel.protocol.settings import load_settings
    from cupel.protocol.web.hosting import serve_pages

    settings = load_settings(config, {"rpc_url": rpc_url, "chain_id": chain_id, "deployment": deployment})
    observer = observer_of(json)

    def told(url: str) -> None:
        observer.emit("page", url=f"{url}challenge.html")

    raise typer.Exit(asyncio.run(until_signal(serve_pages(settings, observer, None, port, told))))


def _show(json: bool, answer: dict[str, Any]) -> None:
    if json:
        print(json_text.dumps(answer))
        return
    for name, value in answer.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, item in value.items():
                print(f"  {key}: {item}")
        elif value != "":
            print(f"{name}: {value}")
