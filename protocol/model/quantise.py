"""Weights rounded to few bits: what saves a node memory, and what a verifier must see."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch

from cupel.protocol.model.policy import Policy

AnyPolicy = TypeVar("AnyPolicy", bound=Policy)


def quantised(policy: AnyPolicy, bits: int) -> AnyPolicy:
    """A copy of the policy with every row of its weights rounded to 2^bits - 1 levels, symmetric about zero."""
    assert bits >= 2, f"{bits} bits"
    steps = 2 ** (bits - 1) - 1
    rounded = copy.deepcopy(policy)
    with torch.no_grad():
        for weights in rounded.parameters():
            scale = weights.abs().amax(dim=-1, keepdim=True).clamp(min=1e-12) / steps
            weights.copy_(torch.round(weights / scale) * scale)
    return rounded
