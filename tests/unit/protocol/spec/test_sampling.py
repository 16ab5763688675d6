"""Seeded sampling: reproducible, distributed as softmax, and checkable token by token."""

import numpy as np

from cupel.protocol.spec.assignment import sample_seed
from cupel.protocol.spec.sampling import chosen_gap, gumbel_noise, sampling_scores


def test_noise_is_a_function_of_the_seed() -> None:
    first, again = gumbel_noise(b"\1" * 32, 4, 8), gumbel_noise(b"\1" * 32, 4, 8)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, gumbel_noise(b"\1" * 31 + b"\2", 4, 8))
    assert not np.array_equal(first, gumbel_noise(b"\2" + b"\1" * 31, 4, 8))


def test_noise_golden_value() -> None:
    # Philox is exact everywhere; the logarithms may differ in the last bit.
    expected = [[0.4222749980063746, 0.8356089252919576]]
    assert np.allclose(gumbel_noise(bytes(range(32)), 1, 2), expected, rtol=0, atol=1e-12)


def test_argmax_of_noisy_scores_samples_the_softmax() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.2], dtype=np.float32))
    draws = [
        int(sampling_scores(logits, gumbel_noise(sample_seed(bytes(32), index), 1, 3)[0], 1.0).argmax())
        for index in range(4000)
    ]
    shares = np.bincount(draws, minlength=3) / len(draws)
    # Four standard deviations of a share of one half over 4000 draws.
    assert np.abs(shares - [0.5, 0.3, 0.2]).max() < 0.032


def test_gap_is_zero_exactly_for_the_seeded_choice() -> None:
    logits = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]], dtype=np.float32)
    noise = np.zeros((2, 3))
    assert chosen_gap(logits, noise, np.array([2, 0], dtype=np.int32), 1.0).tolist() == [0.0, 0.0]
    assert chosen_gap(logits, noise, np.array([1, 2], dtype=np.int32), 0.5).tolist() == [2.0, 6.0]
