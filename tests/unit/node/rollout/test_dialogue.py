"""A node's dialogues: whoever generates, the file, a verifier and the trainer agree on whose tokens are whose."""

import dataclasses

import numpy as np
import pytest
import torch

from cupel.node.rollout.sampler import check_dialogue
from cupel.node.rollout.worker import RolloutWorker
from cupel.protocol.config import ConfigError
from cupel.protocol.model.engines import TORCH, VLLM
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.dialogue import own_tokens, read_spans
from cupel.protocol.spec.environments.base import ARITHMETIC, GUESSING, Dialogue, check_fit, get_environment
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.task import NOTHING_PINNED
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.training.batch import Batch, batch_of
from cupel.protocol.training.examples import examples_of
from cupel.protocol.training.state import fresh_state
from cupel.protocol.training.trainer import schedule_of, train_round

SEED = b"\7" * 32
SPEC = dataclasses.replace(
    example_spec(),
    environment=GUESSING,
    model=dataclasses.replace(example_spec().model, layers=1, width=32, feed_forward=64),
)
PARAMS = dataclasses.replace(
    example_params(),
    problems_per_round=4,
    group_size=16,
    max_tokens=8,
    chunk_tokens=4,
    reward_rule=NOTHING_PINNED,
)
ENVIRONMENT = get_environment(GUESSING)


def policy() -> TinyPolicy:
    made = TinyPolicy(SPEC.model)
    initialise(made, torch.Generator().manual_seed(1))
    return made.eval()


@pytest.fixture(scope="module")
def rollouts() -> tuple[Rollout, ...]:
    check_fit(PARAMS, SPEC, ENVIRONMENT)
    return RolloutWorker(PARAMS, SPEC, ENVIRONMENT).produce(policy(), SEED, lambda done, total: None)


def batch(rollouts: tuple[Rollout, ...]) -> Batch:
    owed = assigned_work(SEED, PARAMS, range(len(rollouts)), None)
    # A policy that knows nothing earns nothing, and equal rewards teach nothing.
    rollouts = tuple(dataclasses.replace(one, reward=one.tokens[0] % 2) for one in rollouts)
    return batch_of(rollouts, owed, ENVIRONMENT, 0, PARAMS.max_tokens, None)


def test_every_dialogue_is_as_the_environment_makes_it(rollouts: tuple[Rollout, ...]) -> None:
    assert isinstance(ENVIRONMENT, Dialogue)
    for one in rollouts:
        assert read_spans(ENVIRONMENT, one.problem, one.tokens) == one.spans
        assert len(one.proofs) == -(-len(one.tokens) // PARAMS.chunk_tokens)
    assert rollout_file.decode(rollout_file.encode(rollouts, PARAMS), PARAMS) == rollouts


def test_replies_stay_out_of_the_loss_and_inside_the_context(rollouts: tuple[Rollout, ...]) -> None:
    made = batch(rollouts)
    for row, one in zip(made.inside, rollouts, strict=True):
        assert row[: len(one.tokens)].tolist() == own_tokens(one.spans, len(one.tokens)).tolist()
        assert not row[len(one.tokens) :].any()
    examples = examples_of(made, SPEC.recipe, PARAMS.group_size, None)
    assert examples is not None
    prompt = made.prompts.shape[1]
    rows = {tuple(tokens) for tokens in examples.inputs[:, prompt:].tolist()}
    assert {(one.tokens + (0,) * 8)[:7] for one in rollouts} >= rows, "replies are read"
    assert examples.inside.sum() < examples.lengths.sum()


def trained(made: Batch, packed_tokens: int = 0) -> np.ndarray:
    recipe = dataclasses.replace(SPEC.recipe, inner_steps=1, packed_tokens=packed_tokens)
    weights = np.concatenate([p.detach().numpy().reshape(-1) for p in policy().parameters()])
    state, schedule = fresh_state(weights.size), schedule_of(PARAMS, SPEC, 0)
    return train_round(SPEC.model, weights, made, recipe, schedule, state)[0]


def test_packed_dialogues_teach_the_same(rollouts: tuple[Rollout, ...]) -> None:
    made = batch(rollouts)
    assert made.own is not None
    plain, packed = trained(made), trained(made, 64)
    # Adam's first step is the gradient's sign: compare where it is not near zero.
    assert np.abs(plain - packed).mean() < 0.02 * np.abs(plain).mean()
    unmasked = trained(dataclasses.replace(made, own=None))
    assert np.abs(plain - unmasked).mean() > 0.1 * np.abs(plain).mean(), "the mask matters"


def test_an_engine_that_samples_single_turns_is_refused() -> None:
    check_dialogue(TORCH, ENVIRONMENT)
    check_dialogue(VLLM, get_environment(ARITHMETIC))
    with pytest.raises(ConfigError, match="samples single turns"):
        check_dialogue(VLLM, ENVIRONMENT)
