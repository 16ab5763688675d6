"""Which engine an operator may choose for which model, and what is said if not."""

import importlib.util

import pytest

from cupel.node.rollout.sampler import TORCH, VLLM, check_engine, sample_with_policy, sampler_of
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.testing.builders import example_spec

TINY = example_spec().model
LLAMA = ModelShape("transformers/llama", 64, layers=2, width=64, heads=2, feed_forward=192, positions=32)


def test_torch_computes_everything() -> None:
    for shape in (TINY, LLAMA):
        check_engine(TORCH, shape)
    assert sampler_of(TORCH) is sample_with_policy


@pytest.mark.parametrize(
    ("engine", "shape", "problem"),
    [
        ("vlm", LLAMA, "'vlm' is no engine"),
        (VLLM, TINY, "vllm does not compute cupel/tiny-transformer-v1"),
        (VLLM, LLAMA, "the package vllm is not installed"),
    ],
)
def test_another_engine_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, engine: str, shape: ModelShape, problem: str
) -> None:
    monkeypatch.setattr("cupel.node.rollout.sampler.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as refused:
        check_engine(engine, shape)
    assert (refused.value.key, refused.value.problem) == ("engine", problem)


def test_vllm_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cupel.node.rollout.sampler.find_spec", lambda name: importlib.util.find_spec("json"))
    check_engine(VLLM, LLAMA)
