"""The vectorised arithmetic against unbounded integers, at its bounds too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.referee.fixed import (
    BLOCK,
    MAX_ACTIVATION,
    MAX_NARROW,
    dot,
    dot_wide,
    multiply,
    square_sums,
    to_patterns,
)
from cupel.protocol.spec.referee.functions import exp_negative, inverse_root, silu
from cupel.protocol.spec.referee.rotary import rotate, table
from cupel.protocol.spec.referee.steps import Step, clamp, execute, rounded
from cupel.protocol.spec.toploc import to_bfloat16

ACTIVATIONS = st.integers(-MAX_ACTIVATION, MAX_ACTIVATION)
EDGES = st.sampled_from((MAX_ACTIVATION, -MAX_ACTIVATION, 0, 1, -1, 1 << 20, -(1 << 20)))
ENTRIES = st.one_of(EDGES, ACTIVATIONS)


@given(st.lists(st.tuples(ENTRIES, st.integers(-MAX_NARROW, MAX_NARROW)), min_size=1, max_size=600))
def test_dot_is_the_rounded_exact_sum(pairs: list[tuple[int, int]]) -> None:
    values, factors = np.array(pairs, dtype=np.int64).T
    partial = [
        execute(Step.PARTIAL_DOT, list(zip(*pairs[start : start + BLOCK], strict=True)))
        for start in range(0, len(pairs), BLOCK)
    ]
    assert dot(values[None], factors[None], 20)[0, 0] == execute(Step.FINISH_DOT, (partial, (20, 0)))


@pytest.mark.parametrize("sign", [1, -1])
def test_dots_of_extremes_do_not_overflow(sign: int) -> None:
    values = np.full((1, 20_000), sign * MAX_ACTIVATION)
    assert dot(values, np.full((1, 20_000), MAX_NARROW), 24)[0, 0] == sign * MAX_ACTIVATION
    assert dot_wide(values[:, :BLOCK], values[:, :BLOCK])[0, 0] == MAX_ACTIVATION
    assert square_sums(values) == [20_000 * MAX_ACTIVATION**2]


@given(st.lists(st.tuples(ENTRIES, ENTRIES), min_size=1, max_size=BLOCK))
def test_dot_wide_is_the_rounded_exact_sum(pairs: list[tuple[int, int]]) -> None:
    values, others = np.array(pairs, dtype=np.int64).T
    exact = clamp(rounded(sum(one * other for one, other in pairs), 24))
    assert dot_wide(values[None], others[None])[0, 0] == exact


@given(ENTRIES, st.integers(-(2**41), 2**41), st.integers(20, 50))
def test_multiply_rounds_the_exact_product(value: int, factor: int, shift: int) -> None:
    assert multiply(np.array([value]), np.array([factor]), shift)[0] == rounded(value * factor, shift)


@given(ENTRIES)
def test_silu_and_exp_are_their_steps(value: int) -> None:
    assert silu(np.array([value]))[0] == execute(Step.SILU, ([value],))
    assert exp_negative(np.array([abs(value)]))[0] == execute(Step.EXP, ([abs(value), 0],))


def test_errors_are_within_what_the_document_says() -> None:
    distances = np.arange(0, 40 << 24, 4_999, dtype=np.int64)
    assert np.abs(exp_negative(distances) - np.exp(-distances / 2**24) * 2**30).max() < 5
    values = np.arange(-30 << 24, 30 << 24, 9_973, dtype=np.int64)
    exact = values / (1 + np.exp(-values / 2**24))
    assert (np.abs(silu(values) - exact) <= 0.5 + 6 * np.abs(values) / 2**30).all()


@given(st.integers(1 << 27, 1 << 80))
def test_inverse_root_is_within_its_error(mean_square: int) -> None:
    factor, shift = inverse_root(mean_square)
    assert 2**29 <= factor <= 2**31
    assert shift >= 20
    assert abs(factor / 2**shift * mean_square**0.5 / 2**24 - 1) < 2**-28 + 1e-14


def test_rotary_table_and_turn() -> None:
    cosines, sines = table(300, 16, 1_000_000)
    angles = np.arange(300)[:, None] * 1e6 ** (-np.arange(16) / 16)
    assert np.abs(cosines / 2**24 - np.cos(angles)).max() < 2**-25 + 1e-12
    assert np.abs(sines / 2**24 - np.sin(angles)).max() < 2**-25 + 1e-12
    values = np.random.default_rng(5).integers(-MAX_ACTIVATION, MAX_ACTIVATION, (300, 32))
    turned = rotate(values, cosines, sines)
    for row, pair in ((0, 0), (299, 15), (299, 0)):
        opened = [values[row, [pair, pair + 16]].tolist(), [int(cosines[row, pair]), int(sines[row, pair])]]
        assert turned[row, pair] == execute(Step.ROTATE, (*opened, [0]))
        assert turned[row, pair + 16] == execute(Step.ROTATE, (*opened, [1]))


@given(ENTRIES)
def test_patterns_round_to_nearest_even(value: int) -> None:
    # 24 bits convert to float32 exactly, so float32's own rounding to bfloat16 is the reference there.
    short = value >> 16
    expected = to_bfloat16(np.array([short / 2**24], dtype=np.float32))
    # Zero has one sign among integers.
    assert to_patterns(np.array([short]))[0] == expected[0]


def test_patterns_of_long_values_round_once() -> None:
    # Half a unit and a little: twice rounded it would go down to even.
    value = (0b1000_0000_1 << 30) + 1
    assert to_patterns(np.array([value]))[0] == to_patterns(np.array([0b1000_0001 << 31]))[0]
