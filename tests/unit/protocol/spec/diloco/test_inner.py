"""The reference optimisers against torch's."""

import numpy as np
import torch

from cupel.protocol.spec.diloco.inner import (
    AdamW,
    Sgd,
    fresh_inner_state,
    inner_step,
    pseudo_gradient,
    train,
)

START = np.array([0.5, -0.25, 0.0], dtype=np.float32)
SETTINGS = AdamW(0.01, first_decay=0.9, second_decay=0.95, weight_decay=0.1)


def gradient(weights: np.ndarray, step: int) -> np.ndarray:
    return (np.array([1, -2, 3], np.float32) * np.float32(0.5 + step) + weights).astype(np.float32)


def test_adamw_is_torchs() -> None:
    own, _ = train(START, fresh_inner_state(3), gradient, SETTINGS, 20)
    weights = torch.nn.Parameter(torch.from_numpy(START.copy()))
    twin = torch.optim.AdamW([weights], lr=0.01, betas=(0.9, 0.95), weight_decay=0.1, eps=1e-8)
    for step in range(20):
        weights.grad = torch.from_numpy(gradient(weights.detach().numpy(), step))
        twin.step()
    assert np.allclose(own, weights.detach().numpy(), atol=1e-6)


def test_state_is_kept_from_round_to_round() -> None:
    whole, state = train(START, fresh_inner_state(3), gradient, SETTINGS, 6)
    half, kept = train(START, fresh_inner_state(3), gradient, SETTINGS, 2)
    resumed, after = train(half, kept, gradient, SETTINGS, 4)
    assert np.array_equal(whole, resumed)
    assert after.steps == state.steps == 6
    forgotten, _ = train(half, fresh_inner_state(3), gradient, SETTINGS, 4)
    assert not np.allclose(whole, forgotten)


def test_plain_descent_follows_the_gradient() -> None:
    moved, state = inner_step(START, np.ones(3, np.float32), fresh_inner_state(3), Sgd(0.25))
    assert moved.tolist() == [0.25, -0.5, -0.25]
    assert pseudo_gradient(START, moved).tolist() == [0.25, 0.25, 0.25]
    assert state.steps == 1
