"""The DiLoCo table: local training with every codec, topology and schedule, beside synchronous data parallel.

    python benchmarks/diloco/table.py run --seeds 0 1        # resumes: a finished run is not repeated
    python benchmarks/diloco/table.py run --only "H=50" --minutes 10
    python benchmarks/diloco/table.py show > benchmarks/results/diloco.md

Results go to benchmarks/results/diloco.jsonl, one line a run.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import torch
from report import report
from trials import Config, Result, run

RESULTS = Path(__file__).parent.parent / "results" / "diloco.jsonl"
STEPS = 4000
ZERO, HALF, ONE = (0, 1), (1, 2), (1, 1)
FEW = {"workers": 4, "batch": 8}

CONFIGS = [
    Config("one worker", workers=1),
    Config("synchronous data parallel"),
    Config("H=20", 20),
    Config("H=50", 50),
    Config("H=50, int8", 50, codec="mxint8"),
    Config("H=50, int4", 50, codec="mxint4"),
    Config("H=20, momentum 1/2", 20, momentum=HALF),
    Config("H=20, momentum 1/2, ring", 20, momentum=HALF, topology="ring"),
    Config("H=50, 30 % dropped", 50, drop_percent=30),
    Config("H=20, sparse-8", 20, codec="sparse-8"),
    Config("H=50, delayed", 50, delayed=True),
    Config("H=20, ring", 20, topology="ring"),
    Config("H=20, momentum 1/2, pair", 20, momentum=HALF, topology="pair"),
    Config("H=20, momentum 1/2, expander", 20, momentum=HALF, topology="expander"),
    Config("H=10", 10),
    Config("H=150", 150),
    Config("H=50, plain averaging", 50, learning_rate=ONE, momentum=ZERO),
    Config("H=20, momentum 1/2, small-world", 20, momentum=HALF, topology="small-world"),
    Config("H=50, momentum 1/2, delayed", 50, momentum=HALF, delayed=True),
    Config("H=50, no momentum, delayed", 50, momentum=ZERO, delayed=True),
    Config("H=20, sparse-8, plain averaging", 20, learning_rate=ONE, momentum=ZERO, codec="sparse-8"),
    Config("H=20, sparse-16, plain averaging", 20, learning_rate=ONE, momentum=ZERO, codec="sparse-16"),
    Config("H=50, sparse-8, plain averaging", 50, learning_rate=ONE, momentum=ZERO, codec="sparse-8"),
    Config("4 large workers: synchronous data parallel", **FEW),
    Config("4 large workers: H=20", 20, **FEW),
    Config("4 large workers: H=50", 50, **FEW),
]


def load(steps: int) -> dict[str, dict[int, Result]]:
    """Finished runs of that length: name, seed, result."""
    found: dict[str, dict[int, Result]] = {}
    known = {config.name: json.loads(json.dumps(asdict(config))) for config in CONFIGS}
    for line in RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else ():
        entry = json.loads(line)
        # A line of other settings under the same name is of another experiment.
        if entry["steps"] == steps and entry["config"] == known.get(entry["config"]["name"]):
            found.setdefault(entry["config"]["name"], {})[entry["seed"]] = Result(**entry["result"])
    return found


def train_all(seeds: list[int], steps: int, only: str, minutes: float) -> None:
    """Run what is missing, stopping before the first run that begins after `minutes`."""
    torch.set_num_threads(1)
    began = time.monotonic()
    # Every row once before any row again: what is cut short is a whole table of fewer seeds.
    for seed in seeds:
        for config in CONFIGS:
            if only not in config.name or seed in load(steps).get(config.name, {}):
                continue
            if time.monotonic() - began > 60 * minutes:
                return
            result = run(config, seed, steps)
            line = {"config": asdict(config), "seed": seed, "steps": steps, "result": asdict(result)}
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(
                f"{config.name}, seed {seed}: {result.loss:.4f} in {result.cpu_seconds:.0f} CPU s", flush=True
            )


def main() -> None:
    """Train, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "show"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--only", default="", help="only rows whose name contains this")
    parser.add_argument("--minutes", type=float, default=1e9)
    arguments = parser.parse_args()
    if arguments.what == "run":
        train_all(arguments.seeds, arguments.steps, arguments.only, arguments.minutes)
    else:
        print(report(CONFIGS, load(arguments.steps), arguments.steps))


if __name__ == "__main__":
    main()
