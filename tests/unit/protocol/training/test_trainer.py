"""A node's round of training: it learns what is rewarded, repeats bit for bit, and survives a restart."""

import dataclasses

import numpy as np
import pytest
import torch

from cupel.protocol.model.generate import generate
from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.model.tiny import initialise
from cupel.protocol.spec.diloco.blocks import decode_update
from cupel.protocol.spec.diloco.codec import MxInt8
from cupel.protocol.spec.task import MILLION, ModelShape
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.training.batch import Batch
from cupel.protocol.training.flat import BETAS, AdamW, FlatPolicy
from cupel.protocol.training.state import (
    DamagedState,
    fresh_state,
    quantise,
    state_from_bytes,
    state_to_bytes,
)
from cupel.protocol.training.trainer import (
    SLICE_ROWS,
    PastWeights,
    Schedule,
    Steps,
    exactly,
    learning_rate,
    schedule_of,
    train_round,
)

SHAPE = ModelShape(ARCHITECTURE, vocabulary=8, layers=1, width=16, heads=2, feed_forward=24, positions=8)
RECIPE = example_spec().recipe
SCHEDULE = Schedule(learning_rate=5e-3, temperature=1.0, group_size=4)
WANTED, END = 3, 7


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
    made = generate(model.policy, prompts, random.gumbel(size=(len(prompts), 3, SHAPE.vocabulary)), END, 1.0)
    rewards = np.where(made.tokens[:, 0] == WANTED, MILLION, 0).astype(np.int32)
    return Batch(prompts, made.tokens, made.lengths, rewards)


def test_the_rewarded_token_becomes_likelier() -> None:
    weights, state = start(), fresh_state(start().size)
    first = rollouts(weights, 32, 0).rewards.mean()
    for round_index in range(6):
        gradient, state, _ = train_round(
            SHAPE, weights, rollouts(weights, 32, round_index), RECIPE, SCHEDULE, state
        )
        weights = weights - gradient
    assert first < 0.3 * MILLION
    assert rollouts(weights, 32, 99).rewards.mean() > 0.7 * MILLION


def test_the_same_inputs_give_the_same_bits() -> None:
    weights, state = start(), fresh_state(start().size)
    batch = rollouts(weights, 8, 0)
    first = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)
    second = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)
    assert np.array_equal(first[0], second[0])
    assert first[2] == second[2]


def test_a_restart_from_the_saved_state_goes_on_as_if_nothing_had_happened() -> None:
    weights = start()
    gradient, state, _ = train_round(
        SHAPE, weights, rollouts(weights, 8, 0), RECIPE, SCHEDULE, fresh_state(weights.size)
    )
    _, state = quantise(gradient, state, -8, MxInt8())
    restored = state_from_bytes(state_to_bytes(state), weights.size)
    batch = rollouts(weights, 8, 1)
    going_on = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)
    restarted = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, restored)
    assert np.array_equal(going_on[0], restarted[0])
    assert restored.steps == RECIPE.inner_steps
    assert np.array_equal(restored.remainder, state.remainder)
    assert state.remainder.any()


def test_fewer_steps_are_the_first_of_them_to_the_bit() -> None:
    weights, state = start(), fresh_state(start().size)
    batch = rollouts(weights, 8, 0)
    one = dataclasses.replace(RECIPE, inner_steps=1)
    whole = train_round(SHAPE, weights, batch, one, SCHEDULE, state)
    asked: list[int] = []

    def never(done: int) -> bool:
        asked.append(done)
        return False

    stopped = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state, steps=Steps(1, 4, never))
    assert asked == [0, 1]
    stated = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state, steps=exactly(1))
    for gradient, kept, metrics in (stopped, stated):
        assert np.array_equal(gradient, whole[0])
        assert state_to_bytes(kept) == state_to_bytes(whole[1])
        assert metrics == whole[2]
        assert (kept.steps, metrics.steps) == (1, 1)
    assert not np.array_equal(train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)[0], whole[0])


def test_equal_rewards_teach_nothing() -> None:
    weights, state = start(), fresh_state(start().size)
    batch = dataclasses.replace(rollouts(weights, 4, 0), rewards=np.full(16, MILLION, np.int32))
    gradient, kept, metrics = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)
    assert not gradient.any()
    assert kept is state
    assert (metrics.mean_reward, metrics.groups_with_signal, metrics.steps) == (1.0, 0, 0)


def test_groups_without_signal_do_not_dilute_the_others() -> None:
    weights, state = start(), fresh_state(start().size)
    full = rollouts(weights, 16, 0)
    signal = np.repeat(np.ptp(full.rewards.reshape(-1, 4), axis=1) > 0, 4)
    assert 0 < signal.sum() < signal.size
    only = full.select(signal)
    with_silent = train_round(SHAPE, weights, full, RECIPE, SCHEDULE, state)
    without = train_round(SHAPE, weights, only, RECIPE, SCHEDULE, state)
    assert np.array_equal(with_silent[0], without[0])
    assert with_silent[2].groups_with_signal == signal.sum() // 4


