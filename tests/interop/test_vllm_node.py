"""A node's rollout process samples with vLLM; a verifier recomputes what it made with `transformers`.

Run by tools/vllm_cpu.sh; skipped where vLLM is not installed.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("vllm", reason="sh tools/vllm_cpu.sh")

from cupel.node.pipeline.rounds import Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Task, Workshop
from cupel.node.rollout.process import Parts, RolloutJob
from cupel.node.rollout.sampler import VLLM
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.generate import replay
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.selection import select_states
from cupel.protocol.model.tiny import initialise
from cupel.protocol.model.transformers_engine import TransformersPolicy
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.sampling import chosen_gap, gumbel_noise
from cupel.protocol.spec.task import ModelShape, Thresholds
from cupel.protocol.spec.toploc import accept, compare_selection
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params

pytestmark = pytest.mark.filterwarnings("default")
SHAPE = ModelShape("transformers/llama", 64, layers=2, width=64, heads=2, feed_forward=192, positions=32)
SPEC = replace(example_spec(), model=SHAPE)
PARAMS = replace(example_params(), spec_digest=SPEC.digest, problems_per_round=8, group_size=16)


def version_of(number: int) -> CanonicalVersion:
    policy, layout = TransformersPolicy(SHAPE), layout_of(SHAPE)
    initialise(policy, torch.Generator().manual_seed(number))
    return make_version(number, bytes(32) if number else None, genesis(flatten(policy, layout)), layout)


def refusals(file: bytes, version: CanonicalVersion) -> int:
    """Proofs and tokens of a rollouts file that a recomputation with `version` does not confirm."""
    rollouts, environment = rollout_file.decode(file, PARAMS), get_environment(SPEC.environment)
    prompts = np.array([environment.prompt(one.problem) for one in rollouts])
    tokens = np.full((len(rollouts), PARAMS.max_tokens), rollout_file.PAD, np.int32)
    for row, rollout in zip(tokens, rollouts, strict=True):
        row[: len(rollout.tokens)] = rollout.tokens
    lengths = np.array([len(one.tokens) for one in rollouts])
    states, scores = replay(policy_of(SHAPE, version.state), prompts, tokens)
    selection = select_states(states, lengths, PARAMS.chunk_tokens, PARAMS.topk)
    refused = 0
    for row, result in enumerate(compare_selection([one.proofs for one in rollouts], selection)):
        assert isinstance(result, list)
        length = lengths[row]
        noise = gumbel_noise(rollouts[row].seed, PARAMS.max_tokens, SHAPE.vocabulary)
        gaps = chosen_gap(scores[row, :length].numpy(), noise[:length], tokens[row, :length], 1.0)
        refused += sum(accept(one, Thresholds(4, 500, 500)) is not None for one in result)
        refused += int(gaps.max() > SPEC.sampling.tolerance_millionths / 1e6)
    return refused


def test_rounds_sampled_by_vllm_pass_a_recomputation(tmp_path: Path) -> None:
    workshop, versions = Workshop(tmp_path), [version_of(number) for number in range(2)]
    workshop.save_task(Task(PARAMS, SPEC))
    for version in versions:
        workshop.save_version(version.version, version.manifest.to_bytes(), version.file)
    job = RolloutJob(workshop, Clock(time.monotonic), Parts(engine=VLLM))
    for number, version in enumerate(versions):
        # The second round's weights go into the running engine.
        workshop.place(Order(number, bytes([number + 3]) * 32, number, version.digest, number, number))
        assert job.work(number) is None
        file = workshop.rollouts(number)
        assert file is not None
        print(number, workshop.reported(number, "rollouts"))
        told = [refusals(file, one) for one in versions]
        print(f"round {number}: refused by version 0 and 1: {told}")
        assert told[number] == 0 < told[1 - number]
