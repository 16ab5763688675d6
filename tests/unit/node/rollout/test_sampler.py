"""Which sampler an engine has, and when it is ready."""

from typing import Any

import pytest

from cupel.node.rollout.sampler import sample_with_policy, sampler_of
from cupel.node.rollout.vllm_sampler import VllmSampler
from cupel.protocol.model import vllm_loading
from cupel.protocol.model.engines import TORCH, VLLM
from cupel.protocol.model.transformers_engine import TransformersPolicy
from cupel.protocol.spec.task import ModelShape

SHAPE = ModelShape("transformers/llama", 64, layers=1, width=64, heads=2, feed_forward=64, positions=32)


def test_pytorch_samples_with_the_policy_itself() -> None:
    assert sampler_of(TORCH, SHAPE) is sample_with_policy


def test_vllm_runs_before_there_is_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(vllm_loading, "_start", lambda policy, _: started.append(policy) or "an engine")
    assert isinstance(sampler_of(VLLM, SHAPE), VllmSampler)
    (policy,) = started
    assert isinstance(policy, TransformersPolicy)
    assert policy.shape == SHAPE
