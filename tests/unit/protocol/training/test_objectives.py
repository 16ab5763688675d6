"""What a recipe's keys do to a node's round: every kind of training learns, on the built-in model, in seconds."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from cupel.protocol.model.generate import generate, replay
from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.model.tiny import initialise
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.task import MILLION, ModelShape
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.training.batch import Batch
from cupel.protocol.training.examples import examples_of
from cupel.protocol.training.flat import FlatPolicy
from cupel.protocol.training.objective import Piece, loss_of
from cupel.protocol.training.state import fresh_state
from cupel.protocol.training.trainer import Metrics, PastWeights, Schedule, train_round

SHAPE = ModelShape(ARCHITECTURE, vocabulary=8, layers=1, width=16, heads=2, feed_forward=24, positions=8)
SCHEDULE = Schedule(learning_rate=5e-3, temperature=1.0, group_size=4)
WANTED, END, TOKENS = 3, 7, 3


def recipe(**changes: Any) -> Recipe:
    return dataclasses.replace(example_spec().recipe, **changes)


def start() -> np.ndarray:
    model = FlatPolicy(SHAPE)
    initialise(model.policy, torch.Generator().manual_seed(0))
    return model.weights.numpy().copy()


def rollouts(weights: np.ndarray, groups: int, seed: int) -> Batch:
    """Completions of up to three tokens, rewarded if the first is WANTED."""
    model = FlatPolicy(SHAPE)
    model.set_weights(weights)
    random = np.random.default_rng(seed)
    prompts = np.repeat(random.integers(0, 7, (groups, 3)), SCHEDULE.group_size, axis=0)
    noise = random.gumbel(size=(len(prompts), TOKENS, SHAPE.vocabulary))
    made = generate(model.policy, prompts, noise, END, 1.0)
    rewards = np.where(made.tokens[:, 0] == WANTED, MILLION, 0).astype(np.int32)
    return Batch(prompts, made.tokens, made.lengths, rewards)


def log_probabilities(weights: np.ndarray, batch: Batch) -> np.ndarray:
    """Of every completion as a whole: [N]."""
    model = FlatPolicy(SHAPE)
    model.set_weights(weights)
    _, scores = replay(model.policy, batch.prompts, batch.tokens)
    every = torch.log_softmax(scores, dim=-1).numpy()
    chosen = np.take_along_axis(every, np.maximum(batch.tokens, 0)[..., None].astype(int), axis=-1)[..., 0]
    inside = np.arange(TOKENS) < batch.lengths[:, None]
    return np.asarray((chosen * inside).sum(axis=1))


def one_round(weights: np.ndarray, batch: Batch, given: Recipe, **more: Any) -> tuple[np.ndarray, Metrics]:
    schedule = dataclasses.replace(SCHEDULE, **{k: v for k, v in more.items() if k != "past"})
    gradient, _, metrics = train_round(
        SHAPE, weights, batch, given, schedule, fresh_state(weights.size), more.get("past")
    )
    return weights - gradient, metrics


def learn(given: Recipe, rounds: int, past: PastWeights) -> tuple[float, float]:
    """Mean reward before and after some rounds."""
    weights, state = start(), fresh_state(start().size)
    for index in range(rounds):
        batch = rollouts(weights, 32, index)
        gradient, state, _ = train_round(SHAPE, weights, batch, given, SCHEDULE, state, past)
        weights = weights - gradient
    return tuple(float(rollouts(one, 64, 99).rewards.mean()) / MILLION for one in (start(), weights))  # type: ignore[return-value]  # two


@pytest.mark.parametrize(
    ("changes", "rounds"),
    [
        ({"trust_region": "mask"}, 6),
        ({"kl_millionths": 10_000}, 6),
        ({"kl_millionths": 2_000, "kl_estimator": "k2", "reference": "sampler", "trust_region": "mask"}, 6),
        ({"entropy_millionths": 1_000}, 6),
        ({"packed_tokens": 16}, 6),
        ({"advantage_std": False}, 8),
        ({"objective": "dpo", "dpo_beta_millionths": 500_000, "reference": "sampler"}, 8),
    ],
)
def test_every_recipe_learns_what_is_rewarded(changes: dict[str, Any], rounds: int) -> None:
    before, after = learn(recipe(**changes), rounds, PastWeights(genesis=start()))
    print(f"seeds 0 to {rounds}: {before:.2f} -> {after:.2f}")
    assert before < 0.3
    assert after > 0.6


def test_adapters_learn_it_too() -> None:
    """From a policy whose head tells tokens apart, as a trained one's does: adapters leave the head alone."""
    weights = start()
    FlatPolicy(SHAPE).layout.split(weights)["head.weight"][...] *= 10
    first, state = rollouts(weights, 64, 99).rewards.mean() / MILLION, fresh_state(weights.size)
    for index in range(10):
        batch, given = rollouts(weights, 32, index), recipe(lora_rank=2)
        gradient, state, _ = train_round(SHAPE, weights, batch, given, SCHEDULE, state)
        assert not FlatPolicy(SHAPE).layout.split(gradient)["head.weight"].any()
        weights = weights - gradient
    last = rollouts(weights, 64, 99).rewards.mean() / MILLION
    print(f"seeds 0 to 10: {first:.2f} -> {last:.2f}")
    assert first < 0.3
    assert last > 0.6
    assert not state.first_moment.any()
    assert state.steps == 40


