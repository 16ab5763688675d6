"""Sketches: one byte string each, every element counts alike, and nothing predicted passes."""

import json
from pathlib import Path

import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.toploc.sketch import (
    GREATEST_DISTANCE,
    LIMIT,
    accept,
    chunk_seed,
    decode_sketch,
    distance_millionths,
    limit,
    sketch,
    to_bytes,
)
from cupel.protocol.testing.sketch_vectors import COUNT, sketch_vectors, whole_states

VECTORS = json.loads(
    (Path(__file__).parents[4] / "vectors" / "toploc_sketch.json").read_text(encoding="utf-8")
)
SEED = keccak256(b"seed")


def normal(tokens: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (tokens, width)).astype(np.float32)


def test_vectors_are_what_the_code_gives() -> None:
    assert sketch_vectors() == VECTORS


@pytest.mark.parametrize("case", VECTORS["builds"], ids=lambda case: str(case["chunk"]))
def test_builds(case: dict) -> None:
    seed = chunk_seed(bytes.fromhex(VECTORS["sample_seed"][2:]), case["chunk"])
    assert "0x" + seed.hex() == case["seed"]
    states = whole_states(case["tokens"], case["width"], case["outlier"])
    numbers = sketch(states, seed, COUNT)
    assert "0x" + to_bytes(numbers).hex() == case["sketch"]
    assert distance_millionths(numbers, states, seed) == 0
    assert case["distance_of_half"] == 500_000


@pytest.mark.parametrize("case", VECTORS["sketches"], ids=lambda case: case["name"])
def test_decoding(case: dict) -> None:
    data = bytes.fromhex(case["sketch"][2:])
    if not case["reason"]:
        assert to_bytes(decode_sketch(data, COUNT)) == data
        return
    with pytest.raises(Rejected) as caught:
        decode_sketch(data, COUNT)
    assert caught.value.reason.value == case["reason"]


def test_the_limit_is_a_multiple_of_the_median_magnitude() -> None:
    states = np.array([[1.0, -2.0, 3.0, -100.0, 100.0, 12.5]], np.float32)
    assert limit(states).tolist() == [[1.0, -2.0, 3.0, -3.0 * LIMIT, 3.0 * LIMIT, 3.0 * LIMIT]]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_distance_of_sketches_is_that_of_the_states(share: float) -> None:
    """At 1024 numbers the estimate deviates by about 2 %: four deviations are allowed."""
    honest = np.random.default_rng(3).uniform(-1, 1, (16, 64)).astype(np.float32)
    other = honest + np.float32(share) * np.random.default_rng(4).uniform(-1, 1, (16, 64)).astype(np.float32)
    true = np.linalg.norm(limit(other) - limit(honest)) / np.linalg.norm(limit(honest))
    estimate = distance_millionths(sketch(other, SEED, 1024), honest, SEED) / 1e6
    assert estimate == pytest.approx(true, rel=0.09)


def test_a_forger_who_knows_every_outlier_exactly_is_far_away() -> None:
    states = normal(32, 64)
    states[:, :4] = [80.0, -60.0, 50.0, 40.0]
    predicted = np.zeros_like(states)
    predicted[:, :4] = states[:, :4]
    # Without the limit the outliers are almost all there is.
    assert np.linalg.norm(predicted - states) / np.linalg.norm(states) < 0.1
    bound = np.abs(limit(states)).max()
    # The projection of the limited outliers alone: the filling sets the median and cancels.
    filling = np.full_like(states, bound / LIMIT)
    filling[:, :4] = 0
    outliers = np.clip(predicted, -bound, bound)
    guess = sketch(outliers + filling, SEED, 256) - sketch(filling, SEED, 256)
    share = np.linalg.norm(limit(states) - outliers) / np.linalg.norm(limit(states))
    assert 0.75 < share < 0.9
    assert distance_millionths(guess, states, SEED) == pytest.approx(1e6 * share, rel=0.15)


def test_another_seed_or_another_chunk_gives_another_sketch() -> None:
    states = normal(8, 32)
    own = sketch(states, chunk_seed(SEED, 0), 32)
    for seed in (chunk_seed(SEED, 1), chunk_seed(keccak256(b"other"), 0)):
        assert distance_millionths(own, states, seed) > 700_000
    assert distance_millionths(own, normal(8, 32, 1), chunk_seed(SEED, 0)) > 700_000


def test_zeros_everywhere() -> None:
    states, nothing = np.zeros((2, 4), np.float32), np.zeros(8, np.float32)
    assert distance_millionths(nothing, states, SEED) == 0
    assert distance_millionths(nothing + np.float32(1), states, SEED) == GREATEST_DISTANCE * 1_000_000
    assert not np.signbit(sketch(-states, SEED, 8)).any()
    # Zeros against real states are exactly the whole length away: a threshold below a million refuses them.
    assert distance_millionths(nothing, normal(2, 4), SEED) == 1_000_000


def test_the_threshold_is_the_last_distance_that_passes() -> None:
    assert accept(5, 5) is None
    assert accept(6, 5) == Rejected(Reason.TOPLOC_SKETCH, "6 > 5 millionths")


def test_states_that_are_no_numbers() -> None:
    states = normal(2, 4)
    own = sketch(states, SEED, 8)
    states[1, 2] = np.nan
    with pytest.raises(Rejected) as caught:
        distance_millionths(own, states, SEED)
    assert caught.value.reason is Reason.TOPLOC_NON_FINITE
    with pytest.raises(AssertionError, match="infinite"):
        sketch(states, SEED, 8)
