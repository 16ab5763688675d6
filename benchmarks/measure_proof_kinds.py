"""How far honest recomputation and false weights lie apart, by kind of proof: bfloat16, float32.

    python benchmarks/measure_proof_kinds.py [--steps 400] [--rollouts 128] > benchmarks/results/proof_kinds.md

A prover decodes with its own weights and proves its states; the verifier replays the text with the right ones. The old
weights are those one AdamW step before the verifier's, after 20 steps at the same rate. Honest runs differ in how the
verifier batches. "Seen" is the share of chunks beyond every honest one, in some number that `accept` limits.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from simulate_training import PRETRAIN, pretrained, rounded_policy

from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.generate import Generation, generate, prefill, replay_input
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.weights import load_weights, policy_of
from cupel.protocol.spec.environments.sorting import BEGIN, END, SEPARATOR, VOCABULARY, Sorting
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.toploc import build_proofs_batch, compare_batch, float32
from cupel.protocol.spec.toploc import float32_comparison as ulps
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.training.flat import AdamW, FlatPolicy

TOKENS, POINTS, WARM_UP = 9, 128, 20
SHAPE, LAYOUT = example_spec().model, layout_of(example_spec().model)
RATES = (8e-4, 1e-4, 1e-5, 1e-6, 3e-7, 1e-7)

Numbers = NDArray[np.float64]
"""Of every chunk its mismatches, mean and median error: [C, 3]."""


@dataclass(frozen=True)
class Case:
    """A prover's weights, the verifier's, and how the verifier runs."""

    name: str
    prover: TinyPolicy
    verifier: TinyPolicy
    batch: int = 48
    threads: int = 1
    is_honest: bool = False


def one_step_apart(weights: NDArray[np.float32], rate: float) -> tuple[TinyPolicy, TinyPolicy]:
    """Policies before and after the last of WARM_UP steps of next-token training on sorted digits."""
    model, random = FlatPolicy(SHAPE), np.random.default_rng(7)
    model.set_weights(weights)
    optimiser = AdamW.fresh(model)
    for _ in range(WARM_UP):
        before = model.weights.numpy().copy()
        digits = random.integers(0, 10, (64, 8))
        begin, separator, end = (np.full((64, 1), token) for token in (BEGIN, SEPARATOR, END))
        prompts = np.concatenate((begin, digits, separator), axis=1).astype(np.int64)
        answers = np.concatenate((np.sort(digits, axis=1), end), axis=1)
        states = model.policy(torch.from_numpy(replay_input(prompts, answers.astype(np.int32))))[:, -TOKENS:]
        logits = model.policy.logits(states).flatten(0, 1)
        model.gradient.zero_()
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(answers).flatten()).backward()
        optimiser.step(rate)
    return with_weights(before), with_weights(model.weights.numpy().copy())


def with_weights(flat: NDArray[np.float32]) -> TinyPolicy:
    """A policy of these weights."""
    policy = TinyPolicy(SHAPE)
    load_weights(policy, LAYOUT, flat)
    return policy.eval()


def cases(weights: NDArray[np.float32]) -> Iterator[Case]:
    """Honest ones first."""
    base = with_weights(weights)
    for batch in (1, 7, 48, 128):
        yield Case(f"honest, verifier's batches of {batch}", base, base, batch, is_honest=True)
    yield Case("honest, verifier with 2 threads", base, base, threads=2, is_honest=True)
    for rate in RATES:
        old, new = one_step_apart(weights, rate)
        yield Case(f"one step old, rate {rate:.0e}", old, new)
    yield Case("bf16 weights", with_weights(torch.from_numpy(weights).bfloat16().float().numpy()), base)
    for bits in (8, 4):
        rounded = with_weights(weights)
        rounded_policy(rounded, LAYOUT, weights, bits)
        yield Case(f"int{bits} weights", rounded, base)


def text_of(prover: TinyPolicy, rollouts: int) -> tuple[NDArray[np.int64], Generation]:
    """Prompts and the prover's completions with their states, decoded in one batch."""
    prompts = np.array([Sorting().prompt(index // 8) for index in range(rollouts)], dtype=np.int64)
    noise = np.stack(
        [gumbel_noise((index + 1).to_bytes(32, "big"), TOKENS, VOCABULARY) for index in range(rollouts)]
    )
    return prompts, generate(prover, prompts, noise, END, 1.0)


def replayed(case: Case, prompts: NDArray[np.int64], made: Generation) -> NDArray[np.float32]:
    """The verifier's states [N, T, width]."""
    torch.set_num_threads(case.threads)
    parts = np.array_split(np.arange(len(prompts)), max(1, len(prompts) // case.batch))
    states = [
        prefill(case.verifier, prompts[rows], made.tokens[rows], made.lengths[rows])[0] for rows in parts
    ]
    torch.set_num_threads(1)
    return np.concatenate(states)


def measure(case: Case, rollouts: int) -> dict[str, Numbers]:
    """The numbers of every chunk, by kind of proof."""
    prompts, made = text_of(case.prover, rollouts)
    states = replayed(case, prompts, made)
    short = compare_batch(
        build_proofs_batch(made.hidden, made.lengths, TOKENS, POINTS), states, made.lengths, TOKENS, POINTS
    )
    whole = ulps.compare_batch(
        float32.build_proofs_batch(made.hidden, made.lengths, TOKENS, POINTS),
        states,
        made.lengths,
        TOKENS,
        POINTS,
    )
    return {
        "bfloat16": np.array(
            [
                [one.exponent_mismatches, one.mantissa_mean, one.mantissa_median]
                for chunk in short
                for one in chunk
            ]
        ),
        "float32": np.array([[one.mismatches, one.mean, one.median] for chunk in whole for one in chunk]),
    }


def table(kind: str, results: Sequence[tuple[Case, Numbers]]) -> str:
    """One row a case; "seen" against the greatest honest numbers."""
    limits = np.max([numbers.max(axis=0) for case, numbers in results if case.is_honest], axis=0)
    form = "{:.3f}" if kind == "bfloat16" else "{:.0f}"
    lines = [f"| {kind} | mismatches | mean error | median error | seen |", "|---|---|---|---|---|"]
    for case, numbers in results:
        seen = (numbers > limits).any(axis=1).mean()
        cells = [spread(column, form if place else "{:.0f}") for place, column in enumerate(numbers.T)]
        lines.append(
            f"| {case.name} | " + " | ".join(cells) + f" | {'' if case.is_honest else f'{seen:.3f}'} |"
        )
    return "\n".join(lines)


def spread(values: Numbers, form: str) -> str:
    """Smallest, median and largest value."""
    return " / ".join(form.format(value) for value in (values.min(), np.median(values), values.max()))


def main() -> None:
    """Print the tables."""
    assert Path(PRETRAIN).exists()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rollouts", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    state = checkpoint_from_bytes(pretrained(arguments.steps, 0), LAYOUT)
    assert policy_of(SHAPE, state).shape == SHAPE
    results = [(case, measure(case, arguments.rollouts)) for case in cases(to_floats(state.weights))]
    for kind in results[0][1]:
        print(table(kind, [(case, numbers[kind]) for case, numbers in results]) + "\n")


if __name__ == "__main__":
    main()
