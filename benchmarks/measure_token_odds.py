"""What the checks of tokens say of honest and of dishonest text: seeded sampling, endings, distribution.

    python benchmarks/measure_token_odds.py [--steps 400] [--sets 20] > benchmarks/results/token_odds.md

Pre-trains the sorting policy, then audits sets of 64 rollouts, each of at most 9 tokens, as a verifier does: text of
different makers, replayed by the policy in one batch. The bits are those of `protocol.spec.token_odds`.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from simulate_training import pretrained

from cupel.protocol.model.checkpoint import checkpoint_from_bytes
from cupel.protocol.model.generate import PAD, generate, prefill
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec.environments.sorting import END, VOCABULARY, Sorting
from cupel.protocol.spec.sampling import gumbel_noise, sampling_scores
from cupel.protocol.spec.token_odds import (
    LIMIT_BITS,
    capital_bits,
    ending_bets,
    log_probabilities,
    place_bets,
    temperature_bets,
)
from cupel.protocol.testing.builders import example_spec

ROLLOUTS, TOKENS = 64, 9
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Text:
    """Completions: tokens int32 [ROLLOUTS, TOKENS], PAD behind the end."""

    tokens: NDArray[np.int32]
    noise: NDArray[np.float64]
    prompts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each."""
        return (self.tokens != PAD).sum(axis=1).astype(np.int32)


Choice = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int64]]


