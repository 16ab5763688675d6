import numpy as np
import pytest

from cupel.protocol.spec.toploc.activations import (
    MAX_ELEMENTS,
    are_finite,
    chunk_blocks,
    chunk_counts,
    to_bfloat16,
    top_points,
    top_points_batch,
)


def floats(*bits: int) -> np.ndarray:
    return np.array(bits, dtype=np.uint32).view(np.float32)


def patterns(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint16)


@pytest.mark.parametrize(
    ("bits", "pattern"),
    [
        (0x3F80_0000, 0x3F80),
        (0x3F80_7FFF, 0x3F80),  # just below half
        (0x3F80_8000, 0x3F80),  # half, down to even
        (0x3F81_8000, 0x3F82),  # half, up to even
        (0x3F80_8001, 0x3F81),  # just above half
        (0x3FFF_FFFF, 0x4000),  # carries into the exponent
        (0xBF81_8000, 0xBF82),
        (0x8000_0000, 0x8000),  # -0.0 keeps its sign
        (0x0000_8001, 0x0001),  # subnormal
        (0x7F7F_8000, 0x7F80),  # overflows to infinity
        (0x7F80_0000, 0x7F80),
        (0xFF80_0000, 0xFF80),
        (0x7F80_0001, 0x7FC0),  # a NaN whose mantissa would vanish
        (0x7FFF_FFFF, 0x7FC0),  # a NaN that would become -0.0
        (0xFFFF_FFFF, 0x7FC0),
    ],
)
def test_bfloat16_rounds_to_nearest_even(bits: int, pattern: int) -> None:
    assert to_bfloat16(floats(bits)).tolist() == [pattern]


def test_bfloat16_keeps_shape_and_reads_strided_views() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert to_bfloat16(values[:, ::2, 1:]).tolist() == to_bfloat16(values)[:, ::2, 1:].tolist()


def test_bfloat16_of_exact_values_is_their_upper_half() -> None:
    every_finite = np.concatenate([np.arange(0x7F80), np.arange(0x8000, 0xFF80)]).astype(np.uint16)
    assert np.array_equal(to_bfloat16((every_finite.astype(np.uint32) << 16).view(np.float32)), every_finite)


@pytest.mark.parametrize(
    ("pattern", "finite"), [(0x7F7F, True), (0xFF7F, True), (0x7F80, False), (0xFFC0, False)]
)
def test_finite(pattern: int, finite: bool) -> None:
    assert are_finite(patterns(0, pattern)) is finite


def test_support_is_by_magnitude_then_index() -> None:
    chunk = patterns(0x3F80, 0xC000, 0x4000, 0xC040, 0x4000, 0x3F00, 0xC000)
    assert top_points(chunk, 4) == [(3, 0xC040), (1, 0xC000), (2, 0x4000), (4, 0x4000)]


def test_short_chunk_is_continued_with_zeros() -> None:
    assert top_points(patterns(0x8000, 0x3F80), 4) == [(1, 0x3F80), (0, 0x8000), (2, 0), (3, 0)]


def test_a_chunk_too_large_for_the_field_is_our_bug() -> None:
    size = MAX_ELEMENTS + 1
    with pytest.raises(AssertionError, match="chunk"):
        top_points(np.zeros(size, np.uint16), 4)
    with pytest.raises(AssertionError, match="elements"):
        top_points_batch(np.zeros((1, size), np.uint16), 4)
    with pytest.raises(AssertionError, match="elements"):
        list(chunk_blocks(np.zeros((1, 1, size), np.float32), np.array([1]), 1, 4))


def test_the_largest_chunk_has_an_index_for_every_place() -> None:
    chunk = np.zeros((1, MAX_ELEMENTS), np.uint16)
    chunk[0, [0, -1]] = 0x3F80
    indices, values = top_points_batch(chunk, 2)
    assert sorted(indices[0].tolist()) == [0, MAX_ELEMENTS - 1]
    assert values.tolist() == [[0x3F80, 0x3F80]]


def test_blocks_hold_the_live_rows_only() -> None:
    hidden = np.arange(1, 25, dtype=np.float32).reshape(2, 4, 3)
    hidden[0, 1:] = np.nan
    (block,) = chunk_blocks(hidden, np.array([1, 4]), chunk_tokens=3, k=10)
    exact = to_bfloat16(hidden)
    assert block.tolist() == [
        [*exact[0, 0].tolist(), *[0] * 7],
        [*exact[1, :3].ravel().tolist(), 0],
        [*exact[1, 3].tolist(), *[0] * 7],
    ]


def test_blocks_follow_one_another_in_order() -> None:
    hidden = np.random.default_rng(1).standard_normal((40, 16, 512), dtype=np.float32)
    lengths = np.arange(40) % 16 + 1
    blocks = list(chunk_blocks(hidden, lengths, chunk_tokens=8, k=4))
    assert len(blocks) > 1
    chunks = np.concatenate(blocks)
    assert len(chunks) == chunk_counts(lengths, 8).sum()
    # Completion 39 has length 8: one full chunk, the last of all.
    assert np.array_equal(chunks[-1], to_bfloat16(hidden[-1, :8]).ravel())


@pytest.mark.parametrize("lengths", [[0, 1], [1, 5], [1]])
def test_lengths_outside_the_array_are_our_bug(lengths: list[int]) -> None:
    with pytest.raises(AssertionError):
        list(chunk_blocks(np.zeros((2, 4, 3), np.float32), np.array(lengths), 2, 4))


def test_chunk_counts_round_up() -> None:
    assert chunk_counts(np.array([1, 31, 32, 33, 64, 65], np.int32), 32).tolist() == [1, 1, 1, 2, 2, 3]
