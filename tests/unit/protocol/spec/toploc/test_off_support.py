from fractions import Fraction
from math import comb

import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.toploc.activations import to_bfloat16, top_points, top_points_batch
from cupel.protocol.spec.toploc.off_support import (
    DRAWS,
    MOST_KEYS,
    allowed_landings,
    check_off_support,
    draw_indices,
)
from cupel.protocol.spec.toploc.polynomial import PRIME, evaluate_batch, interpolate, interpolate_batch

SEED = bytes(range(32))


def tail(landings: int, keys: int) -> Fraction:
    """Chance that more than `landings` of DRAWS honest values land."""
    chance = Fraction(128 * keys, PRIME)
    return sum(
        (comb(DRAWS, n) * chance**n * (1 - chance) ** (DRAWS - n) for n in range(landings + 1, DRAWS + 1)),
        Fraction(0),
    )


@pytest.mark.parametrize("keys", range(1, 140))
def test_an_honest_chunk_fails_less_often_than_once_in_2_to_30(keys: int) -> None:
    allowed = allowed_landings(keys)
    assert tail(allowed, keys) < Fraction(1, 2**30) <= tail(allowed - 1, keys)


def test_the_table_ends_where_even_all_landings_prove_nothing() -> None:
    assert tail(DRAWS - 1, MOST_KEYS[-1] + 1) >= Fraction(1, 2**30)
    assert allowed_landings(MOST_KEYS[-1] + 1) == DRAWS


def test_draws_are_different_and_outside_the_support() -> None:
    support = [(index, 0x3F80) for index in range(0, 40, 2)]
    for elements in (40, 41, 5000, PRIME):
        drawn = draw_indices(SEED, elements, support)
        assert len(set(drawn)) == len(drawn) <= DRAWS
        assert all(index < elements for index in drawn)
        assert not {index for index, _ in support} & set(drawn)


def test_a_repeated_draw_counts_once() -> None:
    assert sorted(draw_indices(SEED, 3, [(0, 0x3F80)])) == [1, 2]
    assert draw_indices(SEED, 2, [(0, 0x3F80), (1, 0x3F80)]) == []


def test_draws_depend_on_the_seed() -> None:
    drawn = {tuple(draw_indices(seed.to_bytes(32, "big"), PRIME, [])) for seed in range(20)}
    assert len(drawn) == 20


def landing(count: int, elements: int = 5000, k: int = 16) -> str:
    """Verdict on a polynomial of which `count` values at the drawn indices land; the support has one key."""
    support = [(index, 0x4000 + index) for index in range(k)]
    drawn = draw_indices(SEED, elements, support)[:k]
    values = [0x4000 if place < count else 0x5000 + place for place, _ in enumerate(drawn)]
    rejected = check_off_support(interpolate(list(zip(drawn, values, strict=True))), support, elements, SEED)
    assert rejected is None or rejected.reason is Reason.TOPLOC_OFF_SUPPORT
    return "" if rejected is None else rejected.detail


def test_as_many_may_land_as_allowed() -> None:
    assert allowed_landings(1) == 4
    assert [landing(count) for count in range(5)] == [""] * 5
    assert landing(5) == "5 of 16 values land, at most 4"
    assert landing(16) == "16 of 16 values land, at most 4"


def test_zeros_behind_a_short_chunk_are_no_key() -> None:
    support = [(0, 0x3F80), (1, 0x3F80), (2, 0)]
    assert check_off_support([0], support, 2, SEED) is None


@pytest.mark.parametrize("distribution", ["gaussian", "heavy", "one sign", "two patterns"])
def test_honest_values_off_the_support_land_by_chance(distribution: str) -> None:
    """The assumption behind the bound, on 30 000 values; the counts are binomial, so six deviations are generous."""
    random = np.random.default_rng(12)
    shape = (300, 1984)
    values = {
        "gaussian": lambda: random.standard_normal(shape),
        "heavy": lambda: random.standard_t(3, shape),
        "one sign": lambda: np.abs(random.standard_normal(shape)),
        "two patterns": lambda: np.where(random.random(shape) < 0.3, 2.0, -2.0),
    }[distribution]()
    indices, patterns = top_points_batch(to_bfloat16(values.astype(np.float32)), 128)
    places = random.integers(0, shape[1], (300, 100))
    claims = evaluate_batch(interpolate_batch(indices, patterns), places)
    expected, landed = 0.0, 0
    for row in range(300):
        keys = np.unique(patterns[row] >> 7)
        outside = ~np.isin(places[row], indices[row])
        expected += outside.sum() * len(keys) * 128 / PRIME
        landed += int((np.isin(claims[row] >> 7, keys) & outside).sum())
    assert abs(landed - expected) < 6 * expected**0.5


def test_an_honest_proof_passes() -> None:
    patterns = to_bfloat16(np.random.default_rng(13).standard_normal(1984, dtype=np.float32))
    support = top_points(patterns, 128)
    assert check_off_support(interpolate(support), support, patterns.size, SEED) is None


def test_a_constant_fails() -> None:
    patterns = to_bfloat16(np.abs(np.random.default_rng(14).standard_normal(1984, dtype=np.float32)))
    support = top_points(patterns, 128)
    rejected = check_off_support([support[0][1], *[0] * 127], support, patterns.size, SEED)
    assert rejected is not None
    assert rejected.detail == "14 of 14 values land, at most 5"  # two draws are of the support
