"""Seeded Gumbel-max sampling: a token is a function of the logits and the seed, so a verifier can check it.

argmax(logits / T + g), g standard Gumbel, draws from softmax(logits / T) (Gumbel 1954; Maddison et al. 2014).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

# float64 uniforms from 53 random bits; half a step keeps them off zero, whose logarithm is minus infinity.
UNIFORM_STEP: Final = 2.0**-53


def gumbel_noise(seed: bytes, num_tokens: int, vocabulary: int) -> npt.NDArray[np.float64]:
    """Gumbel noise of one rollout.

    seed: 32 bytes (the rollout's sample seed). Returns float64 [num_tokens, vocabulary]. The uniforms are exact on
    every machine (Philox-4x64, key and counter from the seed); the two logarithms may differ in the last bit, which
    the verifier's tolerance absorbs.
    """
    assert len(seed) == 32
    return gumbel_of(noise_stream(seed).random_raw(num_tokens * vocabulary)).reshape(num_tokens, vocabulary)


def noise_stream(seed: bytes, block: int = 0) -> np.random.Philox:
    """The stream of a rollout's words, from a block of four; a token takes as many as the vocabulary has entries."""
    key = np.frombuffer(seed[:16], dtype="<u8")
    counter = np.zeros(4, dtype=np.uint64)
    counter[0] = block
    counter[2:] = np.frombuffer(seed[16:], dtype="<u8")
    return np.random.Philox(key=key, counter=counter)


def gumbel_of(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Noise of a stream's words: the same shape."""
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * UNIFORM_STEP
    noise: npt.NDArray[np.float64] = -np.log(-np.log(uniform))
    return noise


def sampling_scores(
    logits: npt.NDArray[np.float32], noise: npt.NDArray[np.float64], temperature: float
) -> npt.NDArray[np.float64]:
    """Scores whose argmax is the sampled token: float64, the shape of `logits` [..., vocabulary]."""
    return logits.astype(np.float64) / temperature + noise


def chosen_gap(
    logits: npt.NDArray[np.float32],
    noise: npt.NDArray[np.float64],
    tokens: npt.NDArray[np.integer],
    temperature: float,
) -> npt.NDArray[np.float64]:
    """How far each chosen token's score lies below the best one: 0 where the token is the seeded argmax.

    logits, noise: [tokens, vocabulary]; tokens: [tokens]. Returns float64 [tokens].
    """
    scores = sampling_scores(logits, noise, temperature)
    chosen = np.take_along_axis(scores, tokens[..., None].astype(np.int64), axis=-1)[..., 0]
    gap: npt.NDArray[np.float64] = scores.max(axis=-1) - chosen
    return gap
