"""A verifier recomputes with a prefill by vLLM: what vLLM or `transformers` sampled honestly passes, a lie does not.

Run by tools/vllm_cpu.sh; skipped where vLLM is not installed.
"""

import asyncio
import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("vllm", reason="sh tools/vllm_cpu.sh")

from cupel.node.publishing.submission import make_submission
from cupel.node.rollout.sampler import sampler_of
from cupel.node.rollout.worker import RolloutWorker
from cupel.protocol.model import conformance
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.engines import TORCH, VLLM
from cupel.protocol.model.generate import Prefill, replay
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.quantise import quantised
from cupel.protocol.model.tiny import initialise
from cupel.protocol.model.transformers_engine import TransformersPolicy
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.assignment import round_seed
from cupel.protocol.spec.diloco.blocks import encode_update, update_to_bytes
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.task import ModelShape, task_id
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.verifier.audit import examine, recheck
from cupel.verifier.checks.base import FetchedSubmission, Rules
from cupel.verifier.recompute import prefill_of, recompute

pytestmark = pytest.mark.filterwarnings("default")
OPTIONS = '{"num_key_value_heads":1,"tie_word_embeddings":true}'
SHAPE = ModelShape("transformers/llama", 64, 2, 64, 2, 192, 32, OPTIONS)
SPEC = replace(example_spec(), model=SHAPE)
PARAMS = replace(example_params(), spec_digest=SPEC.digest, problems_per_round=4, group_size=8)
CHAIN, HUB, NODE = 31337, "0x" + "10" * 20, "0x" + "20" * 20
TASK, BEACON, ROUND, SEQUENCE = task_id(CHAIN, HUB, PARAMS), bytes(range(32)), 5, 3
REFERENCE = PolicyRef(4, b"\4" * 32)
ENVIRONMENT = get_environment(SPEC.environment)


def policy_of_seed(seed: int) -> Policy:
    made, layout = TransformersPolicy(SHAPE), layout_of(SHAPE)
    initialise(made, torch.Generator().manual_seed(seed))
    return policy_of(SHAPE, genesis(flatten(made, layout)))


POLICY = policy_of_seed(1)
# Each stays, as one vLLM that ends takes what another of its process works with along.
sampler = functools.cache(sampler_of)


def submission(engine: str, policy: Policy) -> FetchedSubmission:
    """A node's round with this engine and policy, which it passes off as the canonical one."""
    seed = round_seed(CHAIN, HUB, TASK, NODE, ROUND, BEACON)
    worker = RolloutWorker(PARAMS, SPEC, ENVIRONMENT, sampler=sampler(engine, SHAPE))
    rollouts = worker.produce(policy, seed, lambda *_: None)
    size = layout_of(SHAPE).num_parameters
    update = update_to_bytes(encode_update(np.zeros(size, np.float32), -8)[0])
    context = LeafContext(CHAIN, HUB, TASK, NODE, SEQUENCE, ROUND)
    made = make_submission(PARAMS, context, REFERENCE, rollouts, update, Metrics(0, 0), {})
    digest = made.manifest.digest
    return FetchedSubmission(
        rules=Rules(CHAIN, HUB, TASK, PARAMS, SPEC, ENVIRONMENT, size),
        work=CommittedWork(NODE, SEQUENCE, ROUND, made.root, digest, made.units, 1110),
        beacon=BEACON,
        manifest_file=made.manifest_file,
        rollouts_file=made.rollouts_file,
        update_file=made.update_file,
    )


def found(prefill: Prefill, made: FetchedSubmission) -> Any:
    """What an auditor finds, on a thread of its own as it does."""
    every = range(made.work.units)
    assert examine(made) is None
    again = asyncio.run(asyncio.to_thread(recompute, POLICY, REFERENCE.digest, made, every, prefill))
    return recheck(made, again)


@pytest.fixture(scope="module")
def prefill() -> Prefill:
    return prefill_of(VLLM)


@pytest.mark.parametrize("check", conformance.PREFILL_CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(prefill: Prefill, check: Any) -> None:
    check(prefill, POLICY)


@pytest.mark.parametrize("engine", [VLLM, TORCH])
def test_an_honest_round_passes(prefill: Prefill, engine: str) -> None:
    made = submission(engine, POLICY)
    told = [found(one, made) for one in (prefill, replay)]
    print(
        engine,
        "pooled error in millionths by vLLM, by transformers:",
        [one.pool.mean_millionths for one in told],
    )
    assert [one.finding for one in told] == [None, None]


@pytest.mark.parametrize(
    ("lie", "policy"), [("another policy", policy_of_seed(2)), ("weights of 4 bits", quantised(POLICY, 4))]
)
@pytest.mark.parametrize("engine", [VLLM, TORCH])
def test_a_lie_is_found_as_a_prefill_by_transformers_finds_it(
    prefill: Prefill, engine: str, lie: str, policy: Policy
) -> None:
    made = submission(engine, policy)
    own, other = (found(one, made).finding for one in (prefill, replay))
    print(engine, lie, own)
    assert own is not None
    assert other is not None
    assert (own.check, own.reason, own.rollout) == (other.check, other.reason, other.rollout)
