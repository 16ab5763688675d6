"""The compiled kernel against its twins, and against arguments that do not fit."""

import numpy as np
import pytest

from cupel.protocol.spec.toploc import activations, native, polynomial
from cupel.protocol.spec.toploc.activations import select_points, to_bfloat16, top_points
from cupel.protocol.spec.toploc.polynomial import PRIME

pytestmark = pytest.mark.skipif(not native.IS_COMPILED, reason="the kernel was not compiled")


@pytest.fixture(autouse=True)
def backend() -> None:
    """The compiled one."""


def points_of(patterns: np.ndarray, k: int) -> set[tuple[int, int]]:
    hidden = patterns.reshape(1, 1, -1)
    indices, values = native.select(hidden, np.array([1]), 1, k)
    assert indices.shape == values.shape == (1, k)
    points = set(zip(indices[0].tolist(), values[0].tolist(), strict=True))
    assert len(points) == k
    return points


def chunks(name: str, elements: int) -> np.ndarray:
    random = np.random.default_rng(elements)
    index = np.arange(elements)
    made = {
        "normal": to_bfloat16(random.standard_normal(elements, dtype=np.float32)),
        "any": random.integers(0, 1 << 16, elements),
        "equal": np.full(elements, 0xBF80),
        "zero": np.zeros(elements),
        "rising": index // 4 % 0x7F80,
        "falling": (elements - index) // 4 % 0x7F80,
        "few values": random.integers(0, 3, elements) + 0x3F80,
        "greatest magnitude": np.where(index % 5, 0xFFFF, 0x7FFF),
        "greatest last": np.where(index < elements - 3, 0, 0x7F7F),
        "one column": np.where(index % 32 == 7, 0x4000 + index % 9, 0x3F80),
    }
    return made[name].astype(np.uint16)


