"""`cupel demo --attack`: the liars in runs of a few at a time, each run a whole economy of processes.

Finished runs stay in the suite's folder, so a suite that was stopped goes on where it was.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from cupel.devnet import machine
from cupel.devnet.attacks.catalogue import attack_names
from cupel.devnet.attacks.courts import settled
from cupel.devnet.attacks.table import Row, as_json, judge_attacks, markdown, row_of_json, rows_of
from cupel.devnet.attacks.verifiers import VERIFIERS
from cupel.devnet.chronicle import DemoFailed
from cupel.devnet.options import DemoOptions
from cupel.devnet.presets import FAST
from cupel.devnet.session import run_session
from cupel.devnet.supervisor import ChildFailed
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.replay import ReplayRule

ALL: Final = "all"
LIST: Final = "list"
ROUNDS: Final = 3
HONEST_NODES: Final = 2
LIARS_A_RUN: Final = 6
"""More would share two cores with the honest ones for longer than a round lasts."""
STALLING: Final = frozenset({"withheld-data"})
"""Nobody can compute the next version before the liar is slashed: the whole run waits for that."""
PRESET: Final = dataclasses.replace(
    FAST,
    name="attack",
    problems_per_round=6,
    inner_steps=2,
    pretrain_steps=100,
    least_round_seconds=20,
    replay=ReplayRule(400),
)
"""Little work, for nothing is to be learned, and long rounds, for many processes have to get through them."""


@dataclass(frozen=True, slots=True)
class Suite:
    """What is to be run."""

    attacks: tuple[str, ...]
    folder: Path
    rounds: int
    seed: int
    keep: bool
    attestations: int = 0
    """As in `DemoOptions`."""
    mishaps: bool = False
    """Likewise."""


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run: its rows, what its promises came to, and those that did not hold."""

    attacks: tuple[str, ...]
    rows: tuple[Row, ...]
    promises: dict[str, str]
    """What was observed, by title."""
    broken: tuple[str, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """As kept on disk."""
        return {
            "attacks": list(self.attacks),
            "rows": [as_json(row) for row in self.rows],
            "promises": self.promises,
            "broken": list(self.broken),
            "seconds": self.seconds,
        }


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The attacks that the command line names. ConfigError for an unknown one."""
    known = attack_names()
    if ALL in names:
        return known
    for name in names:
        if name not in known:
            raise ConfigError(
                "attack", f"there is no attack {name!r}", "`cupel demo --attack list` names them"
            )
    return tuple(dict.fromkeys(names))


def packs(attacks: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The attacks in runs: a few nodes each, and in a run of its own whatever would disturb the others."""
    alone = {*VERIFIERS, *STALLING}
    nodes = [name for name in attacks if name not in alone]
    chunks = [tuple(nodes[start : start + LIARS_A_RUN]) for start in range(0, len(nodes), LIARS_A_RUN)]
    return (*chunks, *((name,) for name in attacks if name in alone))


async def run_suite(suite: Suite, console: Console) -> tuple[Run, ...]:
    """Every run, one after another; those that the folder already holds are not repeated.

    A run that does not get to a verdict is told and counts as broken; the others go on.
    """
    runs: list[Run] = []
    planned = packs(suite.attacks)
    for number, attacks in enumerate(planned, 1):
        folder = suite.folder / f"run-{number:02d}"
        console.print(f"run {number} of {len(planned)}: {', '.join(attacks)}", highlight=False)
        runs.append(kept_run(folder, attacks) or await _run(suite, attacks, folder, console))
        _write(suite.folder, runs)
    return tuple(runs)


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """What `--json` prints."""
    return {"passed": passed(runs), "runs": [run.as_json() for run in runs]}


def passed(runs: Sequence[Run]) -> bool:
    """Whether every promise held in every run."""
    return bool(runs) and not any(run.broken for run in runs)


def page(runs: Sequence[Run]) -> str:
    """The table, by whom each was settled, what the promises of each run came to, and what did not hold."""
    rows = [row for run in runs for row in run.rows]
    broken = [f"- {', '.join(run.attacks)}: {problem}" for run in runs for problem in run.broken]
    ending = "\n".join(["", "Broken promises:", "", *broken, ""]) if broken else ""
    return "\n".join([markdown(rows), settled(rows), _promises(runs)]) + ending


def _promises(runs: Sequence[Run]) -> str:
    lines = ["## The promises of each run", ""]
    for number, run in enumerate(runs, 1):
        told = "; ".join(f"{title}: {observed}" for title, observed in run.promises.items())
        lines.append(f"{number}. {run.seconds:.0f} s. {told or 'no verdict'}.")
    return "\n".join([*lines, ""])


async def _run(suite: Suite, attacks: tuple[str, ...], folder: Path, console: Console) -> Run:
    # Left by a suite that was stopped in the middle of this run.
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    lying = tuple(name for name in attacks if name in VERIFIERS)
    nodes = tuple(name for name in attacks if name not in VERIFIERS)
    options = DemoOptions(
        preset=PRESET,
        num_nodes=HONEST_NODES + len(nodes),
        rounds=suite.rounds,
        seed=suite.seed,
        rpc_port=0,
        kill=None,
        folder=folder,
        keep=suite.keep,
        attacks=nodes,
        verifier_attacks=lying,
        attestations=suite.attestations,
        mishaps=suite.mishaps,
    )
    lies, begun = options.verifier_lies, time.monotonic()
    try:
        outcome = await run_session(options, console, lambda facts, state: judge_attacks(facts, state, lies))
    except (DemoFailed, ChildFailed) as error:
        return Run(attacks, (), {}, (f"no verdict: {error}",), round(time.monotonic() - begun, 1))
    broken = tuple(f"{check.title}: {check.observed}" for check in outcome.checks if not check.passed)
    promises = {check.title: check.observed for check in outcome.checks}
    rows = rows_of(outcome.facts, outcome.state, lies)
    run = Run(attacks, rows, promises, broken, round(outcome.seconds, 1))
    keep_run(folder, run)
    return run


def keep_run(folder: Path, run: Run) -> None:
    """Write a finished run into its folder."""
    (folder / "attacks.json").write_text(json.dumps(run.as_json(), indent=2) + "\n", encoding="utf-8")


def kept_run(folder: Path, attacks: tuple[str, ...]) -> Run | None:
    """The finished run of these attacks in the folder, if there is one. ConfigError if it is of others."""
    try:
        document = json.loads((folder / "attacks.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if tuple(document["attacks"]) != attacks:
        problem = f"{folder} holds a run of {', '.join(document['attacks'])}"
        raise ConfigError("run-dir", problem, "Name a new folder, or the same attacks as before")
    rows = tuple(row_of_json(row) for row in document["rows"])
    return Run(attacks, rows, document["promises"], tuple(document["broken"]), document["seconds"])


def _write(folder: Path, runs: Sequence[Run]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "attacks.md").write_text(f"# Attacks\n\n{machine.describe()}\n\n{page(runs)}", encoding="utf-8")
    (folder / "attacks.json").write_text(json.dumps(summary(runs), indent=2) + "\n", encoding="utf-8")
