"""Pairs and the preference loss, worked out by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.training.preference import preference_loss, preference_pairs


def test_best_meets_worst() -> None:
    rewards = np.array([0.2, 0.9, 0.5, 0.1, 1, 1, 1, 1, 0, 1, 0, 0], dtype=np.float32)
    # 0.9 with 0.1, 0.5 with 0.2; nothing; the one right answer with the last wrong one.
    assert preference_pairs(rewards, 4).tolist() == [[1, 3], [2, 0], [9, 11]]
    assert preference_pairs(np.ones(4, np.float32), 4).shape == (0, 2)


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_no_rollout_is_in_two_pairs_and_every_pair_has_a_better_one(rewards: list[int]) -> None:
    pairs = preference_pairs(np.array(rewards, np.float32), 6)
    assert len(set(pairs.reshape(-1).tolist())) == pairs.size
    assert all(rewards[better] > rewards[worse] for better, worse in pairs)


def test_the_loss_of_a_pair() -> None:
    # Beside the reference the better completion gained 0.3 + 0.1 nats, the worse one lost 0.2; the rest is padding.
    new = torch.tensor([[-1.0, -2.0, 9.0], [-1.2, 5.0, 5.0]], requires_grad=True)
    reference = torch.tensor([[-1.3, -2.1, 0.0], [-1.0, 0.0, 0.0]])
    inside = torch.tensor([[True, True, False], [True, False, False]])
    loss, wrong = preference_loss(new, reference, inside, beta=0.5)
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-0.5 * 0.6)))
    assert wrong.item() == 0.0
    loss.backward()
    assert new.grad is not None
    # -beta * sigmoid(-beta * margin) on every token of the better one, the opposite on the worse one's.
    slope = 0.5 / (1 + np.exp(0.3))
    assert new.grad.tolist() == [pytest.approx([-slope, -slope, 0]), pytest.approx([slope, 0, 0])]


def test_the_policy_that_is_its_own_reference_is_undecided() -> None:
    new = torch.tensor([[-1.0], [-3.0]])
    loss, _ = preference_loss(new, new, torch.ones(2, 1, dtype=torch.bool), beta=0.1)
    assert loss.item() == pytest.approx(np.log(2))
