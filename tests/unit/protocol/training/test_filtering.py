"""Which problems are kept, at the edges of the band."""

import numpy as np

from cupel.protocol.training.filtering import in_band, with_signal


def test_a_band_is_closed_on_both_sides() -> None:
    # Of eight attempts 0, 1, 2, 4, 5 and 8 were right: 0, 12.5, 25, 50, 62.5 and 100 %.
    rewards = np.array([[1_000_000] * right + [0] * (8 - right) for right in (0, 1, 2, 4, 5, 8)]).reshape(-1)
    assert in_band(rewards, 8, 125_000, 500_000).tolist() == [False, True, True, True, False, False]
    assert in_band(rewards, 8, 0, 1_000_000).all()
    assert in_band(rewards, 8, 125_001, 499_999).tolist() == [False, False, True, False, False, False]


def test_sums_of_many_full_rewards_do_not_overflow() -> None:
    rewards = np.full(5000, 1_000_000, dtype=np.int32)
    assert in_band(rewards, 5000, 1_000_000, 1_000_000).tolist() == [True]


def test_a_group_of_equal_rewards_has_no_signal() -> None:
    advantages = np.array([0, 0, 0.5, -0.5, 0, 0], dtype=np.float32)
    assert with_signal(advantages, 2).tolist() == [False, True, False]