@pytest.mark.parametrize(
    "name",
    ["normal", "any", "equal", "zero", "rising", "falling", "few values", "greatest magnitude", "greatest last",
     "one column"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("elements", "k"),
    [(1, 1), (5, 5), (31, 4), (256, 1), (257, 128), (1023, 128), (1024, 1024), (8192, 128), (8195, 7), (33_000, 16),
     (65_497, 128), (65_497, 5000)],
)  # fmt: skip
def test_selects_by_magnitude_then_index(name: str, elements: int, k: int) -> None:
    patterns = chunks(name, elements)
    assert points_of(patterns, k) == set(top_points(patterns, k))


def test_selects_in_a_chunk_larger_than_the_field() -> None:
    """For the compatible proofs: a whole prefill."""
    patterns = np.random.default_rng(3).integers(0, 1 << 16, 700_001).astype(np.uint16)
    keys = (patterns & 0x7FFF).astype(np.int64) * 2**32 - np.arange(patterns.size)
    expected = np.argsort(-keys)[:129]
    assert points_of(patterns, 129) == set(zip(expected.tolist(), patterns[expected].tolist(), strict=True))


@pytest.mark.parametrize(
    ("tokens", "width", "chunk_tokens", "k"), [(9, 64, 4, 128), (40, 300, 32, 128), (7, 5, 9, 3)]
)
def test_every_chunk_of_a_ragged_batch(
    tokens: int, width: int, chunk_tokens: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = np.random.default_rng(4).standard_normal((11, tokens, width), dtype=np.float32)
    hidden[3, 0, 0] = np.nan
    hidden[4, 0, 1] = -np.inf
    lengths = np.arange(11, dtype=np.int32) % tokens + 1
    for states in (hidden, to_bfloat16(hidden)):
        monkeypatch.setattr(native, "IS_COMPILED", True)
        compiled = select_points(states, lengths, chunk_tokens, k)
        monkeypatch.setattr(native, "IS_COMPILED", False)
        expected = select_points(states, lengths, chunk_tokens, k)
        for a_index, a_value, b_index, b_value in zip(*compiled, *expected, strict=True):
            assert sorted(zip(a_index, a_value, strict=True)) == sorted(zip(b_index, b_value, strict=True))


def test_strided_and_read_only_states() -> None:
    hidden = np.random.default_rng(5).standard_normal((3, 8, 20), dtype=np.float32)[:, ::2, 4:]
    hidden.flags.writeable = False
    lengths = np.array([1, 4, 3])
    indices, values = native.select(hidden, lengths, 2, 6)
    copied = native.select(np.ascontiguousarray(hidden), lengths, 2, 6)
    assert np.array_equal(indices, copied[0])
    assert np.array_equal(values, copied[1])


def test_rounding_of_every_kind_of_float() -> None:
    upper = np.arange(0, 1 << 16, 4, dtype=np.uint32) << 16
    bits = np.concatenate([upper + low for low in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)]).astype(np.uint32)
    hidden = bits.view(np.float32).reshape(1, -1, 64)
    chunk_tokens = 16
    lengths = np.array([hidden.shape[1]])
    indices, values = native.select(hidden, lengths, chunk_tokens, chunk_tokens * 64)
    chunk = np.arange(len(indices))[:, None] * chunk_tokens * 64
    rounded = np.append(to_bfloat16(hidden).ravel(), np.zeros(chunk_tokens * 64, np.uint16))
    inside = chunk + indices < hidden.size
    assert np.array_equal(values[inside], rounded[(chunk + indices)[inside]])
    assert not values[~inside].any()


@pytest.mark.parametrize("k", [1, 2, 3, 16, 17, 128, 333])
def test_polynomials_are_those_of_the_definition(k: int) -> None:
    random = np.random.default_rng(k)
    nodes = np.stack([random.permutation(PRIME)[:k] for _ in range(3)])
    nodes[0, 0] = PRIME - 1 if PRIME - 1 not in nodes[0] else nodes[0, 0]
    values = random.integers(0, PRIME, nodes.shape)
    values[1] = PRIME - 1
    coefficients = native.interpolate(nodes, values)
    expected = [
        polynomial.interpolate(list(zip(x, y, strict=True)))
        for x, y in zip(nodes.tolist(), values.tolist(), strict=True)
    ]
    assert coefficients.tolist() == expected
    assert np.array_equal(native.evaluate(coefficients, nodes), values)
    places = random.integers(0, PRIME, (3, 5))
    assert native.evaluate(coefficients, places).tolist() == [
        [polynomial.evaluate(row, place) for place in some]
        for row, some in zip(expected, places.tolist(), strict=True)
    ]


def test_every_residue_is_inverted() -> None:
    """Two points: the slope is a difference of values over a difference of nodes."""
    gaps = np.arange(1, PRIME)
    nodes = np.stack([np.zeros_like(gaps), gaps], axis=1)
    values = np.stack([np.zeros_like(gaps), np.ones_like(gaps)], axis=1)
    slopes = native.interpolate(nodes, values)[:, 1].astype(np.int64)
    assert (slopes * gaps % PRIME == 1).all()


def words(*values: int) -> np.ndarray:
    return np.array(values, np.uint16)


def kernel_arguments() -> tuple[list[object], list[object], list[object]]:
    """Arguments that fit: select, interpolate, evaluate."""
    select = [
        np.zeros(24, np.uint16),
        np.array([2, 1]),
        3,
        4,
        2,
        2,
        np.zeros(4, np.uint32),
        np.zeros(4, np.uint16),
    ]
    interpolate = [words(1, 2, 3, 4), words(5, 6, 7, 8), 2, np.zeros(4, np.uint16)]
    evaluate = [words(1, 2, 3, 4), words(5, 6), 2, 1, np.zeros(2, np.uint16)]
    return select, interpolate, evaluate


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, np.zeros(25, np.uint16)),
        (0, np.zeros(0, np.uint16)),
        (0, np.zeros(24, np.float16)),
        (0, np.zeros(24, ">u2")),
        (0, np.zeros(24, np.float64)),
        (1, np.array([2, 4])),
        (1, np.array([0, 1])),
        (1, np.array([-1, 1])),
        (1, np.array([2])),
        (1, np.array([2, 1], np.int32)),
        (2, 0),
        (2, -1),
        (2, 2**62),
        (3, 0),
        (3, 2**62),
        (4, 0),
        (4, -5),
        (5, 0),
        (5, 3),
        (5, 2**62),
        (6, np.zeros(5, np.uint32)),
        (6, np.zeros(4, np.uint16)),
        (7, np.zeros(3, np.uint16)),
        (7, np.zeros(4, np.uint32)),
    ],
)
def test_selection_of_what_does_not_fit_is_refused(place: int, value: object) -> None:
    arguments = kernel_arguments()[0]
    native._kernel.select(*arguments)
    arguments[place] = value
    with pytest.raises(ValueError, match=r"shape|dimension|length|expected"):
        native._kernel.select(*arguments)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, words(1, 2, 3)),
        (0, words(1, 2, 3, PRIME)),
        (1, words(1, 2, 3, 0xFFFF)),
        (1, words(5, 6)),
        (2, 0),
        (2, 3),
        (2, -2),
        (2, 2**62),
        (3, words(1, 2)),
        (3, np.zeros(4, np.int32)),
    ],
)
def test_interpolation_of_what_does_not_fit_is_refused(place: int, value: object) -> None:
    arguments = kernel_arguments()[1]
    native._kernel.interpolate(*arguments)
    arguments[place] = value
    with pytest.raises(ValueError, match=r"shapes|below|expected"):
        native._kernel.interpolate(*arguments)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, words(1, 2, 3, 0xFFFF)),
        (1, words(5, PRIME)),
        (1, words(5)),
        (2, 0),
        (2, 3),
        (3, 0),
        (3, 2),
        (3, 2**62),
        (4, words(5)),
    ],
)
def test_evaluation_of_what_does_not_fit_is_refused(place: int, value: object) -> None:
    arguments = kernel_arguments()[2]
    native._kernel.evaluate(*arguments)
    arguments[place] = value
    with pytest.raises(ValueError, match=r"shapes|below|expected"):
        native._kernel.evaluate(*arguments)


@pytest.mark.parametrize(
    "bad", [b"\0" * 47, None, 3, "text", np.zeros((24, 2), np.uint16)[:, 0], np.zeros(24, "O")]
)
def test_objects_that_are_no_contiguous_buffers_are_refused(bad: object) -> None:
    arguments = kernel_arguments()[0]
    arguments[0] = bad
    with pytest.raises((ValueError, TypeError, BufferError)):
        native._kernel.select(*arguments)


def test_results_are_not_written_into_constants() -> None:
    arguments = kernel_arguments()[1]
    arguments[3] = bytes(8)
    with pytest.raises(BufferError):
        native._kernel.interpolate(*arguments)


def test_the_limits_are_those_of_the_definition() -> None:
    assert activations.MAX_ELEMENTS == PRIME
