"""Honest work and cheats under `cupel calibrate`: the demo's policy, trained, and a wider one, untrained.

    python benchmarks/calibration.py tiny     # 2 x 100,000 honest chunks, 2,000 of each cheat; an hour on a busy core
    python benchmarks/calibration.py wide     # 2 x 1,000 honest chunks of 8,192 activations, 100 of each cheat
    python benchmarks/calibration.py tables > benchmarks/results/calibration.md

Criteria and pictures go to benchmarks/results/calibration. An interrupted run goes on where it stopped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import torch

from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.task.plan import load_plan
from cupel.verifier.calibration.columns import COLUMNS

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "calibration"
PLANS: Final = {
    "tiny": ROOT / "examples" / "sorting" / "task.toml",
    "wide": ROOT / "benchmarks" / "calibration_wide.toml",
}
COUNTS: Final = {
    "tiny": ["--chunks", "100000", "--cheat-chunks", "2000"],
    # Two threads on two busy cores wait for each other most of the time.
    "wide": ["--chunks", "1000", "--cheat-chunks", "100", "--student-steps", "20", "--threads", "1"],
}
TITLES: Final = {
    "tiny": "The demo's policy, after its pre-training",
    "wide": "A wider policy, untrained",
}


def make_checkpoint(name: str, path: Path) -> None:
    """The demo's pre-trained policy, or fresh weights of the wide one."""
    if name == "tiny":
        script = ROOT / "examples" / "sorting" / "pretrain.py"
        subprocess.run([sys.executable, script, path, "--steps", "400", "--seed", "0"], check=True)
        return
    policy = TinyPolicy(load_plan(PLANS[name], Thresholds(0, 0, 0)).spec.model)
    initialise(policy, torch.Generator().manual_seed(0))
    layout = layout_of(policy.shape)
    path.write_bytes(checkpoint_to_bytes(genesis(flatten(policy, layout)), layout))


def calibrate(name: str) -> None:
    """One of the two runs."""
    checkpoint = ROOT / "runs" / f"calibration-{name}.safetensors"
    checkpoint.parent.mkdir(exist_ok=True)
    make_checkpoint(name, checkpoint)
    program = Path(sys.executable).with_name("cupel")
    command: list[str | Path] = [
        program,
        "calibrate",
        "--checkpoint",
        checkpoint,
        "--plan",
        PLANS[name],
        *COUNTS[name],
    ]
    quiet = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    command += ["--out", RESULTS / f"{name}.toml"]
    subprocess.run(command, check=True, env=os.environ | quiet)


def tables(name: str, document: dict[str, Any]) -> list[str]:
    """The run's tables in Markdown."""
    honest, model, limits = document["honest"], document["scope"]["model"], document["limits"]
    chosen = ", ".join(f"{key} {limits[key]} (honest most {honest['most'][key]})" for key in honest["most"])
    return [
        f"## {TITLES[name]}",
        "",
        f"{model['layers']} layers, width {model['width']}, {document['scope']['chunk_tokens']} tokens to a chunk, "
        f"completions of at most {document['scope']['max_tokens']}, k = {document['scope']['topk']}, "
        f"{document['measured']['software']}. Limits: {chosen}.",
        "",
        f"Honest chunks that did not choose the limits: {honest['chunks']}, refused: {honest['false_rejects']}, "
        f"at most {honest['false_reject_bound']:.1e} of all with 95 % confidence. "
        f"Chosen from {honest['chosen_from']} others.",
        "",
        *_cheats(document),
        "",
        *_engines(document),
        "",
    ]


def _cheats(document: dict[str, Any]) -> list[str]:
    titles = {column.name: column.title for column in COLUMNS}
    lines = [
        "| cheat | chunks | true | accepted | of false at most | pass 38/10/8 | pass 60/40/40 | within the band "
        "| audits by mean error | refused by |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cheat in document["cheat"]:
        chunks = cheat["chunks"]
        paper, deployed = cheat["accepted_by_published"].values()
        checks = sorted(cheat["refused_by"].items(), key=lambda item: -item[1])
        refused = ", ".join(f"{titles[key]} {_share(count, chunks)}" for key, count in checks)
        pooled = cheat["pooled_audits"]
        bound = f"{cheat['false_accept_bound']:.1e}" if chunks > cheat["true_chunks"] else ""
        lines.append(
            f"| {cheat['title']} | {chunks} | {cheat['true_chunks']} | {cheat['false_accepts']} | {bound} "
            f"| {_share(paper, chunks)} | {_share(deployed, chunks)} | {cheat['within_honest_band']} "
            f"| {pooled['refused']} of {pooled['tried']} | {refused} |"
        )
    return lines


def _engines(document: dict[str, Any]) -> list[str]:
    lines = [
        "| honest engine | chunks | refused | most exponents | mean | median | sampling |",
        "|---|---|---|---|---|---|---|",
    ]
    for engine in document["engine"]:
        most = " | ".join(str(value) for value in engine["most"].values())
        lines.append(f"| {engine['name']} | {engine['chunks']} | {engine['refused']} | {most} |")
    return lines


def _share(count: int, total: int) -> str:
    if count in (0, total):
        return "all" if count else "none"
    # Rounding must not turn nearly all into all.
    return f"{min(max(100 * count / total, 0.1), 99.9):.1f} %"


def main(name: str) -> None:
    """One run, or the tables of both."""
    if name != "tables":
        calibrate(name)
        return
    print(
        "# Calibration, measured\n\n`python benchmarks/calibration.py`. What the columns mean: docs/calibration.md.\n"
    )
    for run in PLANS:
        path = RESULTS / f"{run}.toml"
        print("\n".join(tables(run, tomllib.loads(path.read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "tables")