def test_supervised_training_makes_the_answers_likelier() -> None:
    """The loss falls from about log 8 a token, since nothing is known of eight tokens at first."""
    answers = rollouts(start(), 32, 5)
    batch = dataclasses.replace(
        answers,
        tokens=np.repeat([[1, 2, END]], 128, axis=0).astype(np.int32),
        lengths=np.full(128, 3, np.int32),
    )
    weights, losses = start(), []
    state = fresh_state(weights.size)
    for _ in range(8):
        gradient, state, metrics = train_round(
            SHAPE, weights, batch, recipe(objective="sft"), SCHEDULE, state
        )
        weights = weights - gradient
        losses.append(metrics.loss)
    assert losses[0] == pytest.approx(np.log(8), abs=0.3)
    assert losses[-1] < 0.3
    assert sorted(losses, reverse=True) == losses
    assert metrics.groups_with_signal == 32


def test_preference_training_widens_the_margin_over_the_initial_policy() -> None:
    weights, batch, given = start(), rollouts(start(), 64, 0), recipe(objective="dpo")
    right = batch.rewards > 0
    assert 0 < right.sum() < right.size
    past, margins, losses = PastWeights(genesis=start()), [], []
    for _ in range(4):
        weights, metrics = one_round(weights, batch, given, past=past)
        shift = log_probabilities(weights, batch) - log_probabilities(start(), batch)
        margins.append(shift[right].mean() - shift[~right].mean())
        losses.append(metrics.loss)
    assert margins[0] > 0
    assert sorted(margins) == margins
    assert margins[-1] > 1.0
    assert losses[0] == pytest.approx(np.log(2), abs=0.05)
    assert losses[-1] < losses[0] - 0.02


def test_packing_gives_the_same_round() -> None:
    weights, batch = start(), rollouts(start(), 16, 0)
    assert len(set(batch.lengths.tolist())) > 1
    alone, metrics = one_round(weights, batch, recipe())
    for packed_tokens in (1, 8, 50):
        packed, same = one_round(weights, batch, recipe(packed_tokens=packed_tokens))
        assert same.loss == pytest.approx(metrics.loss, abs=1e-5)
        assert same.gradient_norm == pytest.approx(metrics.gradient_norm, rel=1e-4)
        assert np.abs(packed - alone).max() < 0.05 * np.abs(alone - weights).max()


def test_a_divergence_term_keeps_the_policy_nearer_to_the_initial_one() -> None:
    batch = rollouts(start(), 32, 0)
    past = PastWeights(genesis=start())

    def moved(kl_millionths: int) -> float:
        given = recipe(kl_millionths=kl_millionths, inner_steps=16)
        after, _ = one_round(start(), batch, given, past=past)
        return float(np.abs(log_probabilities(after, batch) - log_probabilities(start(), batch)).mean())

    assert moved(5_000_000) < 0.5 * moved(0)


def test_an_entropy_bonus_keeps_the_policy_less_certain() -> None:
    def surprise(entropy_millionths: int) -> float:
        given = recipe(entropy_millionths=entropy_millionths, inner_steps=16)
        after, _ = one_round(start(), rollouts(start(), 32, 0), given)
        fresh = rollouts(after, 32, 1)
        return float(-log_probabilities(after, fresh).mean())

    assert surprise(500_000) > surprise(0) + 0.05


