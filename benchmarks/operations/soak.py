"""Hours of ordinary work on a wall clock: does anything grow in a chain, three nodes and a verifier?

    python benchmarks/operations/soak.py run --out soak              two hours
    python benchmarks/operations/soak.py page --out soak             page and plot, of a run that goes on too

Real processes on this machine's loopback, each with its own folder. Every ten seconds a line with what each of them
takes goes into `soak/samples.jsonl`; what they say goes into `soak/run/events.jsonl`. Nobody lies and nobody is killed:
what fails by itself is part of the result.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Final

from soak_page import write_page
from stage import CHAIN, Cast, Stage, begin, opened
from watching import families, folder_size, usage_of

from cupel.devnet.deployment import DataTerms, JuryTerms
from cupel.devnet.presets import AGGREGATE, CANONICAL, JUROR_STAKE, Pace, Preset

SAMPLES: Final = "samples.jsonl"
SAMPLE_SECONDS: Final = 10.0
ROUND_SECONDS: Final = 60
# Wide: what is measured here is growth, on a machine that has other work too.
JURY: Final = JuryTerms(3, 0, 30, 20, 0, 10, JUROR_STAKE)
DATA: Final = DataTerms(answer_seconds=60, close_seconds=20)
PRESET: Final = Preset(
    name="soak",
    rounds=120,
    problems_per_round=8,
    group_size=8,
    inner_steps=2,
    learning_rate_billionths=200_000,
    final_learning_rate_billionths=50_000,
    pretrain_steps=100,
    jury=JURY,
    canonical=CANONICAL,
    aggregate=AGGREGATE,
    least_round_seconds=ROUND_SECONDS,
    reward_margin=0,
)


def cast_of(rounds: int, nodes: int) -> Cast:
    """Rounds of a minute, four of them to look at a commitment."""
    pace = Pace(
        round_seconds=ROUND_SECONDS,
        commit_seconds=ROUND_SECONDS - 10,
        challenge_window=4 * ROUND_SECONDS,
        dispute_seconds=max(JURY.needed_seconds, CANONICAL.needed_seconds, 80),
        exit_margin=2,
        start_in_seconds=90,
    )
    return Cast(nodes, 1, rounds, dataclasses.replace(PRESET, rounds=rounds), pace, DATA, block_seconds=2)


async def sample(stage: Stage, out: Path, began: float) -> None:
    """Write what everything takes until cancelled."""
    with (out / SAMPLES).open("a", encoding="utf-8") as file:
        while True:
            line = await asyncio.to_thread(_look, stage, began)
            print(json.dumps(line, separators=(",", ":")), file=file, flush=True)
            await asyncio.sleep(SAMPLE_SECONDS - (time.monotonic() - began) % SAMPLE_SECONDS)


def _look(stage: Stage, began: float) -> dict[str, object]:
    roots = {CHAIN: stage.chain.process.pid, **{name: one.pid for name, one in stage.running.items()}}
    used = {name: usage_of(pid) for name, pid in families(roots).items()}
    data = {name: folder_size(stage.folder.data / name) for name in (*stage.cast.workers, "creator")}
    return {
        "seconds": round(time.monotonic() - began, 1),
        "load": round(os.getloadavg()[0], 2),
        "processes": {name: dataclasses.astuple(one) for name, one in used.items() if one is not None},
        "folders": data,
    }


async def run(out: Path, hours: float, nodes: int) -> int:
    """Work for so long, then settle; the exit code."""
    rounds = max(3, round(hours * 3600 / ROUND_SECONDS))
    cast = cast_of(rounds, nodes)
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    async with opened(cast, out / "run", JURY) as stage:
        await begin(stage)
        facts = {"start": stage.start, "rounds": rounds, "round_seconds": ROUND_SECONDS, "nodes": nodes}
        began = time.monotonic()
        (out / "facts.json").write_text(json.dumps(facts | {"began": time.time()}), encoding="utf-8")
        sampling = asyncio.create_task(sample(stage, out, began))
        try:
            settling = cast.pace.settlement_seconds + cast.pace.dispute_seconds + 300
            patience = rounds * ROUND_SECONDS + cast.pace.start_in_seconds + settling
            await stage.until(lambda: not stage.running, patience, "everybody's end")
        finally:
            sampling.cancel()
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "page"))
    parser.add_argument("--out", type=Path, default=Path("soak"))
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path(__file__).parents[1] / "results")
    given = parser.parse_args()
    if given.what == "page":
        print(write_page(given.out, given.results))
        return 0
    return asyncio.run(run(given.out.resolve(), given.hours, given.nodes))


if __name__ == "__main__":
    sys.exit(main())
