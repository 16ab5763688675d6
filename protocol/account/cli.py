"""`cupel status` and `cupel why`: what the chain says, for anybody who asks."""

from __future__ import annotations

import asyncio
import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings, load_settings
from cupel.protocol.waiting import waiting

if TYPE_CHECKING:
    from rich.console import Console

EXIT_NO_MEMBER: Final = 5
_WIDTH_OF_FILES: Final = 200

claim_app = typer.Typer(invoke_without_command=True, subcommand_metavar="")
status_app = typer.Typer(invoke_without_command=True, subcommand_metavar="")
why_app = typer.Typer(invoke_without_command=True, subcommand_metavar="")

Config = Annotated[str | None, typer.Option(help="TOML file of settings; flags win over it.")]
RpcUrl = Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")]
ChainId = Annotated[int | None, typer.Option(help="The chain you mean.")]
DeploymentFile = Annotated[str | None, typer.Option(help="File of contract addresses.")]
Task = Annotated[str | None, typer.Option(help="Task id, or `newest`.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@status_app.callback()
def status(
    config: Config = None,
    rpc_url: RpcUrl = None,
    chain_id: ChainId = None,
    deployment: DeploymentFile = None,
    task: Annotated[str | None, typer.Option(help="A task's members: its id, or `newest`.")] = None,
    json: AsJson = False,
) -> None:
    """The hub's tasks, or one task's members: rounds, commitments, pay, open challenges. Needs no key.

    Example: cupel status --task newest
    """
    from cupel.protocol.account import page
    from cupel.protocol.account.reading import read_hub

    settings = _settings(config, rpc_url, chain_id, deployment, None, None)
    with waiting("reading the hub"):
        reading = asyncio.run(read_hub(settings))
    tasks = list(reading.ledger.tasks.values()) if task is None else [reading.task(task)]
    if json:
        plain = [page.plain_task(ledger, reading.now) for ledger in tasks]
        print(json_text.dumps({"hub": reading.deployment.hub, "time": reading.now, "tasks": plain}))
        return
    console = _console()
    console.print(page.task_table(tasks, reading.now) if tasks else "no task yet: cupel task run creates one")
    if task is not None:
        console.print()
        console.print(page.member_table(tasks[0]))


@why_app.callback()
def why(
    config: Config = None,
    rpc_url: RpcUrl = None,
    chain_id: ChainId = None,
    deployment: DeploymentFile = None,
    task: Task = None,
    node: Annotated[str | None, typer.Option(help="The node's address; else the keystore's.")] = None,
    keystore: Annotated[
        str | None,
        typer.Option(
            "--keystore",
            "--account",
            help="Keystore (not opened) whose address is meant, or its name in Foundry's folder.",
        ),
    ] = None,
    round: Annotated[int | None, typer.Option(help="Only this round.", min=0)] = None,  # noqa: A002
    json: AsJson = False,
) -> None:
    """Why each round of a node is paid, or not yet, or never: the reason, the numbers, the transaction, the next date.

    Needs no password: everything is read from the chain, and what a charge measured from the document that it names.
    With --round, nothing is cut short. Exit code 5 if the account never joined the task.

    Example: cupel why --config node.toml --round 3
    """
    from cupel.protocol.account import page
    from cupel.protocol.account.numbers import with_numbers
    from cupel.protocol.account.reading import read_hub
    from cupel.protocol.account.why import answers

    settings = _settings(config, rpc_url, chain_id, deployment, task, keystore)
    address = _address(node, settings)
    with waiting("reading the hub"):
        reading = asyncio.run(read_hub(settings))
    ledger = reading.task(settings.task)
    found = answers(reading.deployment, ledger, reading.events_of(ledger), address, reading.now)
    wanted = [answer for answer in found if round is None or answer.round == round]
    with waiting("asking what the charges measured"):
        chosen = asyncio.run(with_numbers(settings, reading, ledger, address, wanted))
    if json:
        plain = [page.plain_answer(answer) for answer in chosen]
        task_hex = "0x" + ledger.task.hex()
        print(json_text.dumps({"task": task_hex, "node": address, "time": reading.now, "rounds": plain}))
    elif found and round is None:
        _console().print(page.answer_table(chosen, reading.now))
    elif found:
        begun = f"round {round} has not begun; round {found[-1].round} is the newest"
        print("\n".join(page.answer_details(answer, reading.now) for answer in chosen) or begun)
    else:
        print(
            f"{address} never joined task 0x{ledger.task.hex()}; `cupel status --task newest` lists who did"
        )
    if not found:
        raise typer.Exit(EXIT_NO_MEMBER)


@claim_app.callback()
def claim(
    config: Config = None,
    rpc_url: RpcUrl = None,
    chain_id: ChainId = None,
    deployment: DeploymentFile = None,
    task: Task = None,
    node: Annotated[str | None, typer.Option(help="Whose pay; the keystore's own by default.")] = None,
    keystore: Annotated[
        str | None,
        typer.Option(
            "--keystore",
            "--account",
            help="Keystore of the account that pays the gas, or its name in Foundry's folder.",
        ),
    ] = None,
    password_file: Annotated[str | None, typer.Option(help="File with the keystore's password.")] = None,
    owner: Annotated[
        str | None, typer.Option(help="URL of a signer that pays the gas, in place of a keystore.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print gas and price, send nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Take home a node's final pay, its stake once it may leave, and the payout's credit, without running the node.

    A running node does this by itself. Anyone may do it for anyone: the money goes where the node said when it joined.

    Example: cupel claim --config node.toml --dry-run
    """
    from cupel.protocol.account.claiming import collect

    settings = _settings(config, rpc_url, chain_id, deployment, task, keystore, password_file, owner)
    whose = None if node is None else _address(node, settings)
    with waiting("asking what is due" if dry_run else "taking home what is due"):
        steps = asyncio.run(collect(settings, whose, dry_run))
    if json:
        print(json_text.dumps({"dry_run": dry_run, "steps": [step.plain() for step in steps]}))
    else:
        print(
            "\n".join(str(step) for step in steps)
            if steps
            else "nothing to take home yet; `cupel why` says when"
        )


def _console() -> Console:
    from rich.console import Console

    # Tables in a log file or a pipe need not fit a window, and an address cut short is none.
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_OF_FILES)


def _settings(
    config: str | None,
    rpc_url: str | None,
    chain_id: int | None,
    deployment: str | None,
    task: str | None,
    keystore: str | None,
    password_file: str | None = None,
    owner: str | None = None,
) -> Settings:
    flags = {"rpc_url": rpc_url, "chain_id": chain_id, "deployment": deployment, "task": task}
    flags |= {"keystore": keystore, "password_file": password_file, "owner": owner}
    return load_settings(None if config is None else Path(config), flags)


def _address(node: str | None, settings: Settings) -> str:
    from cupel.protocol.chain.contract import checksum
    from cupel.protocol.keys import address_of

    if node is None:
        return address_of(settings)
    try:
        return checksum(node)
    except ValueError:
        raise ConfigError("node", f"{node!r} is not an address", "Give 0x and 40 hex digits") from None
