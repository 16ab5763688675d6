"""`cupel chaos`: the economy under seeded trouble, and the rules that hold all the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cupel.protocol.waiting import waiting

EXIT_BROKEN = 1

app = typer.Typer(invoke_without_command=True, subcommand_metavar="")


@app.callback()
def chaos(
    runs: Annotated[int, typer.Option(help="How many runs.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first; the others follow.", min=0)] = 1,
    out: Annotated[
        Path, typer.Option(help="File of results; seeds that are in it are not run again.")
    ] = Path("chaos.jsonl"),
    day: Annotated[
        bool,
        typer.Option("--day", help="One run of 24 hours instead, printed as JSON: minutes of a core."),
    ] = False,
    page: Annotated[bool, typer.Option("--page", help="Only print the page of the file.")] = False,
) -> None:
    """Run nodes, verifiers and liars through kills, reorganisations, partitions and outages, each drawn from a seed.

    The nodes, the verifiers and the contracts are the real ones; time, links and the way to the chain are simulated.
    Exit code 0 only if every rule held in every run. `--seed N --runs 1` with another file repeats one.

    Example: cupel chaos --runs 200 --out chaos.jsonl
    """
    # PyTorch takes a second to load; `--help` must not.
    from cupel.devnet.chaos.campaign import one_day, read_runs, run_campaign
    from cupel.devnet.chaos.campaign import page as page_of

    if day:
        with waiting("living a day: minutes of a core"):
            run = one_day(seed)
        print(json.dumps(run))
        raise typer.Exit(EXIT_BROKEN if run["broken"] else 0)
    broken = 0
    if not page:
        broken = run_campaign(
            range(seed, seed + runs), out, lambda line: print(line, file=sys.stderr, flush=True)
        )
    print(page_of(read_runs(out)))
    raise typer.Exit(EXIT_BROKEN if broken else 0)
