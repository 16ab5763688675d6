"""Which sampler an engine has."""

from cupel.node.rollout.sampler import sample_with_policy, sampler_of
from cupel.node.rollout.vllm_sampler import VllmSampler
from cupel.protocol.model.engines import TORCH, VLLM


def test_an_engine_has_its_sampler() -> None:
    assert sampler_of(TORCH) is sample_with_policy
    assert isinstance(sampler_of(VLLM), VllmSampler)
