"""`cupel doctor`, `cupel config` and `cupel version`: what holds a machine back, before money is at stake."""

from __future__ import annotations

import asyncio
import dataclasses
import json as json_text
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import trace_settings
from cupel.protocol.waiting import waiting

EXIT_BAD: Final = 1

doctor_app = typer.Typer(invoke_without_command=True, subcommand_metavar="")
config_app = typer.Typer(invoke_without_command=True, subcommand_metavar="")
version_app = typer.Typer(invoke_without_command=True, subcommand_metavar="")

Config = Annotated[Path | None, typer.Option(help="TOML file of settings; CUPEL_* variables win over it.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
_COMPONENTS: Final = ("cupel", "torch", "libp2p", "web3", "aiohttp", "numpy", "transformers", "vllm")


@doctor_app.callback()
def doctor(
    config: Config = None,
    plan: Annotated[Path | None, typer.Option(help="Also open the environment of this plan.")] = None,
    json: AsJson = False,
) -> None:
    """Examine machine, settings, key, chain, money and peers. Exit code 1 if something makes work impossible.

    Peers that announced themselves are asked to dial this machine back: reachable, or outbound-only and what to do.

    Example: cupel doctor --config node.toml
    """
    from cupel.protocol.doctor import machine, network
    from cupel.protocol.doctor.finding import Finding, Level

    settings, _ = trace_settings(config, {})
    looks: tuple[Callable[[], Iterable[Finding]], ...] = (
        lambda: (
            machine.python(),
            machine.versions(),
            machine.package("torch", "torch"),
            machine.package("libp2p", "p2p"),
        ),
        lambda: machine.engine(settings),
        lambda: (machine.gpu(),),
        lambda: (machine.disk(settings), machine.store(settings)),
        lambda: (*machine.ports(settings), machine.reachable(settings)),
        lambda: asyncio.run(network.examine(settings)),
    )
    findings: list[Finding] = []
    with waiting("examining machine, chain and peers", len(looks)) as done:
        for number, look in enumerate(looks):
            done(number)
            findings += look()
    if plan is not None:
        with waiting("opening the plan's environment"):
            findings.append(_environment(plan))
    if json:
        print(json_text.dumps({"findings": [dataclasses.asdict(finding) for finding in findings]}))
    else:
        _print(findings)
    if any(finding.level is Level.BAD for finding in findings):
        raise typer.Exit(EXIT_BAD)


@config_app.callback()
def config_(config: Config = None, json: AsJson = False) -> None:
    """Print every setting, its value and where that comes from: a CUPEL_* variable, the file, or the default.

    Example: cupel config --config node.toml
    """
    settings, origins = trace_settings(config, {})
    values: dict[str, Any] = dataclasses.asdict(settings)
    if json:
        plain = {name: {"value": value, "origin": origins[name]} for name, value in values.items()}
        print(json_text.dumps(plain))
        return
    width = max(map(len, values))
    for name, value in values.items():
        print(f"{name:<{width}}  {value!r:<32}  {origins[name]}")


@version_app.callback()
def version(json: AsJson = False) -> None:
    """Print the versions of Cupel and of what its numbers depend on.

    Example: cupel version
    """
    found = {name: _version(name) for name in _COMPONENTS}
    if json:
        print(json_text.dumps(found))
        return
    for name, number in found.items():
        print(f"{name:<14}{number or 'not installed'}")


def _environment(plan: Path) -> Any:
    from cupel.protocol.doctor.finding import bad, good
    from cupel.protocol.environments.installed import check_environment
    from cupel.protocol.spec.errors import Rejected
    from cupel.protocol.task.plan import load_plan

    try:
        reference = load_plan(plan).spec.environment
        environment = check_environment(reference)
    except ConfigError as error:
        return bad("environment", error.problem, error.remedy)
    except Rejected as rejected:
        return bad("environment", rejected.detail, "Install that, or choose another task")
    return good("environment", f"{reference.id}: {environment.render(environment.prompt(0))[:40]!r}")


def _print(findings: Any) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    marks = {"good": "[green]good[/]", "mind": "[yellow]mind[/]", "bad": "[red]bad[/]"}
    table = Table(show_header=False, box=None, pad_edge=False)
    for finding in findings:
        told = escape(finding.text) + (f"\n[dim]{escape(finding.remedy)}[/]" if finding.remedy else "")
        table.add_row(marks[finding.level.value], finding.subject, told)
    Console().print(table)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
