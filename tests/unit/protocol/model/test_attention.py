"""Attention outputs: a decode and its replay have the same, and a wrong layer shows where the final states may not."""

import dataclasses

import numpy as np
import pytest
import torch

from cupel.protocol.model.attention import generate_with_attention, replay_attention, tapped
from cupel.protocol.model.generate import generate
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec.environments.sorting import END, VOCABULARY, Sorting
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.toploc import build_proofs_batch, compare_batch
from cupel.protocol.testing.builders import example_spec

ROLLOUTS, TOKENS, POINTS = 6, 9, 32


@pytest.fixture(scope="module")
def policy() -> TinyPolicy:
    torch.set_num_threads(1)
    made = TinyPolicy(dataclasses.replace(example_spec().model, width=32, feed_forward=64))
    initialise(made, torch.Generator().manual_seed(3))
    return made.eval()


@pytest.fixture(scope="module")
def inputs() -> tuple[np.ndarray, np.ndarray]:
    # The first three rollouts share a prompt.
    prompts = np.array([Sorting().prompt(max(0, index - 2)) for index in range(ROLLOUTS)], dtype=np.int64)
    seeds = [(index + 1).to_bytes(32, "big") for index in range(ROLLOUTS)]
    return prompts, np.stack([gumbel_noise(seed, TOKENS, VOCABULARY) for seed in seeds])


def inside(outputs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return outputs * (np.arange(TOKENS) < lengths[:, None])[..., None]


def test_a_replay_gives_what_the_decode_gave(
    policy: TinyPolicy, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    prompts, noise = inputs
    made, decoded = generate_with_attention(policy, prompts, noise, END, 1.0)
    plain = generate(policy, prompts, noise, END, 1.0)
    assert (made.tokens == plain.tokens).all()
    replayed = replay_attention(policy, prompts, made.tokens)
    assert decoded.shape == replayed.shape == (2, ROLLOUTS, TOKENS, 32)
    for one, other in zip(decoded, replayed, strict=True):
        np.testing.assert_allclose(inside(one, made.lengths), inside(other, made.lengths), atol=1e-5)
        assert np.abs(inside(other, made.lengths)).max() > 1e-3


def test_nothing_listens_afterwards(policy: TinyPolicy, inputs: tuple[np.ndarray, np.ndarray]) -> None:
    with tapped(policy) as kept:
        policy(torch.from_numpy(inputs[0]))
    policy(torch.from_numpy(inputs[0]))
    assert [len(layer) for layer in kept] == [1, 1]


def test_a_false_inner_layer_shows_in_its_proofs(
    policy: TinyPolicy, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    prompts, noise = inputs
    false = TinyPolicy(policy.shape)
    false.load_state_dict(policy.state_dict())
    with torch.no_grad():
        false.blocks[1].attention_in.weight.mul_(1.5)
    made, claimed = generate_with_attention(false, prompts, noise, END, 1.0)
    own = replay_attention(policy, prompts, made.tokens)
    penalties = []
    for layer in range(2):
        proofs = build_proofs_batch(claimed[layer], made.lengths, TOKENS, POINTS)
        results = compare_batch(proofs, own[layer], made.lengths, TOKENS, POINTS)
        penalties.append([one.exponent_mismatches for result in results for one in result])  # type: ignore[union-attr]
    assert max(penalties[0]) <= 1
    assert min(penalties[1]) > 5
