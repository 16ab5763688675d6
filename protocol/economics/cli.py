"""`cupel sim`: what a task's terms lead to, before money is at stake."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Final

import typer

from cupel.protocol.config import EnvironmentProblem
from cupel.protocol.waiting import waiting

EXIT_LYING_PAYS: Final = 1

app = typer.Typer(help="Play out a task's terms before money is at stake.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Simulations."""


@app.command()
def economics(
    plan: Annotated[Path, typer.Option(help="TOML plan of the task.")],
    verifiers: Annotated[int, typer.Option(help="Honest verifiers.", min=1)] = 1,
    audit_rate: Annotated[
        float, typer.Option(help="Share of commitments that each of them looks at.", min=0.0, max=1.0)
    ] = 1.0,
    drawn: Annotated[int, typer.Option(help="Rollouts it recomputes of each.", min=1)] = 64,
    work_cost: Annotated[
        float, typer.Option(help="Cost of honest work, as a share of its pay.", min=0.0, max=1.0)
    ] = 0.6,
    check_cost: Annotated[
        float, typer.Option(help="Cost of recomputing a rollout, as a share of making it.", min=0.0)
    ] = 0.2,
    nodes: Annotated[int, typer.Option(help="Honest nodes of the played task.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the played task.")] = 0,
    picture: Annotated[Path | None, typer.Option(help="SVG file: gain of each lie by audit rate.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """What lying, honesty and checking earn under a plan's terms. Exit code 1 if a lie pays.

    Closed forms for each lie, and one task played out with honest, lying, lazy and colluding participants.

    Example: cupel sim economics --plan examples/sorting/task.toml --audit-rate 0.1
    """
    from cupel.protocol.economics.payoffs import Watch
    from cupel.protocol.economics.picture import draw
    from cupel.protocol.economics.study import study, summary
    from cupel.protocol.economics.terms import economy_of
    from cupel.protocol.task.plan import load_plan

    economy = economy_of(load_plan(plan), work_cost, check_cost)
    with waiting("playing the task out"):
        result = study(economy, Watch(verifiers, audit_rate, drawn), nodes, seed)
    if picture is not None:
        try:
            picture.write_text(draw(result.curves, audit_rate), encoding="utf-8")
        except OSError as error:
            raise EnvironmentProblem(
                f"cannot write {picture} ({error.strerror}); choose another file with --picture"
            ) from None
    print(json_text.dumps(result.as_dict()) if json else summary(result))
    raise typer.Exit(0 if result.passed else EXIT_LYING_PAYS)