def test_the_terms_add_up_by_hand() -> None:
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25]]]))
    new = torch.log(torch.tensor([[0.5]]))
    piece = Piece(
        logits, new, new, torch.log(torch.tensor([[0.25]])), torch.tensor([2.0]), torch.tensor([[True]])
    )
    loss, _ = loss_of(recipe(), 1.0, piece)
    assert loss.item() == pytest.approx(-2.0)  # ratio 1, advantage 2
    loss, _ = loss_of(recipe(kl_millionths=100_000), 1.0, piece)
    assert loss.item() == pytest.approx(-2.0 + 0.1 * (0.5 - 1 + np.log(2)))
    loss, _ = loss_of(recipe(kl_millionths=100_000, reference="sampler"), 1.0, piece)
    assert loss.item() == pytest.approx(-2.0)  # its own sampler
    loss, _ = loss_of(recipe(entropy_millionths=10_000), 1.0, piece)
    assert loss.item() == pytest.approx(-2.0 - 0.01 * 1.5 * np.log(2))
    loss, _ = loss_of(recipe(objective="sft"), 1.0, piece)
    assert loss.item() == pytest.approx(np.log(2))


def groups_of(given: Recipe, rewards: list[int], rule: LengthRule | None = None) -> list[int]:
    """Rows that a recipe trains on, of two-token completions with these rewards in tenths."""
    count = len(rewards)
    batch = Batch(
        prompts=np.zeros((count, 1), np.int64),
        tokens=np.stack([np.arange(count), np.full(count, END)], axis=1).astype(np.int32),
        lengths=np.full(count, 2, np.int32),
        rewards=np.array(rewards, np.int32) * (MILLION // 10),
        targets=np.arange(count, dtype=np.int32) + 1,
    )
    examples = examples_of(batch, given, 4, rule)
    return [] if examples is None else examples.tokens[:, 0].tolist()


def test_which_groups_are_trained_on() -> None:
    # Solve rates: none, a quarter, a half, all.
    rewards = [0, 0, 0, 0, 10, 0, 0, 0, 10, 10, 0, 0, 10, 10, 10, 10]
    assert groups_of(recipe(), rewards) == list(range(4, 12))
    assert groups_of(recipe(drop_silent_groups=False), rewards) == list(range(16))
    assert groups_of(recipe(most_solve_rate_millionths=300_000), rewards) == list(range(4, 8))
    assert groups_of(recipe(least_solve_rate_millionths=300_000), rewards) == list(range(8, 12))
    assert groups_of(recipe(drop_silent_groups=False), [0] * 8) == []
    assert groups_of(recipe(objective="dpo"), rewards) == [4, 7, 8, 11, 9, 10]
    assert groups_of(recipe(objective="sft"), rewards) == [0, 4, 8, 12]


def test_lengths_alone_can_make_a_signal() -> None:
    rule = LengthRule("exact", 1000, 0, 1, 1, 8)
    assert groups_of(recipe(), [10] * 4) == []
    assert groups_of(recipe(), [10] * 4, rule) == [0, 1, 2, 3]


def test_each_rollout_is_compared_with_the_version_that_sampled_it() -> None:
    older, newer = (
        start(),
        start() + 0.05 * np.random.default_rng(0).normal(size=start().size).astype(np.float32),
    )
    old, new = rollouts(older, 8, 0), rollouts(newer, 8, 1)
    both = Batch(
        *(
            np.concatenate((getattr(old, n), getattr(new, n)))
            for n in ("prompts", "tokens", "lengths", "rewards")
        ),
        versions=np.repeat([4, 5], 32).astype(np.int32),
    )
    given, past = recipe(inner_steps=1), PastWeights({4: older, 5: newer})
    # The first step's ratios are all one, if and only if every rollout meets its own sampler.
    for versions, one in ((slice(0, 32), older), (slice(32, 64), newer)):
        rows = np.zeros(64, bool)
        rows[versions] = True
        _, metrics = one_round(one, both.select(rows), given, past=past)
        assert metrics.loss == pytest.approx(-_mean_gain(both.select(rows), given), abs=1e-4)
    _, mixed = one_round(older, both, given, past=past)
    _, unaware = one_round(older, dataclasses.replace(both, versions=None), given)
    assert mixed.loss != pytest.approx(unaware.loss, abs=1e-4)


def _mean_gain(batch: Batch, given: Recipe) -> float:
    """Mean advantage over tokens: minus the loss where every ratio is one."""
    examples = examples_of(batch, given, SCHEDULE.group_size, None)
    assert examples is not None
    gain = examples.advantages[:, None] * examples.inside
    return float(gain.sum() / examples.inside.sum())
