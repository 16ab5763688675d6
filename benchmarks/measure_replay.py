"""How far an honest update lies from its replay on another machine, and how far the lies do.

    python benchmarks/measure_replay.py [--rounds 6] [--steps 100] > benchmarks/results/replay.md

Two nodes train the sorting example for some rounds from a policy pre-trained for so many steps. Their rounds are then
replayed as a verifier does it, in processes whose floating-point libraries are held to other instruction sets (other
machines' last bits), and with another number of threads. The lies are compared with the replay by the same code.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import torch

from cupel.devnet.presets import FAST, REFERENCE_STEP_SECONDS, choose_pace, make_plan
from cupel.protocol.model.canonical import CanonicalVersion, make_version, next_version
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.generate import generate
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.diloco.blocks import Update, update_from_bytes, update_to_bytes
from cupel.protocol.spec.diloco.distance import distance_thousandths
from cupel.protocol.spec.environments.base import assigned_prompt, get_environment
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import NOTHING_PINNED, TaskParams, TaskSpec
from cupel.protocol.spec.updates import codec_of, empty_update, max_exponent_of
from cupel.protocol.training.round import RoundWork, train
from cupel.protocol.training.state import fresh_state, quantise

NODES: Final = 2
NOBODY: Final = "0x" + 40 * "0"
MACHINES: Final = {
    "the same": {},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "SSE 4": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
    "two threads": {"THREADS": "2"},
}


def main() -> None:
    """Train here, replay elsewhere, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--replay", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    if arguments.replay is not None:
        print(json.dumps(replay(arguments.replay, arguments.rounds)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sampled = record(folder, arguments.rounds, arguments.steps)
        rows = {
            machine: _elsewhere(folder, arguments.rounds, settings) for machine, settings in MACHINES.items()
        }
    print(page(rows, arguments.rounds, arguments.steps, sampled))


def record(folder: Path, rounds: int, steps: int) -> float:
    """Let the nodes work, and keep everything that a verifier would have of it. Returns seconds of sampling a round."""
    params, spec = task(rounds)
    subprocess.run(
        [sys.executable, "examples/sorting/pretrain.py", folder / "genesis", "--steps", str(steps)],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    layout = layout_of(spec.model)
    version = make_version(0, None, checkpoint_from_bytes((folder / "genesis").read_bytes(), layout), layout)
    states = [fresh_state(layout.num_parameters)] * NODES
    sampling = 0.0
    for index in range(rounds):
        updates: list[Update] = []
        for node in range(NODES):
            begun = time.perf_counter()
            work = sample(params, spec, version, index, node)
            sampling += time.perf_counter() - begun
            weights = to_floats(version.state.weights)
            trained = train(work, {index: weights}, states[node])
            update, states[node] = quantise(
                trained.pseudo_gradient, trained.state, max_exponent_of(spec), codec_of(spec)
            )
            updates.append(update)
            _save(folder / f"{index}-{node}", work, weights, update)
        version = next_version(version, updates, spec.aggregation)
    return sampling / rounds / NODES


def sample(params: TaskParams, spec: TaskSpec, version: CanonicalVersion, index: int, node: int) -> RoundWork:
    """A node's rollouts of a round, without proofs."""
    environment, seed = get_environment(spec.environment), sha256(bytes([index, node]))
    owed = assigned_work(seed, params, range(params.units_per_round), None)
    prompts = np.array([assigned_prompt(environment, one) for one in owed], dtype=np.int64)
    noise = np.stack([gumbel_noise(one.seed, params.max_tokens, environment.vocabulary) for one in owed])
    policy = policy_of(spec.model, version.state)
    made = generate(policy, prompts, noise, environment.end_token, 1.0)
    texts = [tuple(row[:length].tolist()) for row, length in zip(made.tokens, made.lengths, strict=True)]
    rollouts = tuple(
        Rollout(one.problem, one.seed, text, environment.reward(one.problem, text), ())
        for one, text in zip(owed, texts, strict=True)
    )
    return RoundWork(params, spec, environment, index, seed, index, index, rollouts)


def replay(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Distances in thousandths of every round of every node, honest and false, and seconds of training."""
    params, spec = task(rounds)
    size = layout_of(spec.model).num_parameters
    found: dict[str, list[float]] = {}
    for node in range(NODES):
        state = fresh_state(size)
        for index in range(rounds):
            work, weights, update = _load(folder / f"{index}-{node}", params, spec, index)
            begun = time.perf_counter()
            trained = train(work, {index: weights}, state)
            found.setdefault("seconds", []).append(time.perf_counter() - begun)
            expected, state = quantise(
                trained.pseudo_gradient, trained.state, max_exponent_of(spec), codec_of(spec)
            )
            _, _, other = _load(folder / f"{index}-{1 - node}", params, spec, index)
            claims = {
                "honest": update,
                "zeros": empty_update(spec, size),
                "the opposite": Update(-update.mantissas, update.exponents),
                "another node's": other,
                "a tenth longer": Update((update.mantissas * 1.1).astype(np.int8), update.exponents),
                "half of it": Update(update.mantissas // 2, update.exponents),
            }
            if index:
                claims["its last round's"] = _load(folder / f"{index - 1}-{node}", params, spec, index)[2]
            if trained.metrics.steps:
                for name, claim in claims.items():
                    found.setdefault(name, []).append(distance_thousandths(claim, expected, size))
    return found


def task(rounds: int) -> tuple[TaskParams, TaskSpec]:
    """The demo's fast task."""
    plan = make_plan(FAST, choose_pace(FAST, NODES, REFERENCE_STEP_SECONDS, 2), NODES, rounds)
    return plan.params(NOBODY, NOBODY, bytes(32), 0, NOTHING_PINNED, ()), plan.spec


def page(rows: dict[str, dict[str, list[float]]], rounds: int, steps: int, sampling: float) -> str:
    """The result as Markdown."""
    claims = [name for name in rows["the same"] if name != "seconds"]
    lines = [
        "# Training again",
        "",
        f"`python benchmarks/measure_replay.py --rounds {rounds} --steps {steps}` on {platform.machine()}, "
        f"torch {torch.__version__}: distance of an update from its replay, in thousandths of the replay's length "
        f"(least to greatest over {NODES} nodes and {rounds} rounds).",
        "",
        "| replayed on | " + " | ".join(claims) + " | seconds a round |",
        "| --- |" + " --- |" * (len(claims) + 1),
    ]
    for machine, found in rows.items():
        cells = [f"{min(found[name]):.0f} to {max(found[name]):.0f}" for name in claims]
        seconds = sum(found["seconds"]) / len(found["seconds"])
        lines.append(f"| {machine} | " + " | ".join(cells) + f" | {seconds:.2f} |")
    lines += ["", f"Sampling a round, without proofs, took {sampling:.2f} s on the same machine."]
    return "\n".join([*lines, ""])


def _elsewhere(folder: Path, rounds: int, settings: dict[str, str]) -> dict[str, list[float]]:
    command = [sys.executable, __file__, "--replay", str(folder), "--rounds", str(rounds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **settings})
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def _save(path: Path, work: RoundWork, weights: np.ndarray, update: Update) -> None:
    rows = [[one.problem, one.seed.hex(), one.tokens, one.reward] for one in work.rollouts]
    path.with_suffix(".json").write_text(json.dumps({"seed": work.seed.hex(), "rollouts": rows}))
    np.save(path.with_suffix(".npy"), weights)
    path.with_suffix(".update").write_bytes(update_to_bytes(update))


def _load(path: Path, params: TaskParams, spec: TaskSpec, index: int) -> tuple[RoundWork, np.ndarray, Update]:
    document, weights = json.loads(path.with_suffix(".json").read_text()), np.load(path.with_suffix(".npy"))
    rollouts = tuple(
        Rollout(problem, bytes.fromhex(seed), tuple(tokens), reward, ())
        for problem, seed, tokens, reward in document["rollouts"]
    )
    seed, environment = bytes.fromhex(document["seed"]), get_environment(spec.environment)
    work = RoundWork(params, spec, environment, index, seed, index, index, rollouts)
    update = update_from_bytes(path.with_suffix(".update").read_bytes(), weights.size, max_exponent_of(spec))
    return work, weights, update


if __name__ == "__main__":
    main()
