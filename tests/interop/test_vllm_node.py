"""A node samples with vLLM: its rollout process alone, and `cupel node rehearse` with all three of its processes.

A verifier recomputes with `transformers` what was made.

Run by tools/vllm_cpu.sh; skipped where vLLM is not installed.
"""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("vllm", reason="sh tools/vllm_cpu.sh")

from cupel.node.pipeline.rounds import Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Task, Trained, Workshop
from cupel.node.rollout.process import Parts, RolloutJob
from cupel.protocol.model.canonical import CanonicalVersion, make_version, next_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.engines import VLLM
from cupel.protocol.model.generate import replay
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.selection import select_states
from cupel.protocol.model.tiny import initialise
from cupel.protocol.model.transformers_engine import TransformersPolicy
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.sampling import chosen_gap, gumbel_noise
from cupel.protocol.spec.task import ModelShape, Thresholds
from cupel.protocol.spec.toploc import accept, compare_selection
from cupel.protocol.task.creator import read_genesis
from cupel.protocol.task.genesis import drawn
from cupel.protocol.task.plan import load_plan
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params

pytestmark = pytest.mark.filterwarnings("default")
ROOT = Path(__file__).resolve().parents[2]
SHAPE = ModelShape("transformers/llama", 64, layers=2, width=64, heads=2, feed_forward=192, positions=32)
SPEC = replace(example_spec(), model=SHAPE)
PARAMS = replace(example_params(), spec_digest=SPEC.digest, problems_per_round=8, group_size=16)


def version_of(number: int) -> CanonicalVersion:
    policy, layout = TransformersPolicy(SHAPE), layout_of(SHAPE)
    initialise(policy, torch.Generator().manual_seed(number))
    return make_version(number, bytes(32) if number else None, genesis(flatten(policy, layout)), layout)


def refusals(file: bytes, version: CanonicalVersion, task: Task) -> int:
    """Proofs and tokens of a rollouts file that a recomputation with `version` does not confirm."""
    params, spec = task.params, task.spec
    rollouts, environment = rollout_file.decode(file, params), get_environment(spec.environment)
    prompts = np.array([environment.prompt(one.problem) for one in rollouts])
    tokens = np.full((len(rollouts), params.max_tokens), rollout_file.PAD, np.int32)
    for row, rollout in zip(tokens, rollouts, strict=True):
        row[: len(rollout.tokens)] = rollout.tokens
    lengths = np.array([len(one.tokens) for one in rollouts])
    states, scores = replay(policy_of(spec.model, version.state), prompts, tokens)
    selection = select_states(states, lengths, params.chunk_tokens, params.topk)
    refused = 0
    for row, result in enumerate(compare_selection([one.proofs for one in rollouts], selection)):
        assert isinstance(result, list)
        length = lengths[row]
        noise = gumbel_noise(rollouts[row].seed, params.max_tokens, spec.model.vocabulary)
        gaps = chosen_gap(scores[row, :length].numpy(), noise[:length], tokens[row, :length], 1.0)
        refused += sum(accept(one, Thresholds(4, 500, 500)) is not None for one in result)
        refused += int(gaps.max() > spec.sampling.tolerance_millionths / 1e6)
    return refused


def test_rounds_sampled_by_vllm_pass_a_recomputation(tmp_path: Path) -> None:
    workshop, versions = Workshop(tmp_path), [version_of(number) for number in range(2)]
    workshop.save_task(Task(PARAMS, SPEC))
    for version in versions:
        workshop.save_version(version.version, version.manifest.to_bytes(), version.file)
    job = RolloutJob(workshop, Clock(time.monotonic), Parts(engine=VLLM))
    for number, version in enumerate(versions):
        # The second round's weights go into the running engine.
        order = Order(number, bytes([number + 3]) * 32, number, version.digest, number, number)
        workshop.place(order)
        assert job.work(order) is None
        file = workshop.rollouts(order)
        assert file is not None
        print(number, workshop.reported(order, "rollouts"))
        told = [refusals(file, one, Task(PARAMS, SPEC)) for one in versions]
        print(f"round {number}: refused by version 0 and 1: {told}")
        assert told[number] == 0 < told[1 - number]


@pytest.mark.timeout(1800)
def test_a_rehearsal_with_vllm_is_a_node_s_work(tmp_path: Path) -> None:
    """Sampled by vLLM, trained and published beside it: every round's rollouts are those of its version."""
    plan, genesis, folder = tmp_path / "task.toml", tmp_path / "genesis.safetensors", tmp_path / "rehearsal"
    text = (ROOT / "examples" / "llama" / "task.toml").read_text(encoding="utf-8")
    # vLLM on the processor has no attention for heads of 16 channels.
    smaller = text.replace("problems_per_round = 32", "problems_per_round = 4").replace(
        "\nheads = 4", "\nheads = 2"
    )
    plan.write_text(smaller, encoding="utf-8")
    terms = load_plan(plan)
    genesis.write_bytes(drawn(terms.spec.model, seed=0))
    command = (
        f"node rehearse --plan {plan} --genesis {genesis} --data-dir {folder} --rounds 3 --engine vllm --json"
    )
    done = subprocess.run(
        [Path(sys.executable).with_name("cupel"), *command.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (metrics,) = folder.glob("workshop/*/metrics.jsonl")
    steps = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    assert [(step["round"], step["outcome"]) for step in steps] == [
        (0, "committed"),
        (1, "committed"),
        (2, "committed"),
    ]
    workshop = Workshop(metrics.parent)
    task = workshop.task()
    assert task is not None
    versions = [read_genesis(genesis, terms)]
    for number in range(3):
        order = workshop.order(number)
        assert order is not None
        file, trained = workshop.rollouts(order), workshop.trained(order)
        assert file is not None
        assert trained is not None
        assert order.sampler_digest == versions[order.sampler].digest
        told = [refusals(file, version, task) for version in versions]
        print(
            f"round {number}, sampled with version {order.sampler}: refused by version 0 to {number}: {told}"
        )
        assert told[order.sampler] == 0
        versions.append(next_version(versions[-1], [_update(trained, task)], task.spec.aggregation))
    assert versions[-1].digest.hex() in done.stdout


def _update(trained: Trained, task: Task) -> Update:
    size = layout_of(task.spec.model).num_parameters
    most = task.spec.recipe.max_exponent_offset + MIN_EXPONENT
    return get_codec(task.spec.aggregation.codec).from_bytes(trained.update, size, most)
