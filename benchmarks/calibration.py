"""Honest work and cheats under `cupel calibrate`: the demo's policy and a Llama, trained, and a wider one, untrained.

    python benchmarks/calibration.py tiny     # 2 x 100,000 honest chunks, 2,000 of each cheat; 20 minutes of a core
    python benchmarks/calibration.py wide     # 2 x 10,000 honest chunks of 8,192 activations, 640 of each cheat
    python benchmarks/calibration.py llama    # 2 x 10,000 honest chunks, 640 of each cheat
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
from cupel.verifier.calibration.audits import AUDIT_CHECKS
from cupel.verifier.calibration.columns import COLUMNS

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "calibration"
PLANS: Final = {
    "tiny": ROOT / "examples" / "sorting" / "task.toml",
    "wide": ROOT / "benchmarks" / "calibration_wide.toml",
    "llama": ROOT / "examples" / "llama" / "task.toml",
}
COUNTS: Final = {
    "tiny": ["--chunks", "100000", "--cheat-chunks", "2000"],
    # Two threads on two busy cores wait for each other most of the time.
    "wide": ["--chunks", "10000", "--cheat-chunks", "640", "--student-steps", "20", "--threads", "1"],
    "llama": ["--chunks", "10000", "--cheat-chunks", "640", "--threads", "1"],
}
TITLES: Final = {
    "tiny": "The demo's policy, after its pre-training",
    "wide": "A wider policy, untrained",
    "llama": "A Llama by transformers, after the same pre-training",
}

# No cheat breaks two checks of a group in different chunks, so that the greater count is that of both.
GROUPS: Final = {
    "sampling": ("sampling",),
    "termination": ("ending", "seeded-ending"),
    "assignment, reward": ("assignment", "reward"),
}


def make_checkpoint(name: str, path: Path) -> None:
    """A pre-trained policy, or fresh weights of the wide one."""
    if name != "wide":
        script = ROOT / "examples" / "sorting" / "pretrain.py"
        options = ["--steps", "400", "--seed", "0", "--plan", PLANS[name]]
        subprocess.run([sys.executable, script, path, *options], check=True)
        return
    policy = TinyPolicy(load_plan(PLANS[name], Thresholds(0, 0, 0)).spec.model)
    initialise(policy, torch.Generator().manual_seed(0))
    layout = layout_of(policy.shape)
    path.write_bytes(checkpoint_to_bytes(genesis(flatten(policy, layout)), layout))


def calibrate(name: str) -> None:
    """One of the runs."""
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
    audits, measured = document["honest_audits"], document["measured"]
    chosen = ", ".join(f"{key} {limits[key]} (honest most {honest['most'][key]})" for key in honest["most"])
    return [
        f"## {TITLES[name]}",
        "",
        f"{model['layers']} layers, width {model['width']}, {document['scope']['chunk_tokens']} tokens to a chunk, "
        f"completions of at most {document['scope']['max_tokens']}, k = {document['scope']['topk']}, "
        f"{measured['software']}. Limits of a chunk: {chosen}. Of the mean of {measured['audit_chunks']} chunks: "
        f"{document['audit_limits']['pooled']} millionths (honest most {audits['most']['pooled']}).",
        "",
        f"Honest chunks that did not choose the limits: {honest['chunks']}, refused: {honest['false_rejects']}, "
        f"at most {honest['false_reject_bound']:.1e} of all with 95 % confidence. "
        f"Chosen from {honest['chosen_from']} others.",
        "",
        f"Honest audits that did not choose the limits: {audits['audits']}, refused by the pooled error: "
        f"{audits['false_rejects']['pooled']}, at most {audits['pooled_false_reject_bound']:.1e} of all; by the token "
        f"distribution: {audits['false_rejects']['distribution']}; by the odds of endings: "
        f"{audits['false_rejects']['termination']}. Chosen from {audits['chosen_from']} others.",
        "",
        *_short(document),
        "",
        *_cheats(document),
        "",
        f"Refused by each check alone: shares of the chunks, then of the audits of {measured['audit_chunks']} chunks.",
        "",
        *_checks(document),
        "",
        *_engines(document),
        "",
    ]


def _short(document: dict[str, Any]) -> list[str]:
    """Cheat by what refuses it, in few columns: shares of chunks, then numbers of audits."""
    published = [
        f"published {title.replace(' ', '')}" for title in document["cheat"][0]["accepted_by_published"]
    ]
    heads = [
        "cheat",
        "true",
        *published,
        "proof",
        *GROUPS,
        "pooled, audits",
        "tokens, audits",
        "audits passed",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for cheat in document["cheat"]:
        chunks, audits, by_audit = cheat["chunks"], cheat["audits"], cheat["audits_refused_by"]
        counts = [chunks - count for count in cheat["accepted_by_published"].values()] + [
            cheat["refused_by_proof"]
        ]
        counts += [max(cheat["refused_by"].get(name, 0) for name in names) for names in GROUPS.values()]
        cells = ["all" if cheat["true_chunks"] == chunks else str(cheat["true_chunks"])]
        cells += [_share(count, chunks) if count else "" for count in counts]
        cells += [f"{by_audit[name]}" if name in by_audit else "" for name in ("pooled", "distribution")]
        passed = f"{cheat['audits_accepted']} of {audits}" if cheat["audits_accepted"] else "none"
        lines.append("| " + " | ".join([cheat["title"], *cells, passed]) + " |")
    return lines


def _cheats(document: dict[str, Any]) -> list[str]:
    lines = [
        "| cheat | chunks | true | accepted | of false at most | within the band | audits | audits accepted "
        "| at most | least pooled error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cheat in document["cheat"]:
        bound = f"{cheat['false_accept_bound']:.1e}" if cheat["chunks"] > cheat["true_chunks"] else ""
        lines.append(
            f"| {cheat['title']} | {cheat['chunks']} | {cheat['true_chunks']} | {cheat['false_accepts']} | {bound} "
            f"| {cheat['within_honest_band']} | {cheat['audits']} | {cheat['audits_accepted']} "
            f"| {cheat['audit_accepted_bound']:.2f} | {cheat['least_pooled']} |"
        )
    return lines


def _checks(document: dict[str, Any]) -> list[str]:
    """Cheat by check."""
    checks = [column for column in COLUMNS if column.name in document["limits"]]
    titles = [column.title for column in checks] + [check.title for check in AUDIT_CHECKS]
    published = list(document["cheat"][0]["accepted_by_published"])
    lines = [
        "| " + " | ".join(["cheat", *(f"{title}, published" for title in published), *titles]) + " |",
        "|" + "---|" * (1 + len(published) + len(titles)),
    ]
    for cheat in document["cheat"]:
        chunks = cheat["chunks"]
        counts = [(chunks - count, chunks) for count in cheat["accepted_by_published"].values()]
        counts += [(cheat["refused_by"].get(column.name, 0), chunks) for column in checks]
        counts += [(cheat["audits_refused_by"].get(check.name, 0), cheat["audits"]) for check in AUDIT_CHECKS]
        cells = [_share(*count) if count[0] else "" for count in counts]
        lines.append("| " + " | ".join([cheat["title"], *cells]) + " |")
    return lines


def _engines(document: dict[str, Any]) -> list[str]:
    lines = [
        "| honest engine | chunks | refused | most exponents | mean | median | sampling | audits "
        "| refused | most pooled error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for engine in document["engine"]:
        most = " | ".join(str(value) for value in engine["most"].values())
        lines.append(
            f"| {engine['name']} | {engine['chunks']} | {engine['refused']} | {most} | {engine['audits']} "
            f"| {sum(engine['audits_refused'].values())} | {engine['audits_most']['pooled']} |"
        )
    return lines


def _share(count: int, total: int) -> str:
    if count in (0, total):
        return "all" if count else "none"
    # Rounding must not turn nearly all into all.
    return f"{min(max(100 * count / total, 0.1), 99.9):.1f} %"


def main(name: str) -> None:
    """One run, or the tables of all."""
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
