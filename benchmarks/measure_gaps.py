"""How far an honest replay lies from the generation, and how far false weights do.

    python benchmarks/measure_gaps.py [--rounds 4] [--rollouts 512]

Trains the fast recipe for some rounds, then compares TOPLOC proofs and seeded sampling of the last version, replayed
by the same version, with those of completions made by cheaper or older weights.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from simulate_training import RECIPES, Simulation, pretrained, rounded_policy

from cupel.protocol.model.checkpoint import to_floats
from cupel.protocol.model.generate import generate, prefill
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.weights import load_weights, policy_of
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.sampling import chosen_gap, gumbel_noise
from cupel.protocol.spec.toploc.build import build_proofs_batch
from cupel.protocol.spec.toploc.verify import compare_batch

CHUNK_TOKENS = 32
POINTS = 128


def replay(
    prover: TinyPolicy, verifier: TinyPolicy, simulation: Simulation, rollouts: int, threads: int
) -> str:
    """One table row: gaps between a prover's rollouts and a verifier's replay in batches of another size."""
    environment = get_environment(simulation.spec.environment)
    prompts = np.array([environment.prompt(index // 8) for index in range(rollouts)], dtype=np.int64)
    noise = np.stack([gumbel_noise(index.to_bytes(32, "big"), 9, 64) for index in range(rollouts)])
    made = generate(prover, prompts, noise, environment.end_token, 1.0)
    proofs = build_proofs_batch(made.hidden, made.lengths, CHUNK_TOKENS, POINTS)
    torch.set_num_threads(threads)
    parts = [
        prefill(verifier, prompts[rows], made.tokens[rows], made.lengths[rows])
        for rows in np.array_split(np.arange(rollouts), max(1, rollouts // 48))
    ]
    torch.set_num_threads(1)
    hidden, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
    results = compare_batch(proofs, hidden, made.lengths, CHUNK_TOKENS, POINTS)
    scores = [one for result in results if isinstance(result, list) for one in result]
    gaps = [
        chosen_gap(logits[row, :length], noise[row, :length], made.tokens[row, :length], 1.0)
        for row, length in enumerate(made.lengths)
    ]
    columns = [
        f"{np.abs(hidden - made.hidden).max():.1e}",
        spread([one.exponent_mismatches for one in scores], "{:.0f}"),
        spread([one.mantissa_mean for one in scores], "{:.3f}"),
        spread([one.mantissa_median for one in scores], "{:.0f}"),
        f"{max(gap.max() for gap in gaps):.1e}",
        f"{np.mean([gap.max() > 1e-3 for gap in gaps]):.3f}",
    ]
    return " | ".join(columns)


def spread(values: list[float], form: str) -> str:
    """Smallest, median and largest value."""
    return " / ".join(form.format(value) for value in (min(values), float(np.median(values)), max(values)))


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--rollouts", type=int, default=512)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = dataclasses.replace(RECIPES["fast"], rounds=arguments.rounds)
    simulation = Simulation(settings, pretrained(settings.pretrain_steps, 0), 0)
    shape, layout = simulation.spec.model, simulation.layout
    versions = [simulation.state]
    for index in range(arguments.rounds):
        simulation.play_round(index)
        versions.append(simulation.state)
    weights = to_floats(versions[-1].weights)
    verifier = policy_of(shape, versions[-1])

    def altered(change: Callable[[TinyPolicy], None]) -> TinyPolicy:
        policy = policy_of(shape, versions[-1])
        change(policy)
        return policy

    def bfloat16(policy: TinyPolicy) -> None:
        rounded: NDArray[np.float32] = torch.from_numpy(weights).to(torch.bfloat16).float().numpy()
        load_weights(policy, layout, rounded)

    print(
        "| prover | states, max | exponent mismatches | mantissa mean | mantissa median | score gap, max | > 1e-3 |"
    )
    print("|---|---|---|---|---|---|---|")
    provers = {
        "honest": verifier,
        "honest, verifier with 2 threads": verifier,
        "bf16 weights": altered(bfloat16),
        "int8 weights": altered(lambda policy: rounded_policy(policy, layout, weights, 8)),
        "int4 weights": altered(lambda policy: rounded_policy(policy, layout, weights, 4)),
        "one version old": policy_of(shape, versions[-2]),
    }
    for name, prover in provers.items():
        threads = 2 if "threads" in name else 1
        print(f"| {name} | {replay(prover, verifier, simulation, arguments.rollouts, threads)} |")


if __name__ == "__main__":
    main()
