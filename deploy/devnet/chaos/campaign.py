"""Many runs of chaos, one after the other, each a line of a file; and the page that is made of such a file."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cupel.devnet.chaos.rules import RULES, broken_rules
from cupel.devnet.chaos.scenario import DAY_ROUND_SECONDS, Scenario, draw_day, draw_scenario
from cupel.devnet.chaos.world import Outcome, Stand, pace_of, play, standing

RUNS_A_STAND: Final = 20
"""A chain that goes back to its snapshot keeps what it forgot in memory: now and then it is a new one."""


def run_campaign(seeds: Iterable[int], out: Path, say: Callable[[str], None]) -> int:
    """Run the seeds that are not in the file yet; how many broke a rule."""
    done = {run["seed"] for run in read_runs(out)}
    left = [seed for seed in seeds if seed not in done]
    broken = 0
    for first in range(0, len(left), RUNS_A_STAND):
        with standing() as stand, out.open("a", encoding="utf-8") as file:
            for seed in left[first : first + RUNS_A_STAND]:
                run = one_run(stand, seed)
                print(json.dumps(run, separators=(",", ":")), file=file, flush=True)
                broken += bool(run["broken"])
                say(_line(run))
    return broken


def one_run(stand: Stand, seed: int) -> dict[str, Any]:
    """A seed's run, as a line of the file."""
    wall, cpu = time.monotonic(), time.process_time()
    return _told(play(stand, draw_scenario(seed)), wall, cpu)


def one_day(seed: int) -> dict[str, Any]:
    """24 hours, as such a line: blocks of 12 s, and looks at them every half minute."""
    wall, cpu, scenario = time.monotonic(), time.process_time(), draw_day(seed)
    with standing(rounds=scenario.rounds) as stand:
        pace = pace_of(DAY_ROUND_SECONDS, DAY_ROUND_SECONDS - 180)
        return _told(play(stand, scenario, pace, stretch=60.0), wall, cpu)


def _told(outcome: Outcome, wall: float, cpu: float) -> dict[str, Any]:
    scenario = outcome.scenario
    return {
        "seed": scenario.seed,
        "broken": [dataclasses.asdict(broken) for broken in broken_rules(outcome)],
        "trouble": trouble(scenario),
        "lies": list(scenario.lies),
        "slashed": len(outcome.ledger.slashes),
        "commitments": len(outcome.ledger.work),
        "restarts": sum(actor.restarts for actor in outcome.actors.values()),
        "missed": missed_rounds(outcome),
        **outcome.facts,
        "seconds": round(time.monotonic() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def trouble(scenario: Scenario) -> dict[str, int]:
    """How much of each kind."""
    return {
        "kills": len(scenario.kills),
        "reorganisations": len(scenario.reorganisations),
        "blocks replaced": sum(one.depth for one in scenario.reorganisations),
        "partitions": len(scenario.partitions),
        "RPC outages": len(scenario.outages),
        "liars": len(scenario.lies),
    }


def missed_rounds(outcome: Outcome) -> int:
    """Rounds that honest nodes did not commit."""
    nodes = [outcome.addresses[name] for name in outcome.scenario.honest_nodes]
    done = sum(work.node in nodes for work in outcome.ledger.work.values())
    return len(nodes) * outcome.scenario.rounds - done


def read_runs(out: Path) -> list[dict[str, Any]]:
    """The runs of a file; none if there is none yet."""
    if not out.exists():
        return []
    return [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n")[:-1]]


def page(runs: Sequence[Mapping[str, Any]]) -> str:
    """A campaign as Markdown."""
    total: Counter[str] = Counter()
    for run in runs:
        total.update(run["trouble"])
        for key in (
            "commitments",
            "slashed",
            "missed",
            "restarts",
            "transactions",
            "requests",
            "requests_failed",
        ):
            total[key] += run[key]
        for key in ("packets_lost", "simulated_seconds", "cpu_seconds"):
            total[key] += run[key]
    broken = Counter(one["rule"] for run in runs for one in run["broken"])
    lies = Counter(lie for run in runs for lie in run["lies"])
    rules = [
        f"| {name} | {(rule.__doc__ or '').rstrip('.')} | {broken[name]} |" for name, rule in RULES.items()
    ]
    seeds = sorted(run["seed"] for run in runs)
    troubles = [f"| {name} | {total[name]} |" for name in (runs[0]["trouble"] if runs else ())]
    counts = [f"| {what} | {round(total[key]):,} |" for key, what in _COUNTS.items()]
    failures = [
        f"- seed {run['seed']}: {one['rule']}: {one['what']}" for run in runs for one in run["broken"]
    ]
    parts = [
        "# Chaos, in simulated time",
        "`cupel chaos --runs 200 --out chaos.jsonl`; this page is `cupel chaos --page --out chaos.jsonl`. Nodes,"
        " verifiers and contracts are the real ones, on anvil; time, links, the way to the chain and deaths are"
        " simulated ([docs/running.md](../../docs/running.md#chaos)).",
        f"{len(runs)} runs, seeds {seeds[0] if seeds else 0} to {seeds[-1] if seeds else 0};"
        f" {sum(not run['broken'] for run in runs)} broke no rule.",
        "\n".join(["| rule | | runs' violations |", "|---|---|---:|", *rules]),
        "\n".join(["| what went wrong in them | |", "|---|---:|", *troubles]),
        "\n".join(["| what came of it | |", "|---|---:|", *counts]),
        "Liars: " + ", ".join(f"{name} {count}" for name, count in sorted(lies.items())) + ".",
        "Broken:\n\n" + "\n".join(failures) if failures else "No rule was broken.",
    ]
    return "\n\n".join(parts) + "\n"


_COUNTS: Final = {
    "commitments": "commitments on the chain",
    "missed": "rounds that an honest node missed, where something touched it",
    "slashed": "memberships slashed",
    "restarts": "restarts after a failure of the world",
    "transactions": "transactions sent",
    "requests": "requests to the chain",
    "requests_failed": "of these failed on purpose",
    "packets_lost": "packets lost and sent again",
    "simulated_seconds": "simulated seconds",
    "cpu_seconds": "processor seconds",
}


def _line(run: Mapping[str, Any]) -> str:
    state = ", ".join(f"{one['rule']} ({one['what']})" for one in run["broken"]) or "held"
    return f"seed {run['seed']}: {state}; {run['simulated_seconds']} s simulated in {run['seconds']} s"
