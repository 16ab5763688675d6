"""Advantages and the two-sided loss against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cupel.protocol.training.grpo import (
    group_advantages,
    masked_token_loss,
    token_log_probabilities,
    token_loss,
)

INSIDE = torch.ones(1, 1, dtype=torch.bool)


def loss_and_slope(ratio: float, advantage: float) -> tuple[float, float]:
    """Loss of one token at a ratio, and its derivative by the new log-probability."""
    new = torch.tensor([[np.log(ratio)]], dtype=torch.float64, requires_grad=True)
    loss, _ = token_loss(new, torch.zeros(1, 1), torch.tensor([advantage]), INSIDE, clip=0.2, max_ratio=4.0)
    loss.backward()
    assert new.grad is not None
    return loss.item(), new.grad.item()


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.0, 1.0, -1.0, -1.0),
        (1.1, 1.0, -1.1, -1.1),
        (1.5, 1.0, -1.2, 0.0),  # liked enough: the clip silences it
        (0.5, 1.0, -0.5, -0.5),
        (1.0, -1.0, 1.0, 1.0),
        (0.5, -1.0, 0.8, 0.0),  # disliked enough
        (3.0, -1.0, 3.0, 3.0),  # the one-sided clip leaves this gradient unbounded ...
        (100.0, -1.0, 4.0, 0.0),  # ... and the second bound does not
    ],
)
def test_the_loss_is_clipped_on_both_sides(ratio: float, advantage: float, loss: float, slope: float) -> None:
    assert loss_and_slope(ratio, advantage) == pytest.approx((loss, slope))


def test_tokens_behind_the_end_do_not_count() -> None:
    new = torch.zeros(2, 3)
    inside = torch.tensor([[True, True, False], [True, False, False]])
    loss, silenced = token_loss(new, torch.zeros(2, 3), torch.tensor([1.0, -2.0]), inside, 0.2, 4.0)
    assert loss.item() == pytest.approx(-(1 + 1 - 2) / 3)
    assert silenced.item() == 0.0


def test_log_probabilities_are_of_the_chosen_tokens_at_the_temperature() -> None:
    logits = torch.tensor([[[0.0, 2.0], [1.0, 1.0]]])
    chosen = token_log_probabilities(logits, torch.tensor([[1, 0]]), temperature=2.0)
    assert chosen[0].tolist() == pytest.approx([-np.log(1 + np.exp(-1.0)), -np.log(2.0)])


def test_advantages_by_hand() -> None:
    rewards = np.array([1, 0, 0, 0, 1, 1, 1, 1], dtype=np.float32)
    plain = group_advantages(rewards, 4, divide_by_deviation=False)
    assert plain.tolist() == [0.75, -0.25, -0.25, -0.25, 0, 0, 0, 0]
    scaled = group_advantages(rewards, 4, divide_by_deviation=True)
    assert scaled[:4] == pytest.approx(plain[:4] / np.std([1, 0, 0, 0]), rel=1e-3)


@given(
    arrays(
        np.float32, 24, elements=st.integers(0, 1_000_000).map(lambda reward: np.float32(reward / 1_000_000))
    ),
    st.sampled_from([2, 4, 8]),
    st.booleans(),
)
def test_a_groups_advantages_cancel_out(rewards: np.ndarray, group_size: int, divide: bool) -> None:
    groups = group_advantages(rewards, group_size, divide).reshape(-1, group_size)
    assert np.abs(groups.sum(axis=1)).max() < 1e-3
    equal = np.ptp(rewards.reshape(-1, group_size), axis=1) == 0
    assert not groups[equal].any()
    assert groups[~equal].any(axis=1).all()


def masked_loss_and_slope(old: float, new: float, advantage: float) -> tuple[float, float]:
    """Loss of one token whose probability went from `old` to `new`, and its derivative by the new log-probability."""
    log_new = torch.tensor([[np.log(new)]], dtype=torch.float64, requires_grad=True)
    log_old = torch.tensor([[np.log(old)]], dtype=torch.float64)
    loss, _ = masked_token_loss(log_new, log_old, torch.tensor([advantage]), INSIDE, 0.2, 4.0)
    loss.backward()
    assert log_new.grad is not None
    return loss.item(), log_new.grad.item()


@pytest.mark.parametrize(
    ("old", "new", "advantage", "loss", "slope"),
    [
        (0.5, 0.6, 1.0, -1.2, -1.2),  # moved by 0.1: kept
        (0.5, 0.75, 1.0, 0.0, 0.0),  # by 0.25 the way it is pushed: dropped
        (0.5, 0.25, 1.0, -0.5, -0.5),  # by 0.25 the other way: kept
        (
            0.01,
            0.1,
            1.0,
            -10.0,
            -10.0,
        ),  # ten times as likely, and moved by 0.09 only: a clip would silence it
        (0.5, 0.45, -1.0, 0.9, 0.9),
        (0.5, 0.25, -1.0, 0.0, 0.0),
        (0.5, 0.75, -1.0, 1.5, 1.5),
        (0.001, 0.1, -1.0, 4.0, 0.0),  # the ratio is 100: bounded, as with the clip
    ],
)
def test_the_mask_goes_by_how_far_the_probability_moved(
    old: float, new: float, advantage: float, loss: float, slope: float
) -> None:
    assert masked_loss_and_slope(old, new, advantage) == pytest.approx((loss, slope))


def test_a_dropped_token_still_counts_in_the_mean() -> None:
    new = torch.log(torch.tensor([[0.5, 0.9, 0.9]]))
    old = torch.log(torch.tensor([[0.5, 0.5, 0.1]]))
    inside = torch.tensor([[True, True, False]])
    loss, silenced = masked_token_loss(new, old, torch.tensor([1.0]), inside, 0.2, 4.0)
    assert loss.item() == pytest.approx(-1 / 2)
    assert silenced.item() == pytest.approx(1 / 2)


@given(st.permutations(range(4)), st.integers(0, 2**32 - 1))
def test_the_order_of_rollouts_changes_neither_loss_nor_advantages(order: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    rewards = random.integers(0, 3, 4).astype(np.float32)
    new, old = (torch.from_numpy(random.normal(-1, 0.5, (4, 3))) for _ in range(2))
    inside = torch.from_numpy(random.integers(0, 2, (4, 3)).astype(bool))
    advantages = group_advantages(rewards, 4, divide_by_deviation=True)
    moved = group_advantages(rewards[order], 4, divide_by_deviation=True)
    assert np.allclose(moved, advantages[order], atol=1e-6)
    for loss_of, limit in ((token_loss, 0.2), (masked_token_loss, 0.2)):
        loss, share = loss_of(new, old, torch.from_numpy(advantages), inside, limit, 4.0)
        again, same = loss_of(
            new[order], old[order], torch.from_numpy(advantages[order]), inside[order], limit, 4.0
        )
        assert again.item() == pytest.approx(loss.item(), abs=1e-9)
        assert same.item() == pytest.approx(share.item())
