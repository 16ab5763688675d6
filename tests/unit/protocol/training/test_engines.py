"""A model of `transformers` through a node's whole round and a verifier's recomputation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cupel.node.rollout.worker import RolloutWorker
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.generate import generate, replay
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.selection import select_states
from cupel.protocol.model.weights import load_weights, policy_of
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.rollout_file import PAD
from cupel.protocol.spec.task import MILLION, ModelShape, Thresholds
from cupel.protocol.spec.toploc import accept, compare_selection
from cupel.protocol.task.genesis import drawn
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.training.batch import Batch
from cupel.protocol.training.state import fresh_state
from cupel.protocol.training.trainer import Schedule, train_round

LLAMA = ModelShape(
    "transformers/llama", 64, 1, 32, 4, 64, 32, options='{"num_key_value_heads":2,"tie_word_embeddings":true}'
)
RECIPE = example_spec().recipe
SCHEDULE = Schedule(learning_rate=5e-3, temperature=1.0, group_size=8)
WANTED, END = 3, 11


def test_its_rollouts_are_proven_and_the_proofs_pass_a_replay() -> None:
    spec = dataclasses.replace(example_spec(), model=LLAMA)
    params = dataclasses.replace(example_params(), problems_per_round=4, group_size=4, chunk_tokens=4)
    environment = get_environment(spec.environment)
    policy = policy_of(LLAMA, checkpoint_from_bytes(drawn(LLAMA, 1), layout_of(LLAMA)))
    rollouts = RolloutWorker(params, spec, environment).produce(policy, b"\7" * 32, lambda done, total: None)
    prompts = np.array([environment.prompt(one.problem) for one in rollouts])
    tokens = np.full((len(rollouts), params.max_tokens), PAD, np.int32)
    for row, rollout in zip(tokens, rollouts, strict=True):
        row[: len(rollout.tokens)] = rollout.tokens
    lengths = np.array([len(rollout.tokens) for rollout in rollouts])
    states, _ = replay(policy, prompts, tokens)
    selection = select_states(states, lengths, params.chunk_tokens, params.topk)
    other = policy_of(LLAMA, checkpoint_from_bytes(drawn(LLAMA, 2), layout_of(LLAMA)))
    foreign = select_states(replay(other, prompts, tokens)[0], lengths, params.chunk_tokens, params.topk)
    proofs = [rollout.proofs for rollout in rollouts]
    limits = Thresholds(4, 1_000, 1_000)
    for result in compare_selection(proofs, selection):
        assert isinstance(result, list)
        assert [accept(one, limits) for one in result] == [None] * len(result)
    for result in compare_selection(proofs, foreign):
        assert not isinstance(result, list) or any(accept(one, limits) is not None for one in result)


@pytest.mark.parametrize(
    "recipe",
    [RECIPE, dataclasses.replace(RECIPE, packed_tokens=24), dataclasses.replace(RECIPE, lora_rank=4)],
    ids=["every weight", "packed", "adapters"],
)
def test_the_rewarded_token_becomes_likelier(recipe: object) -> None:
    layout = layout_of(LLAMA)
    weights = to_floats(checkpoint_from_bytes(drawn(LLAMA, 1), layout).weights)
    state, schedule = fresh_state(weights.size), SCHEDULE
    if recipe.lora_rank:  # type: ignore[attr-defined]
        schedule = dataclasses.replace(SCHEDULE, learning_rate=3e-2)
    rewards = []
    for seed in range(8):
        batch = _rollouts(weights, seed)
        rewards.append(batch.rewards.mean() / MILLION)
        gradient, state, _ = train_round(LLAMA, weights, batch, recipe, schedule, state)  # type: ignore[arg-type]
        weights = weights - gradient
    print("mean reward by round, seeds 0 to 7:", [round(float(reward), 3) for reward in rewards])
    assert rewards[-1] > rewards[0] + 0.1


def _rollouts(weights: np.ndarray, seed: int) -> Batch:
    """Completions of up to three tokens, rewarded if the first is below 32."""
    policy = policy_of(LLAMA, checkpoint_from_bytes(drawn(LLAMA, 1), layout_of(LLAMA)))
    load_weights(policy, layout_of(LLAMA), weights)
    random = np.random.default_rng(seed)
    prompts = np.repeat(random.integers(0, 10, (16, 3)), SCHEDULE.group_size, axis=0)
    made = generate(policy, prompts, random.gumbel(size=(len(prompts), 3, LLAMA.vocabulary)), END, 1.0)
    rewards = np.where(made.tokens[:, 0] < 32, MILLION, 0).astype(np.int32)
    return Batch(prompts, made.tokens, made.lengths, rewards)