def test_slices_add_up_to_the_gradient_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, state = start(), fresh_state(start().size)
    batch = rollouts(weights, 16, 0)
    assert batch.rewards.size <= SLICE_ROWS
    whole, _, metrics = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)
    monkeypatch.setattr("cupel.protocol.training.trainer.SLICE_ROWS", 5)
    sliced, _, sliced_metrics = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)
    assert sliced_metrics.loss == pytest.approx(metrics.loss, abs=1e-5)
    assert np.dot(whole, sliced) / np.linalg.norm(whole) / np.linalg.norm(sliced) > 0.999


def test_old_probabilities_come_from_the_version_that_sampled() -> None:
    weights = start()
    batch = rollouts(weights, 16, 0)
    state = fresh_state(weights.size)
    gradient, _, fresh = train_round(SHAPE, weights, batch, RECIPE, SCHEDULE, state)
    moved = weights - 3 * gradient
    batch = dataclasses.replace(batch, versions=np.full(batch.rewards.size, 7, np.int32))
    past = PastWeights({7: weights})
    _, _, stale = train_round(SHAPE, moved, batch, RECIPE, SCHEDULE, state, past)
    assert stale.clipped_share > fresh.clipped_share


def test_what_an_update_leaves_out_comes_with_the_next() -> None:
    random = np.random.default_rng(0)
    first, second = (random.normal(0, 1e-3, 100).astype(np.float32) for _ in range(2))
    update, state = quantise(first, fresh_state(100), -8, MxInt8())
    assert np.allclose(decode_update(update, 100) + state.remainder, first, atol=1e-9)
    update, after = quantise(second, state, -8, MxInt8())
    assert np.allclose(decode_update(update, 100) + after.remainder, second + state.remainder, atol=1e-9)


def test_a_torn_or_foreign_state_is_told_apart_from_a_state() -> None:
    file = state_to_bytes(fresh_state(10))
    for damaged in (file[:-1], b"", state_to_bytes(fresh_state(11))):
        with pytest.raises(DamagedState):
            state_from_bytes(damaged, 10)


def test_the_rate_falls_from_the_first_round_to_the_last() -> None:
    recipe = dataclasses.replace(
        RECIPE, learning_rate_billionths=1_000_000, final_learning_rate_billionths=200_000
    )
    rates = [learning_rate(recipe, index, 5) for index in range(5)]
    assert rates == pytest.approx([1e-3, 8e-4, 6e-4, 4e-4, 2e-4])
    assert learning_rate(recipe, 0, 1) == pytest.approx(1e-3)


def test_the_schedule_follows_the_task() -> None:
    params, spec = example_params(), example_spec()
    schedule = schedule_of(params, spec, params.rounds - 1)
    assert schedule == Schedule(spec.recipe.final_learning_rate_billionths / 1e9, 1.0, params.group_size)


def test_a_flat_policy_and_its_flat_arrays_are_one() -> None:
    model = FlatPolicy(SHAPE)
    flat = np.arange(model.layout.num_parameters, dtype=np.float32)
    model.set_weights(flat)
    parts = dict(model.policy.named_parameters())
    for name, piece in layout_of(SHAPE).split(flat).items():
        assert np.array_equal(parts[name].detach().numpy(), piece)
    model.policy.logits(model.policy(torch.zeros(1, 2, dtype=torch.int64))).sum().backward()
    assert model.gradient.any()
    AdamW.fresh(model).step(0.5)
    assert not np.array_equal(
        model.policy.head.weight.detach().numpy(), layout_of(SHAPE).split(flat)["head.weight"]
    )


def test_a_step_is_that_of_pytorchs_class() -> None:
    model, generator = FlatPolicy(SHAPE), torch.Generator().manual_seed(3)
    parameter = torch.nn.Parameter(model.weights.clone())
    theirs = torch.optim.AdamW([parameter], lr=0.01, betas=BETAS, weight_decay=0.0, fused=True)
    ours = AdamW.fresh(model)
    for _ in range(3):
        model.gradient.normal_(generator=generator)
        parameter.grad = model.gradient.clone()
        theirs.step()
        ours.step(0.01)
    assert torch.equal(model.weights, parameter.detach())


def test_a_long_gradient_is_cut_to_the_limit_and_a_short_one_left() -> None:
    model = FlatPolicy(SHAPE)
    model.gradient[:2] = torch.tensor([3.0, 4.0])
    assert model.clip_gradient(1.0) == pytest.approx(5.0)
    assert model.gradient[:2].tolist() == pytest.approx([0.6, 0.8])
    assert model.clip_gradient(2.0) == pytest.approx(1.0)
    assert model.gradient[:2].tolist() == pytest.approx([0.6, 0.8])
