"""Terms that keep a policy near another one, or from becoming certain too soon.

Estimators of KL(policy, reference) from one token: Schulman 2020, "Approximating KL divergence". With r the reference's
probability over the policy's: k1 = -log r, k2 = (log r)^2 / 2, k3 = r - 1 - log r. As terms of a loss, on tokens of the
policy's own: k2's gradient is that of the divergence; k3's that of KL(reference, policy); k1's has mean zero, so it
adds noise alone and serves to measure.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cupel.protocol.spec.recipe import K1, K2, K3


def divergence(new: Tensor, reference: Tensor, estimator: str) -> Tensor:
    """Estimate for every token from its log-probabilities, float32 of any one shape."""
    log_ratio = reference - new
    if estimator == K1:
        return -log_ratio
    if estimator == K2:
        return log_ratio.square() / 2
    assert estimator == K3, f"unchecked estimator {estimator}"
    return torch.exp(log_ratio) - 1 - log_ratio


def entropy(logits: Tensor, temperature: float) -> Tensor:
    """Entropy in nats of every next-token distribution: logits [..., vocabulary] -> [...]."""
    log_probabilities = torch.log_softmax(logits / temperature, dim=-1)
    return -(log_probabilities.exp() * log_probabilities).sum(dim=-1)


def token_mean(values: Tensor, inside: Tensor) -> Tensor:
    """Mean of float32 [rows, T] over the tokens inside completions, bool [rows, T]; zero without any."""
    return (values * inside).sum() / inside.sum().clamp(min=1)
