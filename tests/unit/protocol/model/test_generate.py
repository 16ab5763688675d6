"""Generation: seeded tokens, and a replay that finds the same states and tokens."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cupel.protocol.model.generate import PAD, Generation, generate, prefill
from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec.sampling import chosen_gap, gumbel_noise
from cupel.protocol.spec.task import ModelShape

SHAPE = ModelShape(ARCHITECTURE, vocabulary=16, layers=2, width=16, heads=2, feed_forward=24, positions=12)
END = 11
ROWS, LIMIT = 40, 6


@pytest.fixture(scope="module")
def policy() -> TinyPolicy:
    made = TinyPolicy(SHAPE)
    initialise(made, torch.Generator().manual_seed(0))
    return made


@pytest.fixture(scope="module")
def prompts() -> NDArray[np.int64]:
    # Groups of four share a prompt.
    return np.repeat(np.random.default_rng(3).integers(0, 10, (ROWS // 4, 5)), 4, axis=0)


@pytest.fixture(scope="module")
def noise() -> NDArray[np.float64]:
    return np.stack([gumbel_noise(bytes([row]) * 32, LIMIT, SHAPE.vocabulary) for row in range(ROWS)])


@pytest.fixture(scope="module")
def generation(policy: TinyPolicy, prompts: NDArray[np.int64], noise: NDArray[np.float64]) -> Generation:
    return generate(policy, prompts, noise, END, 1.0)


def test_a_completion_ends_with_its_first_end_token_or_the_limit(generation: Generation) -> None:
    for tokens, length in zip(generation.tokens, generation.lengths, strict=True):
        assert (tokens[length:] == PAD).all()
        assert (tokens[: length - 1] != END).all()
        assert tokens[length - 1] == END or length == LIMIT
    assert generation.lengths.min() < LIMIT  # otherwise nothing above was tested
    assert generation.lengths.max() == LIMIT


def test_states_behind_the_end_are_zero(generation: Generation) -> None:
    inside = np.arange(LIMIT) < generation.lengths[:, None]
    assert np.array_equal(generation.hidden.any(axis=-1), inside)


def test_the_replay_finds_the_states_and_every_token(
    policy: TinyPolicy, prompts: NDArray[np.int64], noise: NDArray[np.float64], generation: Generation
) -> None:
    hidden, logits = prefill(policy, prompts, generation.tokens, generation.lengths)
    assert np.allclose(hidden, generation.hidden, atol=1e-5)
    for row, length in enumerate(generation.lengths):
        gap = chosen_gap(logits[row, :length], noise[row, :length], generation.tokens[row, :length], 1.0)
        assert gap.max() < 1e-4


def test_another_policy_does_not_replay(prompts: NDArray[np.int64], generation: Generation) -> None:
    other = TinyPolicy(SHAPE)
    initialise(other, torch.Generator().manual_seed(1))
    hidden, _ = prefill(other, prompts, generation.tokens, generation.lengths)
    assert not np.allclose(hidden, generation.hidden, atol=1e-2)


def test_a_rollout_does_not_depend_on_its_company(
    policy: TinyPolicy, prompts: NDArray[np.int64], noise: NDArray[np.float64], generation: Generation
) -> None:
    order = np.random.default_rng(0).permutation(ROWS)[:7]
    alone = generate(policy, prompts[order], noise[order], END, 1.0)
    assert np.array_equal(alone.tokens, generation.tokens[order])
    assert np.allclose(alone.hidden, generation.hidden[order], atol=1e-5)


def test_temperature_scales_the_scores(
    policy: TinyPolicy, prompts: NDArray[np.int64], noise: NDArray[np.float64]
) -> None:
    cold = generate(policy, prompts, noise, END, 1e-6)
    silent = generate(policy, prompts, np.zeros_like(noise), END, 1.0)
    assert np.array_equal(cold.tokens, silent.tokens)
