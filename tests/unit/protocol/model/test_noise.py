"""Noise drawn ahead is that of the whole stream, and an accelerator's arithmetic gives NumPy's integers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.model.noise import mantissas, noise_of, tokens_ahead
from cupel.protocol.spec.sampling import gumbel_noise, noise_stream

SEEDS = [bytes(range(32)), b"\xff" * 32, b"\x80" + bytes(30) + b"\x80"]
TOKENS, CPU = 7, torch.device("cpu")


@pytest.mark.parametrize("vocabulary", [8, 37])
def test_each_token_takes_its_part_of_the_stream(vocabulary: int) -> None:
    drawn = np.concatenate(
        [noise_of(SEEDS, [token] * len(SEEDS), 1, vocabulary, CPU).numpy() for token in range(TOKENS)], axis=1
    )
    assert np.array_equal(drawn, np.stack([gumbel_noise(seed, TOKENS, vocabulary) for seed in SEEDS]))


def test_rollouts_may_stand_at_different_tokens() -> None:
    noise = noise_of(SEEDS, [4, 0, 3], 2, 37, CPU).numpy()
    for row, seed, first in zip(noise, SEEDS, (4, 0, 3), strict=True):
        assert np.array_equal(row, gumbel_noise(seed, TOKENS, 37)[first : first + 2])


@pytest.mark.parametrize(
    ("rollouts", "vocabulary", "left", "count"),
    [
        (64, 64, 32, 32),
        (64, 64, 1 << 20, 4096),
        (256, 128_000, 32, 1),
        (1, 1 << 24, 2, 1),
        (1, 1 << 25, 2, 1),
    ],
)
def test_no_more_is_drawn_than_can_be_used_or_kept(
    rollouts: int, vocabulary: int, left: int, count: int
) -> None:
    assert tokens_ahead(rollouts, vocabulary, left) == count


@given(
    st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3),
    st.integers(0, 400),
    st.integers(1, 50),
)
def test_integers_in_torch_are_the_generators(seeds: list[bytes], first: int, count: int) -> None:
    keys = torch.from_numpy(np.stack([np.frombuffer(seed, "<i8") for seed in seeds]))
    wanted = [noise_stream(seed).random_raw(first + count)[first:] >> np.uint64(11) for seed in seeds]
    assert np.array_equal(
        mantissas(keys, [first] * len(seeds), count).numpy(), np.stack(wanted).astype(np.int64)
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_draws_the_same_up_to_the_last_bit() -> None:
    drawn = noise_of(SEEDS, [0] * 3, TOKENS, 1000, torch.device("cuda")).cpu().numpy()
    wanted = np.stack([gumbel_noise(seed, TOKENS, 1000) for seed in SEEDS])
    assert np.allclose(drawn, wanted, rtol=1e-14, atol=1e-14)
