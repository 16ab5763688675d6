"""Canonical weights in a policy and out of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.model.checkpoint import to_floats
from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.layout import Layout, layout_of
from cupel.protocol.model.policy import Policy
from cupel.protocol.spec.diloco.outer import OuterState
from cupel.protocol.spec.task import ModelShape


def load_weights(policy: Policy, layout: Layout, flat: npt.NDArray[np.float32]) -> None:
    """Put flat weights [parameters] into a policy, in place."""
    parameters = dict(policy.named_parameters())
    with torch.no_grad():
        for name, values in layout.split(flat).items():
            parameters[name].copy_(torch.from_numpy(values))


def flatten(policy: Policy, layout: Layout) -> npt.NDArray[np.float32]:
    """The policy's weights as one array [parameters]: a copy."""
    parameters = dict(policy.named_parameters())
    pieces = [parameters[tensor.name].detach().numpy().reshape(-1) for tensor in layout.tensors]
    return np.concatenate(pieces)


def policy_of(shape: ModelShape, state: OuterState) -> Policy:
    """A policy with the canonical weights of a version."""
    policy = new_policy(shape)
    load_weights(policy, layout_of(shape), to_floats(state.weights))
    return policy.eval()
