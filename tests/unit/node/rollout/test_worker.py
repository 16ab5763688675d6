"""A node's rollouts carry the proofs of the states that chose their tokens."""

import dataclasses

import numpy as np
import torch

from cupel.node.rollout.worker import RolloutWorker
from cupel.protocol.model.generate import replay
from cupel.protocol.model.selection import select_states
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.rollout_file import PAD
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import accept, compare_selection
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params

SEED = b"\7" * 32


def test_the_proofs_pass_a_replay_of_the_same_policy() -> None:
    spec = example_spec()
    spec = dataclasses.replace(
        spec, model=dataclasses.replace(spec.model, layers=1, width=32, feed_forward=64)
    )
    # Several chunks a completion, and completions of several lengths.
    params = dataclasses.replace(example_params(), problems_per_round=8, group_size=16, chunk_tokens=4)
    environment = get_environment(spec.environment)
    policy = TinyPolicy(spec.model)
    initialise(policy, torch.Generator().manual_seed(1))
    told: list[tuple[int, int]] = []
    worker = RolloutWorker(params, spec, environment)
    rollouts = worker.produce(policy.eval(), SEED, lambda done, total: told.append((done, total)))
    assert told == [(128, 128)]
    prompts = np.array([environment.prompt(one.problem) for one in rollouts])
    tokens = np.full((len(rollouts), params.max_tokens), PAD, np.int32)
    for row, rollout in zip(tokens, rollouts, strict=True):
        row[: len(rollout.tokens)] = rollout.tokens
    lengths = np.array([len(rollout.tokens) for rollout in rollouts])
    assert len(set(lengths.tolist())) > 1
    states, _ = replay(policy, prompts, tokens)
    selection = select_states(states, lengths, params.chunk_tokens, params.topk)
    for result in compare_selection([rollout.proofs for rollout in rollouts], selection):
        assert isinstance(result, list)
        assert [accept(one, Thresholds(4, 1_000, 1_000)) for one in result] == [None] * len(result)
