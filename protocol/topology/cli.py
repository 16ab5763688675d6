"""`cupel topology`: what averaging with neighbours only would cost."""

from __future__ import annotations

import dataclasses
import json as json_text
from typing import Annotated, Final

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.waiting import waiting

EXIT_WARNED: Final = 1

app = typer.Typer(
    help="Graphs over a task's nodes: degree, spectral gap, rounds to agree.", no_args_is_help=True
)


@app.callback()
def _root() -> None:
    """Graphs."""


@app.command()
def show(
    kind: Annotated[str, typer.Option(help="full, ring, small-world, expander or pair.")],
    nodes: Annotated[int, typer.Option(help="Number of nodes.", min=2, max=512)],
    seed: Annotated[int, typer.Option(help="Stands for the chain's beacons.", min=0)] = 0,
    momentum: Annotated[str, typer.Option(help="The outer momentum, as a fraction.")] = "9/10",
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Degree, spectral gap and rounds to agree, of a graph that stays and of one drawn anew every round.

    Exit code 1 if the outer momentum does not go with the graph. Tasks average over everybody: docs/diloco.md.

    Example: cupel topology show --kind ring --nodes 16 --momentum 1/2
    """
    from cupel.protocol.spec.collective.report import report
    from cupel.protocol.spec.collective.topology import Kind
    from cupel.protocol.spec.errors import Rejected
    from cupel.protocol.spec.task import Aggregation, check_aggregation

    names = [one.value for one in Kind]
    if kind not in names:
        raise ConfigError("--kind", f"{kind!r} is no topology", f"Choose one of {', '.join(names)}")
    numerator, _, denominator = momentum.partition("/")
    if not (numerator.isdecimal() and denominator.isdecimal()):
        raise ConfigError(
            "--momentum", f"{momentum!r} is not a fraction", "Write two whole numbers, as in 9/10"
        )
    aggregation = Aggregation(1, 1, int(numerator), int(denominator))
    try:
        check_aggregation(aggregation)
    except Rejected as rejected:
        raise ConfigError("--momentum", rejected.detail, "Choose a fraction below one, as 1/2") from None
    with waiting(f"drawing graphs of {nodes} nodes"):
        found = report(Kind(kind), nodes, seed, aggregation)
    if json:
        typer.echo(json_text.dumps(dataclasses.asdict(found)))
    else:
        typer.echo(
            f"{found.kind}, {found.nodes} nodes: mean degree {found.mean_degree:.1f}, largest {found.largest_degree}\n"
            f"one graph for all rounds: spectral gap {found.fixed_gap:.4f}, {_rounds(found.fixed_rounds)}\n"
            f"drawn anew every round:   spectral gap {found.redrawn_gap:.4f}, {_rounds(found.redrawn_rounds)}"
        )
    if found.warning is not None:
        typer.echo(f"Warning: {found.warning}", err=True)
        raise typer.Exit(EXIT_WARNED)


def _rounds(count: int | None) -> str:
    return "never agrees" if count is None else f"{count} rounds to a thousandth of the disagreement"
