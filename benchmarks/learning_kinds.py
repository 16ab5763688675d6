"""Learning by task kind: supervised, low-rank adapters, preferences, and a dialogue; mean reward over seeds.

    python benchmarks/learning_kinds.py                     the tables, and learning_kinds.svg under benchmarks/results/
    python benchmarks/learning_kinds.py --kinds sft --seeds 0 --rounds 5 --out learning.md
    python benchmarks/learning_kinds.py --runs folder       keeps finished runs there, and takes them again

One process and one thread, as `learning.py` at level 0: assigned problems and seeds, the trainer, the quantised update
and the exact aggregation of the protocol, neither proofs nor a chain. The first three kinds sort digits, from the
example's pre-trained policy; the dialogue is guessed from fresh weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from learning import BEHIND, ROOT, Outcome, Run, picture, pretrained, task

from cupel.protocol.model.checkpoint import checkpoint_from_bytes
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.environments.base import (
    GUESSING,
    SORTING,
    Dialogue,
    get_environment,
    longest_dialogue,
)
from cupel.protocol.spec.recipe import CLIP
from cupel.protocol.spec.task import NOTHING_PINNED, EnvironmentRef, TaskParams, TaskSpec
from cupel.protocol.task.genesis import drawn

PRETRAIN_STEPS = 400
LAST_ROUNDS = 5
PICTURE = "![Mean reward over rounds by task kind, with the band of the seeds](learning_kinds.svg)"


@dataclass(frozen=True)
class Kind:
    """What a kind changes in the sorting task's recipe and terms."""

    title: str
    recipe: dict[str, Any]
    rounds: int = 30
    problems: int = 32
    group: int = 8
    environment: EnvironmentRef = SORTING


KINDS = {
    "sft": Kind("supervised: the environment's answers", {"objective": "sft", "inner_steps": 2}, 15, 64, 4),
    "lora": Kind(
        "GRPO, adapters of rank 4",
        {"lora_rank": 4, "learning_rate_billionths": 6_000_000, "final_learning_rate_billionths": 1_000_000},
    ),
    "dpo": Kind(
        "preferences: DPO on the round's pairs",
        {"objective": "dpo", "reference": "sampler", "dpo_beta_millionths": 500_000, "inner_steps": 2},
    ),
    "dialogue": Kind(
        "GRPO on `cupel/guessing`, from fresh weights",
        {"learning_rate_billionths": 4_000_000, "final_learning_rate_billionths": 200_000},
        50,
        32,
        8,
        GUESSING,
    ),
}


def task_of(kind: Kind, rounds: int | None) -> tuple[TaskParams, TaskSpec]:
    """Parameters and document of a kind."""
    params, spec = task(kind.rounds if rounds is None else rounds, CLIP)
    environment = get_environment(kind.environment)
    recipe = dataclasses.replace(spec.recipe, **kind.recipe)
    terms: dict[str, Any] = {"problems_per_round": kind.problems, "group_size": kind.group}
    if isinstance(environment, Dialogue):
        terms |= {"max_tokens": longest_dialogue(environment), "reward_rule": NOTHING_PINNED}
    spec = dataclasses.replace(spec, environment=kind.environment, recipe=recipe)
    return dataclasses.replace(params, **terms), spec


def one_run(name: str, seed: int, rounds: int | None, kept: Path | None) -> Outcome:
    """Play a run, or read what it gave last time."""
    params, spec = task_of(KINDS[name], rounds)
    file = None if kept is None else kept / f"kind-{name}-{params.rounds}-{seed}.json"
    if file is not None and file.exists():
        return Outcome(**json.loads(file.read_text(encoding="utf-8")))
    warm = KINDS[name].environment == SORTING
    data = pretrained(PRETRAIN_STEPS, seed, kept) if warm else drawn(spec.model, seed)
    genesis = checkpoint_from_bytes(data, layout_of(spec.model))
    began = time.process_time()
    run = Run(params, spec, 0, seed, [genesis])
    run.play()
    outcome = Outcome(run.rewards, run.final(), time.process_time() - began)
    print(f"{name} seed {seed}: {outcome.final:.3f}", file=sys.stderr, flush=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(dataclasses.asdict(outcome)), encoding="utf-8")
    return outcome


def table(runs: dict[str, list[Outcome]]) -> str:
    """Markdown table: one row a kind."""
    rows = [
        f"| kind | rounds | round 0, by seed | last {LAST_ROUNDS} rounds "
        "| last version, fresh problems | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    for name, outcomes in runs.items():
        first = " / ".join(f"{one.rewards[0]:.3f}" for one in outcomes)
        last = " / ".join(f"{np.mean(one.rewards[-LAST_ROUNDS:]):.3f}" for one in outcomes)
        final = " / ".join(f"{one.final:.3f}" for one in outcomes)
        seconds = np.mean([one.cpu_seconds for one in outcomes])
        rounds = len(outcomes[0].rewards)
        rows.append(f"| {KINDS[name].title} | {rounds} | {first} | {last} | {final} | {seconds:.0f} |")
    return "\n".join(rows)


def parse_arguments() -> argparse.Namespace:
    """Kinds, seeds, rounds and where to write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, help="instead of each kind's own number")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "learning.md")
    parser.add_argument("--runs", type=Path, help="folder of finished runs")
    return parser.parse_args()


def main() -> None:
    """Run every kind on every seed, print the table and write it with its picture behind what the file has."""
    given = parse_arguments()
    torch.set_num_threads(1)
    runs = {
        name: [one_run(name, seed, given.rounds, given.runs) for seed in given.seeds] for name in given.kinds
    }
    text = table(runs)
    print(text)
    written = given.out.read_text(encoding="utf-8") if given.out.exists() else f"# Learning\n\n{BEHIND}\n"
    head, _, tail = written.partition(BEHIND)
    said = tail.split("| kind |")[0].strip()
    parts = [head.rstrip(), BEHIND, said, text, PICTURE]
    given.out.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    curves = {name: np.array([one.rewards for one in outcomes]) for name, outcomes in runs.items()}
    given.out.with_name("learning_kinds.svg").write_text(picture(curves), encoding="utf-8")


if __name__ == "__main__":
    main()
