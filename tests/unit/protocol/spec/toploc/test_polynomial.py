import numpy as np
import pytest

from cupel.protocol.spec.toploc.polynomial import (
    PRIME,
    _inverses,
    evaluate,
    evaluate_batch,
    interpolate,
    interpolate_batch,
)


def test_field_is_a_prime_above_every_finite_pattern() -> None:
    assert all(PRIME % divisor for divisor in range(2, 256))
    assert PRIME > 0xFF7F


def test_products_fit_32_bits() -> None:
    assert (PRIME - 1) * PRIME + (PRIME - 1) < 2**32


def test_interpolates_a_known_polynomial() -> None:
    # 3 + 5x + 2x^3
    points = [(x, (3 + 5 * x + 2 * x**3) % PRIME) for x in (7, 0, PRIME - 1, 40_000)]
    assert interpolate(points) == [3, 5, 0, 2]


def test_order_of_points_does_not_matter() -> None:
    points = [(9, 1), (4, 60_000), (65_000, 3), (0, 0)]
    assert interpolate(points) == interpolate(points[::-1])


def test_evaluate_folds_the_place() -> None:
    assert evaluate([1, 2, 3], PRIME + 2) == evaluate([1, 2, 3], 2) == 17


@pytest.mark.parametrize("points", [[], [(1, 2), (1, 3)], [(0, 2), (PRIME, 3)]])
def test_points_sharing_a_place_are_our_bug(points: list[tuple[int, int]]) -> None:
    with pytest.raises(AssertionError):
        interpolate(points)


def test_every_inverse() -> None:
    residues = np.arange(1, PRIME, dtype=np.uint64)
    assert ((residues * _inverses()[1:]) % PRIME == 1).all()


def test_batch_over_several_blocks_passes_through_the_points() -> None:
    random = np.random.default_rng(2)
    nodes = random.permuted(np.tile(np.arange(0, PRIME, 997), (600, 1)), axis=1)[:, :33]
    values = random.integers(0, PRIME, nodes.shape)
    coefficients = interpolate_batch(nodes, values)
    assert np.array_equal(evaluate_batch(coefficients, nodes), values)
    for row in (0, 255, 256, 599):
        pairs = list(zip(nodes[row].tolist(), values[row].tolist(), strict=True))
        assert coefficients[row].tolist() == interpolate(pairs)


def test_batch_at_the_extremes_of_the_field() -> None:
    nodes = np.array([[0, PRIME - 1, 1, PRIME - 2]])
    for values in ([PRIME - 1] * 4, [0] * 4, [0, PRIME - 1, 0, PRIME - 1]):
        coefficients = interpolate_batch(nodes, np.array([values]))
        assert coefficients[0].tolist() == interpolate(list(zip(nodes[0].tolist(), values, strict=True)))
    largest = np.full((1, 128), PRIME - 1)
    places = np.array([[0, 1, PRIME - 1]])
    assert evaluate_batch(largest, places).tolist() == [
        [evaluate([PRIME - 1] * 128, x) for x in (0, 1, PRIME - 1)]
    ]


def test_one_point_and_no_polynomials() -> None:
    assert interpolate_batch(np.array([[5]]), np.array([[77]])).tolist() == [[77]]
    assert interpolate_batch(np.empty((0, 4), np.int64), np.empty((0, 4), np.int64)).shape == (0, 4)