def assigned(number: int) -> Text:
    """Prompts and noise of one audited set, no text yet."""
    prompts = [Sorting().prompt(number * 1000 + index // 8) for index in range(ROLLOUTS)]
    seeds = [(number * ROLLOUTS + index + 1).to_bytes(32, "big") for index in range(ROLLOUTS)]
    noise = np.stack([gumbel_noise(seed, TOKENS, VOCABULARY) for seed in seeds])
    return Text(np.full((ROLLOUTS, TOKENS), PAD, np.int32), noise, np.array(prompts, np.int64))


def sampled(policy: TinyPolicy, text: Text, temperature: float = 1.0) -> Text:
    """The text that the seeds give, at a temperature."""
    made = generate(policy, text.prompts, text.noise, END, temperature)
    return dataclasses.replace(text, tokens=made.tokens)


def chosen(policy: TinyPolicy, text: Text, choice: Choice) -> Text:
    """Text of a sampler of one's own, token by token: `choice` of (scores, scores with noise), both [N, V]."""
    tokens = np.full_like(text.tokens, PAD)
    running = np.ones(len(tokens), bool)
    for step in range(TOKENS):
        partial = np.where(tokens == PAD, 0, tokens).astype(np.int32)
        _, logits = prefill(policy, text.prompts, partial, np.full(len(tokens), TOKENS, np.int32))
        scores = logits[:, step].astype(np.float64)
        picked = choice(scores, scores + text.noise[:, step])
        tokens[running, step] = picked[running]
        running &= picked != END
    return dataclasses.replace(text, tokens=tokens)


def ends_within(tolerance: float) -> Choice:
    """The end token wherever its score lies at most `tolerance` below the best."""

    def choice(scores: NDArray[np.float64], noisy: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.where(noisy.max(axis=1) - noisy[:, END] <= tolerance, END, noisy.argmax(axis=1))

    return choice


def likeliest_within(tolerance: float) -> Choice:
    """The likeliest of the tokens whose scores lie at most `tolerance` below the best."""

    def choice(scores: NDArray[np.float64], noisy: NDArray[np.float64]) -> NDArray[np.int64]:
        near = noisy.max(axis=1, keepdims=True) - noisy <= tolerance
        return np.where(near, scores, -np.inf).argmax(axis=1)

    return choice


def best_of_four(policy: TinyPolicy, text: Text) -> Text:
    """Of four samples under other seeds the one of the highest reward."""
    tries = []
    for number in range(4):
        noise = np.stack(
            [gumbel_noise(bytes([number] * 16 + [row] * 16), TOKENS, 64) for row in range(ROLLOUTS)]
        )
        tries.append(sampled(policy, dataclasses.replace(text, noise=noise)).tokens)
    rewards = np.array([[reward(text, row, one[row]) for row in range(ROLLOUTS)] for one in tries])
    best = np.stack(tries)[rewards.argmax(axis=0), np.arange(ROLLOUTS)]
    return dataclasses.replace(text, tokens=best)


def reward(text: Text, row: int, tokens: NDArray[np.int32]) -> float:
    """Share of digits in their places."""
    answer = np.append(np.sort(text.prompts[row, 1:-1]), END)
    return float((tokens == answer).mean())


def audit(policy: TinyPolicy, text: Text) -> tuple[float, float, float, float]:
    """Largest gap, share of rollouts beyond TOLERANCE, ending bits, distribution bits."""
    _, logits = prefill(policy, text.prompts, text.tokens, text.lengths)
    gaps, endings, places = [], [], []
    for row, length in enumerate(text.lengths):
        own, tokens = logits[row, :length], text.tokens[row, :length].astype(np.int64)
        scores = sampling_scores(own, text.noise[row, :length], 1.0)
        gaps.append((scores.max(axis=1) - scores[np.arange(length), tokens]).max())
        logs = log_probabilities(own, 1.0)
        endings.append(ending_bets(logs, tokens, END))
        places.append(np.concatenate((place_bets(logs, tokens), temperature_bets(logs, tokens))))
    bits = [capital_bits(np.concatenate(bets, axis=1)) for bets in (endings, places)]
    return float(max(gaps)), float((np.array(gaps) > TOLERANCE).mean()), bits[0], bits[1]


def line(name: str, policy: TinyPolicy, make: Callable[[Text], Text], sets: int) -> str:
    """One row: over the sets the largest gap, the mean share, the medians and extremes of bits, the sets refused."""
    results = np.array([audit(policy, make(assigned(number))) for number in range(sets)])
    gap, share = results[:, 0].max(), results[:, 1].mean()
    cells = [name, f"{gap:.1e}", f"{share:.2f}"]
    for column in (2, 3):
        bits = results[:, column]
        refused = int((bits > LIMIT_BITS).sum())
        cells += [f"{np.median(bits):.0f} ({bits.min():.0f} to {bits.max():.0f})", f"{refused} of {sets}"]
    return "| " + " | ".join(cells) + " |"


def policy_after(steps: int, seed: int) -> TinyPolicy:
    """The pre-trained policy."""
    shape = example_spec().model
    return policy_of(shape, checkpoint_from_bytes(pretrained(steps, seed), layout_of(shape)))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--sets", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    policy = policy_after(arguments.steps, 0)
    earlier, other = policy_after(arguments.steps // 2, 0), policy_after(arguments.steps // 4, 1)
    makers: dict[str, Callable[[Text], Text]] = {
        "honest": lambda text: sampled(policy, text),
        "greedy": lambda text: chosen(policy, text, lambda scores, _: scores.argmax(axis=1)),
        **{
            f"temperature {value}": lambda text, value=value: sampled(policy, text, value)
            for value in (0.5, 0.8, 1.25, 2.0)
        },
        "text of half the training": lambda text: sampled(earlier, text),
        "text of another model": lambda text: sampled(other, text),
        "best of four other seeds": lambda text: best_of_four(policy, text),
        **{
            f"{name} within {value}": lambda text, rule=rule, value=value: chosen(policy, text, rule(value))
            for name, rule in (("ends", ends_within), ("likeliest", likeliest_within))
            for value in (0.3, 1.0, 3.0, 10.0)
        },
    }
    print(
        "| text | largest gap | rollouts beyond 0.001 | ending bits | refused | distribution bits | refused |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, make in makers.items():
        print(line(name, policy, make, arguments.sets), flush=True)


if __name__ == "__main__":
    main()
