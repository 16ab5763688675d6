"""What seeded sketches tell apart: honest recomputation, false weights, predicted states and predicted outliers.

    python benchmarks/measure_sketch.py [--steps 400] [--rollouts 128] > benchmarks/results/sketch.md

The first table is of the sorting policy, the second of synthetic states with outlier channels, where a TOPLOC proof
through predicted points is made beside the sketch of the same prediction.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from measure_proof_kinds import LAYOUT, SHAPE, Case, cases, replayed, spread, text_of
from numpy.typing import NDArray
from simulate_training import pretrained

from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import accept, build_proof, compare, decode_proof, to_bfloat16
from cupel.protocol.spec.toploc.activations import Patterns, top_points
from cupel.protocol.spec.toploc.polynomial import interpolate
from cupel.protocol.spec.toploc.proof import Proof
from cupel.protocol.spec.toploc.sketch import LIMIT, chunk_seed, distance_millionths, limit, sketch

NUMBERS = 16
ALLOWED = 50_000
PUBLISHED, DEPLOYED = Thresholds(38, 10_000, 8_000), Thresholds(60, 40_000, 40_000)

States = NDArray[np.float32]


def seed_of(index: int) -> bytes:
    """Seed of a rollout's only chunk."""
    return chunk_seed(keccak256(index.to_bytes(32, "big")), 0)


def distances(claimed: list[States], recomputed: list[States]) -> NDArray[np.float64]:
    """Millionths between the sketches of claimed chunks and recomputed ones."""
    pairs = enumerate(zip(claimed, recomputed, strict=True))
    found = [
        distance_millionths(sketch(one, seed_of(i), NUMBERS), own, seed_of(i)) for i, (one, own) in pairs
    ]
    return np.array(found, dtype=np.float64)


def of_case(case: Case, rollouts: int) -> NDArray[np.float64]:
    """Distances of a prover's chunks, one a rollout."""
    prompts, made = text_of(case.prover, rollouts)
    states = replayed(case, prompts, made)
    return distances(
        [one[:length] for one, length in zip(made.hidden, made.lengths, strict=True)],
        [one[:length] for one, length in zip(states, made.lengths, strict=True)],
    )


def of_means(case: Case, rollouts: int) -> NDArray[np.float64]:
    """A forger who knows the mean state of every token position, from as many other texts."""
    _, made = text_of(case.prover, 2 * rollouts)
    seen, audited = made.hidden[rollouts:], made.hidden[:rollouts]
    return distances([seen.mean(axis=0)[:length] for length in made.lengths[:rollouts]], [
        one[:length] for one, length in zip(audited, made.lengths[:rollouts], strict=True)
    ])  # fmt: skip


def of_policy(weights: NDArray[np.float32], rollouts: int, steps: int) -> list[str]:
    """The first table."""
    every = list(cases(weights))
    base = every[0]
    earlier = policy_of(SHAPE, checkpoint_from_bytes(pretrained(steps // 2, 0), LAYOUT))
    every.append(Case("half the training", earlier, base.verifier))
    results = [(case.name, case.is_honest, of_case(case, rollouts)) for case in every]
    results.append(("predicted: mean state of the position", False, of_means(base, rollouts)))
    most = max(found.max() for _, is_honest, found in results if is_honest)
    lines = [f"| sorting policy, {NUMBERS} numbers | distance, millionths | seen |", "|---|---|---|"]
    for name, is_honest, found in results:
        seen = "" if is_honest else f"{(found > most).mean():.3f}"
        lines.append(f"| {name} | {spread(found, '{:.0f}')} | {seen} |")
    return lines


def outlier_states(random: np.random.Generator, width: int) -> tuple[States, States]:
    """32 tokens with four outlier channels, and what a forger predicts of them: outliers to 5 %, the rest as zero."""
    states = random.normal(0, 1, (32, width))
    centre = np.array([90.0, -70.0, 60.0, -50.0])
    states[:, :4] = centre * (1 + 0.05 * random.normal(size=(32, 4)))
    predicted = np.zeros_like(states)
    predicted[:, :4] = centre
    return states.astype(np.float32), predicted.astype(np.float32)


def through(prediction: States, k: int = 128) -> Proof:
    """The polynomial through the predicted support."""
    return Proof(tuple(interpolate(top_points(to_bfloat16(prediction.ravel()), k))))


def predicted_sketch(predicted: States, states: States, index: int) -> NDArray[np.float32]:
    """The projection of predicted outliers alone, cut at the right limit, which the forger is given.

    A filling of equal magnitudes sets the median of what is sketched, and cancels.
    """
    bound = np.abs(limit(states)).max()
    filling = np.where(predicted == 0, bound / np.float32(LIMIT), np.float32(0))
    outliers = np.clip(predicted, -bound, bound)
    return sketch(outliers + filling, seed_of(index), NUMBERS) - sketch(filling, seed_of(index), NUMBERS)


def rounded(states: States) -> States:
    """Through bfloat16 and back: the noise of an honest engine of that type."""
    wide: NDArray[np.uint32] = to_bfloat16(states).astype(np.uint32) << np.uint32(16)
    return wide.view(np.float32)


def of_outliers(width: int, chunks: int = 100) -> list[str]:
    """Rows of the second table."""
    random = np.random.default_rng(width)
    pairs = [outlier_states(random, width) for _ in range(chunks)]
    lines = []
    for name in ("honest, in bfloat16", "predicted outliers"):
        is_honest = name.startswith("honest")
        found = np.array(
            [
                distance_millionths(
                    sketch(rounded(states), seed_of(i), NUMBERS)
                    if is_honest
                    else predicted_sketch(predicted, states, i),
                    states,
                    seed_of(i),
                )
                for i, (states, predicted) in enumerate(pairs)
            ],
            dtype=np.float64,
        )
        proofs = [
            decode_proof(build_proof(patterns(states), 128), 128)
            if name.startswith("honest")
            else through(predicted)
            for states, predicted in pairs
        ]
        results = [
            compare(one, patterns(states), 128) for one, (states, _) in zip(proofs, pairs, strict=True)
        ]
        passes = [sum(accept(one, limits) is None for one in results) for limits in (PUBLISHED, DEPLOYED)]
        kept = int((found <= ALLOWED).sum())
        cells = [f"{name}, width {width}", *(f"{count} of {chunks}" for count in passes)]
        lines.append("| " + " | ".join((*cells, spread(found, "{:.0f}"), f"{kept} of {chunks}")) + " |")
    return lines


def patterns(states: States) -> Patterns:
    """A chunk's flat patterns."""
    return to_bfloat16(states.ravel())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rollouts", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    weights = to_floats(checkpoint_from_bytes(pretrained(arguments.steps, 0), LAYOUT).weights)
    print("\n".join(of_policy(weights, arguments.rollouts, arguments.steps)) + "\n")
    heads = ("published 38/10/8", "deployed 60/40/40", "sketch distance, millionths", f"at most {ALLOWED}")
    print(
        "| outlier channels | TOPLOC passes, "
        + " | TOPLOC passes, ".join(heads[:2])
        + " | "
        + " | ".join(heads[2:])
        + " |"
    )
    print("|---|---|---|---|---|")
    for width in (64, 256, 1024):
        print("\n".join(of_outliers(width)))


if __name__ == "__main__":
    main()
