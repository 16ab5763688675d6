"""What recomputes: PyTorch where nothing is said. What vLLM computes: tests/interop/test_vllm_prefill.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from cupel.protocol.model.engines import TORCH, VLLM
from cupel.protocol.model.generate import replay
from cupel.protocol.model.policy import Policy
from cupel.verifier.recompute import prefill_of, recompute
from cupel.verifier.vllm_prefill import VllmPrefill


def test_the_settings_choose_the_prefill() -> None:
    assert prefill_of(TORCH) is replay
    assert isinstance(prefill_of(VLLM), VllmPrefill)


def test_a_recomputation_is_the_prefill_s(world: Any) -> None:
    """States of a prefill that computes something else lead to another selection."""

    def halved(policy: Policy, prompts: np.ndarray, tokens: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        states, scores = replay(policy, prompts, tokens)
        return states * 0.5, scores

    submission, drawn = world.submission(), (0, 3)
    own = recompute(world.policy, bytes(32), submission, drawn)
    other = recompute(world.policy, bytes(32), submission, drawn, halved)
    assert not np.array_equal(own.selection.patterns, other.selection.patterns)
