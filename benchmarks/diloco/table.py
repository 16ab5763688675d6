"""The DiLoCo table: local training with every codec, topology and schedule, beside synchronous data parallel.

    python benchmarks/diloco/table.py run --seeds 0 1        # resumes: a finished run is not repeated
    python benchmarks/diloco/table.py run --only "H=50" --minutes 10
    python benchmarks/diloco/table.py show > benchmarks/results/diloco.md
    python benchmarks/diloco/table.py run --table long             # twice the steps, few large workers
    python benchmarks/diloco/table.py run --table large --device cuda    # 4.8 million parameters
    python benchmarks/diloco/table.py show --table large > benchmarks/results/diloco_large.md

Results go to benchmarks/results/diloco.jsonl, diloco_long.jsonl or diloco_large.jsonl, one line a run; --results names
another folder.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from report import CLAIMS, LARGE_CLAIMS, LONG_CLAIMS, report
from trials import LARGE, LONG, SMALL, Config, Result, Setting, run

RESULTS = Path(__file__).parent.parent / "results"
ZERO, HALF, ONE = (0, 1), (1, 2), (1, 1)
FEW = {"workers": 4, "batch": 8}
STEADY = {"learning_rate": HALF, "momentum": (4, 5)}

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
    Config("H=50, overlap 5", 50, overlap=5),
    Config("H=20, ring", 20, topology="ring"),
    Config("H=20, momentum 1/2, pair", 20, momentum=HALF, topology="pair"),
    Config("H=20, momentum 1/2, expander", 20, momentum=HALF, topology="expander"),
    Config("H=10", 10),
    Config("H=150", 150),
    Config("H=50, plain averaging", 50, learning_rate=ONE, momentum=ZERO),
    Config("H=20, momentum 1/2, small-world", 20, momentum=HALF, topology="small-world"),
    Config("H=50, overlap 10", 50, overlap=10),
    Config("H=50, overlap 50", 50, overlap=50),
    Config("H=20, sparse-8, plain averaging", 20, learning_rate=ONE, momentum=ZERO, codec="sparse-8"),
    Config("H=20, sparse-16, plain averaging", 20, learning_rate=ONE, momentum=ZERO, codec="sparse-16"),
    Config("H=50, sparse-8, plain averaging", 50, learning_rate=ONE, momentum=ZERO, codec="sparse-8"),
    Config("4 large workers: synchronous data parallel", **FEW),
    Config("4 large workers: H=20", 20, **FEW),
    Config("4 large workers: H=50", 50, **FEW),
    Config("4 large workers: H=20, outer rate 1/2, momentum 4/5", 20, **STEADY, **FEW),
    Config("4 large workers: H=50, outer rate 1/2, momentum 4/5", 50, **STEADY, **FEW),
]

TWO = {"workers": 2, "batch": 16}

LARGE_CONFIGS = [
    Config("synchronous data parallel", **FEW),
    Config("H=100, int4", 100, codec="mxint4", **FEW),
    Config(
        "H=100, sparse-8, plain averaging", 100, learning_rate=ONE, momentum=ZERO, codec="sparse-8", **FEW
    ),
    Config("H=100", 100, **FEW),
    Config("H=100, int4, outer rate 2/5", 100, learning_rate=(2, 5), codec="mxint4", **FEW),
    Config("H=50, int4", 50, codec="mxint4", **FEW),
    Config("H=100, sparse-8, momentum 1/2", 100, momentum=HALF, codec="sparse-8", **FEW),
    Config(
        "H=50, sparse-16, plain averaging", 50, learning_rate=ONE, momentum=ZERO, codec="sparse-16", **FEW
    ),
    Config("H=100, int4, 30 % dropped", 100, codec="mxint4", drop_percent=30, **FEW),
    Config("one worker", workers=1, batch=8),
    Config("2 workers: synchronous data parallel", **TWO),
    Config("2 workers: H=100, int4", 100, codec="mxint4", **TWO),
    Config("2 workers: H=100, int4, outer rate 2/5", 100, learning_rate=(2, 5), codec="mxint4", **TWO),
    Config(
        "2 workers: H=100, sparse-8, plain averaging",
        100,
        learning_rate=ONE,
        momentum=ZERO,
        codec="sparse-8",
        **TWO,
    ),
]

LONG_CONFIGS = [
    Config("2 workers: synchronous data parallel", **TWO),
    Config("2 workers: H=54, int4, outer rate 1/2, momentum 4/5", 54, codec="mxint4", **STEADY, **TWO),
    Config("2 workers: H=100, int4, outer rate 1/2, momentum 4/5", 100, codec="mxint4", **STEADY, **TWO),
    Config("synchronous data parallel", **FEW),
    Config("H=54, int4, outer rate 1/2, momentum 4/5", 54, codec="mxint4", **STEADY, **FEW),
    Config("2 workers: H=54, sparse-8, momentum 1/2", 54, momentum=HALF, codec="sparse-8", **TWO),
    Config("2 workers: H=100, sparse-8, momentum 1/2", 100, momentum=HALF, codec="sparse-8", **TWO),
    Config("H=54, sparse-8, momentum 1/2", 54, momentum=HALF, codec="sparse-8", **FEW),
    Config("H=54, int4", 54, codec="mxint4", **FEW),
    Config("H=54, int4, outer rate 2/5", 54, learning_rate=(2, 5), codec="mxint4", **FEW),
    Config("H=54, int4, momentum 1/2", 54, momentum=HALF, codec="mxint4", **FEW),
    Config("one worker", workers=1, batch=8),
]

TABLES = {
    "small": (SMALL, CONFIGS, CLAIMS),
    "long": (LONG, LONG_CONFIGS, LONG_CLAIMS),
    "large": (LARGE, LARGE_CONFIGS, LARGE_CLAIMS),
}


def load(file: Path, configs: Sequence[Config], steps: int) -> dict[str, dict[int, Result]]:
    """Finished runs of that length: name, seed, result."""
    found: dict[str, dict[int, Result]] = {}
    known = {config.name: json.loads(json.dumps(asdict(config))) for config in configs}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        entry = json.loads(line)
        # A line of other settings under the same name is of another experiment.
        if entry["steps"] == steps and entry["config"] == known.get(entry["config"]["name"]):
            found.setdefault(entry["config"]["name"], {})[entry["seed"]] = Result(**entry["result"])
    return found


def train_all(
    file: Path, configs: Sequence[Config], setting: Setting, seeds: list[int], only: str, minutes: float
) -> None:
    """Run what is missing, stopping before the first run that begins after `minutes`."""
    torch.set_num_threads(1)
    began = time.monotonic()
    names = [config.name for config in configs]
    chosen = [only] if only in names else [name for name in names if only in name]
    # Every row once before any row again: what is cut short is a whole table of fewer seeds.
    for seed in seeds:
        for config in configs:
            if config.name not in chosen or seed in load(file, configs, setting.steps).get(config.name, {}):
                continue
            if time.monotonic() - began > 60 * minutes:
                return
            started = time.monotonic()
            result = run(config, seed, setting)
            line = {"config": asdict(config), "seed": seed, "steps": setting.steps, "result": asdict(result)}
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
            print(
                f"{config.name}, seed {seed}: {result.loss:.4f} in {time.monotonic() - started:.0f} s,"
                f" {result.cpu_seconds:.0f} CPU s",
                flush=True,
            )


def main() -> None:
    """Train, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "show"))
    parser.add_argument("--table", choices=TABLES, default="small", help="which model, length and rows")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, help="inner steps a worker, if not the table's own")
    parser.add_argument(
        "--only", default="", help="only the row of that name, or those whose name contains it"
    )
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the runs")
    given = parser.parse_args()
    setting, configs, claims = TABLES[given.table]
    setting = replace(setting, device=given.device, steps=given.steps or setting.steps)
    file = given.results / setting.file
    if given.what == "run":
        train_all(file, configs, setting, given.seeds, given.only, given.minutes)
    else:
        print(report(configs, load(file, configs, setting.steps), setting, claims))


if __name__ == "__main__":
    main()
