"""KL estimators and entropy against sums over a whole distribution."""

import numpy as np
import pytest
import torch

from cupel.protocol.training.regularisers import divergence, entropy, token_mean

POLICY, REFERENCE = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.25, 0.5])
# sum p log(p / q) = 0.5 ln 2 + 0 - 0.25 ln 2
KL = 0.25 * np.log(2)


def test_one_token_by_hand() -> None:
    new, reference = torch.log(torch.tensor([0.5])), torch.log(torch.tensor([0.25]))
    # r = 1/2, log r = -ln 2
    assert divergence(new, reference, "k1").item() == pytest.approx(np.log(2))
    assert divergence(new, reference, "k2").item() == pytest.approx(np.log(2) ** 2 / 2)
    assert divergence(new, reference, "k3").item() == pytest.approx(0.5 - 1 + np.log(2))


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_k1_and_k3_have_the_divergence_as_their_mean(estimator: str) -> None:
    estimates = divergence(POLICY.log(), REFERENCE.log(), estimator)
    assert (POLICY * estimates).sum().item() == pytest.approx(KL)


def test_k2_and_k3_are_never_negative_and_k1_can_be() -> None:
    new, reference = POLICY.log(), REFERENCE.log()
    assert (divergence(new, reference, "k1") < 0).any()
    assert (divergence(new, reference, "k2") >= 0).all()
    assert (divergence(new, reference, "k3") >= 0).all()


def mean_gradient(estimator: str) -> torch.Tensor:
    """Expected gradient, by the logits, of the estimator as a loss on the policy's own samples."""
    logits = POLICY.log().clone().requires_grad_()
    new = torch.log_softmax(logits, dim=0)
    (POLICY * divergence(new, REFERENCE.log(), estimator)).sum().backward()
    assert logits.grad is not None
    return logits.grad


def test_as_losses_they_pull_where_the_module_says() -> None:
    def gradient_of(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        (found,) = torch.autograd.grad(value, logits)
        return found

    logits = POLICY.log().clone().requires_grad_()
    new = torch.log_softmax(logits, dim=0)
    forward = gradient_of((new.exp() * (new - REFERENCE.log())).sum(), logits)
    logits = POLICY.log().clone().requires_grad_()
    new = torch.log_softmax(logits, dim=0)
    backward = gradient_of((REFERENCE * (REFERENCE.log() - new)).sum(), logits)
    assert torch.allclose(mean_gradient("k1"), torch.zeros(3), atol=1e-6)
    assert torch.allclose(mean_gradient("k2"), forward, atol=1e-6)
    assert torch.allclose(mean_gradient("k3"), backward, atol=1e-6)


def test_entropy_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]]))
    assert entropy(logits, 1.0).tolist() == pytest.approx([1.5 * np.log(2), np.log(3)])
    # Dividing the logits by one half squares the probabilities: 4 : 1 : 1.
    squared = -(4 / 6 * np.log(4 / 6) + 2 / 6 * np.log(1 / 6))
    assert entropy(logits, 0.5)[0].item() == pytest.approx(squared)


def test_the_mean_is_over_the_tokens_inside() -> None:
    values = torch.tensor([[1.0, 2.0, 100.0], [6.0, 100.0, 100.0]])
    inside = torch.tensor([[True, True, False], [True, False, False]])
    assert token_mean(values, inside).item() == pytest.approx(3.0)
    assert token_mean(values, torch.zeros_like(inside)).item() == 0.0
