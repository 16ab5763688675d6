"""`cupel demo` and `cupel devnet`."""

from __future__ import annotations

import asyncio
import json as json_text
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from cupel.protocol.config import ConfigError, EnvironmentProblem

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130
# Tables in a log file or a pipe need not fit a window.
_WIDTH_OF_FILES: Final = 200

app = typer.Typer(help="A chain on this machine, with Cupel's contracts.", no_args_is_help=True)
demo_app = typer.Typer(invoke_without_command=True, subcommand_metavar="")

Result = TypeVar("Result")


@app.callback()
def _root() -> None:
    """Commands of a local network."""


@app.command()
def up(
    port: Annotated[int, typer.Option(help="JSON-RPC port; 0 takes a free one.")] = 8545,
    wallets: Annotated[int, typer.Option(help="Funded wallets to make.", min=1, max=100)] = 8,
    dir: Annotated[Path, typer.Option(help="Folder for wallets and addresses.")] = Path("devnet"),  # noqa: A002
    json: Annotated[bool, typer.Option("--json", help="One JSON object once it is ready.")] = False,
) -> None:
    """Start a chain, deploy the contracts, make funded wallets, and stay until Ctrl-C.

    Example: cupel devnet up --wallets 3 --dir net
    """
    from cupel.devnet.up import until_interrupted

    _run(until_interrupted(port, wallets, dir.resolve(), json, lambda text: print(text, flush=True)))


@demo_app.callback()
def demo(
    nodes: Annotated[int, typer.Option(help="Nodes, 3 to 16; the last two of them lie.")] = 5,
    rounds: Annotated[int | None, typer.Option(help="Rounds of training.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the pre-training.")] = 0,
    fast: Annotated[
        bool, typer.Option("--fast", help="A smaller run of the same parts, in about two minutes.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output, the rest on standard error.")
    ] = False,
    rpc_port: Annotated[int, typer.Option(help="Port of the chain; 0 takes a free one.")] = 0,
    kill_node: Annotated[str | None, typer.Option(help="Kill an honest node in mid-run: I@ROUND.")] = None,
    nat_node: Annotated[
        int | None, typer.Option(help="This node accepts no connections, as behind NAT.")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run; a new one below runs/ by default.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the processes' data and keys.")] = False,
    traces: Annotated[
        str | None,
        typer.Option(help="URL of a collector for everybody's OpenTelemetry traces: http://127.0.0.1:4318"),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            help="Run this attack instead, or `all`; `list` names them. May be given several times."
        ),
    ] = None,
    mishaps: Annotated[
        bool,
        typer.Option(
            "--mishaps", help="With --attack: power cuts, stalls and reorganisations, drawn from the seed."
        ),
    ] = False,
    attestations: Annotated[
        int,
        typer.Option(help="With --attack: verifiers whose word nodes wait for, 0 to 2.", min=0, max=2),
    ] = 0,
) -> None:
    """Train a policy among strangers, two of whom lie: the liars lose their stake, the others are paid.

    Exit code 0 only if every promise held: both liars slashed, by different checks; every honest node paid in full and
    none slashed; the reward rose; all canonical digests equal; the hub solvent to the last unit.

    With --attack, small runs of two honest nodes and a few attackers each, and a table of what became of them; exit
    code 0 only if no attacker fared better than the table's "expected" and nobody honest lost anything. A suite that
    was stopped goes on if --run-dir names the same folder.

    Example: cupel demo --fast
    """
    if attack:
        _attack(attack, rounds, seed, json, run_dir, keep, mishaps, attestations)
        return
    # These take a second to load; `--help` must not.
    from rich.console import Console

    from cupel.devnet.chronicle import DemoFailed
    from cupel.devnet.options import make_options
    from cupel.devnet.screen.final import final_tables
    from cupel.devnet.session import report_path, run_session
    from cupel.devnet.supervisor import ChildFailed

    console = Console(stderr=json, force_terminal=False if json else None)
    if not console.is_terminal:
        console.width = _WIDTH_OF_FILES
    try:
        options = make_options(
            fast=fast,
            nodes=nodes,
            rounds=rounds,
            seed=seed,
            rpc_port=rpc_port,
            kill_node=kill_node,
            nat_node=nat_node,
            run_dir=run_dir,
            keep=keep,
            traces=traces,
        )
        outcome = _run(run_session(options, console))
    except (DemoFailed, ChildFailed) as error:
        _tell_failure(json, str(error))
        print(f"cupel: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_FAILED) from None
    except (ConfigError, EnvironmentProblem) as error:
        _tell_failure(json, str(error))
        raise
    console.print(final_tables(outcome))
    console.print(f"  report  {report_path(outcome)}", highlight=False, soft_wrap=True)
    if json:
        print(json_text.dumps(outcome.as_json()), flush=True)
    raise typer.Exit(0 if outcome.passed else EXIT_FAILED)


def _attack(
    names: list[str],
    rounds: int | None,
    seed: int,
    json: bool,
    run_dir: Path | None,
    keep: bool,
    mishaps: bool,
    attestations: int,
) -> None:
    from rich.console import Console

    from cupel.devnet.attacks import suite
    from cupel.devnet.attacks.catalogue import attack_names
    from cupel.devnet.machine import find_tools

    if suite.LIST in names:
        print("\n".join(attack_names()))
        return
    folder = run_dir or find_tools().root / "runs" / time.strftime("attacks-%Y%m%d-%H%M%S")
    console = Console(stderr=json, force_terminal=False, width=_WIDTH_OF_FILES)
    wanted = suite.Suite(
        suite.chosen(names), folder.resolve(), rounds or suite.ROUNDS, seed, keep, attestations, mishaps
    )
    runs = _run(suite.run_suite(wanted, console))
    print(json_text.dumps(suite.summary(runs)) if json else suite.page(runs), flush=True)
    raise typer.Exit(0 if suite.passed(runs) else EXIT_FAILED)


def _tell_failure(json: bool, error: str) -> None:
    if json:
        print(json_text.dumps({"passed": False, "error": error}), flush=True)


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; SIGINT and SIGTERM cancel it, which ends every child."""

    async def until_signal() -> Result:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(until_signal())
    except asyncio.CancelledError:
        print("cupel: stopped; nothing is left running", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
