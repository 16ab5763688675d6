"""TOPLOC for any activations: the fast paths are the definitions, and no byte string breaks a verifier."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.toploc import build_proof, compare, compare_batch, decode_proof, to_bfloat16
from cupel.protocol.spec.toploc.activations import top_points, top_points_batch
from cupel.protocol.spec.toploc.comparison import score, score_batch
from cupel.protocol.spec.toploc.polynomial import (
    PRIME,
    evaluate,
    evaluate_batch,
    interpolate,
    interpolate_batch,
)
from cupel.protocol.spec.toploc.proof import proof_bytes
from cupel.protocol.spec.toploc.support import decode_support, encode_support

MAX_FINITE = 0x7F7F
# A narrow band of magnitudes makes ties the normal case.
finite_patterns = st.one_of(
    st.integers(0x3F80, 0x3F83),
    st.integers(0xBF80, 0xBF83),
    st.integers(0, MAX_FINITE),
    st.integers(0x8000, 0x8000 + MAX_FINITE),
)
residues = st.integers(0, PRIME - 1)


@given(st.lists(finite_patterns, min_size=1, max_size=60), st.integers(1, 40))
def test_batched_support_is_the_definition(values: list[int], k: int) -> None:
    chunk = np.array(values, np.uint16)
    widened = np.concatenate([chunk, np.zeros(max(0, k - chunk.size) + 3, np.uint16)])
    indices, patterns = top_points_batch(np.stack([widened, widened[::-1]]), k)
    assert set(zip(indices[0].tolist(), patterns[0].tolist(), strict=True)) == set(top_points(chunk, k))
    assert set(zip(indices[1].tolist(), patterns[1].tolist(), strict=True)) == set(
        top_points(widened[::-1], k)
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(residues, residues), min_size=1, max_size=24, unique_by=lambda point: point[0]),
    residues,
)
def test_interpolation(points: list[tuple[int, int]], place: int) -> None:
    coefficients = interpolate(points)
    assert [evaluate(coefficients, x) for x, _ in points] == [y for _, y in points]
    nodes, values = np.array(points).T
    batched = interpolate_batch(nodes[None], values[None])
    assert batched.tolist() == [coefficients]
    assert evaluate_batch(batched, np.array([[place]])).tolist() == [[evaluate(coefficients, place)]]


@settings(deadline=None)
@given(st.lists(finite_patterns, min_size=1, max_size=40), st.integers(1, 24))
def test_a_decoded_proof_reproduces_its_chunk(values: list[int], k: int) -> None:
    patterns = np.array(values, np.uint16)
    data = build_proof(patterns, k)
    assert len(data) == proof_bytes(k)
    try:
        proof = decode_proof(data, k)
    except Rejected:
        assert not any(data[2 + 2 * (k // 2) :])
        return
    assert proof.to_bytes() == data
    result = compare(proof, patterns, k)
    assert (result.exponent_mismatches, result.mantissa_error_sum, result.penalty) == (0, 0, 0)


@given(
    st.lists(st.tuples(residues, finite_patterns), min_size=1, max_size=20),
    st.integers(1, 25),
    st.randoms(use_true_random=False),
)
def test_batched_score_is_the_definition(pairs: list[tuple[int, int]], elements: int, random: object) -> None:
    """Points in any order, real ones and those behind a short chunk mixed, claims near and far."""
    claims = [claim if place % 3 else pattern for place, (claim, pattern) in enumerate(pairs)]
    points = [(index, pattern if index < elements else 0) for index, (_, pattern) in enumerate(pairs)]
    order = list(range(len(points)))
    random.shuffle(order)  # type: ignore[attr-defined]
    batch = score_batch(
        np.array([[claims[i] for i in order]] * 2, np.uint32),
        np.array([[points[i][0] for i in order]] * 2),
        np.array([[points[i][1] for i in order]] * 2, np.uint16),
        np.array([elements] * 2),
    )
    assert batch == [score(claims, points, elements)] * 2


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=4), st.integers(1, 9))
def test_no_bytes_break_a_verifier(proofs: list[bytes], length: int) -> None:
    hidden = np.random.default_rng(length).standard_normal((1, 9, 6), dtype=np.float32)
    (result,) = compare_batch([proofs], hidden, np.array([length]), chunk_tokens=4, k=8)
    assert isinstance(result, Rejected) or len(result) == -(-length // 4)


@settings(deadline=None)
@given(st.binary(min_size=18, max_size=18))
def test_decoding_is_strict(data: bytes) -> None:
    for candidate in (data, b"\xff\xd9" + data[2:]):
        try:
            assert decode_proof(candidate, 8).to_bytes() == candidate
        except Rejected:
            continue


@given(st.lists(finite_patterns, min_size=1, max_size=40), st.integers(1, 24))
def test_every_support_decodes(values: list[int], k: int) -> None:
    support = top_points(np.array(values, np.uint16), k)
    assert decode_support(encode_support(support), k, len(values)) == support


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), min_size=4, max_size=4), st.integers(4, 12))
def test_lists_decode_if_a_chunk_has_them(points: list[tuple[int, int]], elements: int) -> None:
    """Elements that are not listed are zero, hence smaller than all listed."""
    chunk = np.zeros(elements, np.uint16)
    for index, pattern in points:
        if index < elements:
            chunk[index] = pattern
    try:
        decoded = decode_support(encode_support(points), 4, elements) == points
    except Rejected:
        decoded = False
    assert decoded is (top_points(chunk, 4) == points)


@given(st.floats(width=32, allow_nan=False))
def test_bfloat16_is_a_nearest_neighbour(value: float) -> None:
    exact = np.array([value], np.float32)
    pattern = int(to_bfloat16(exact)[0])
    candidates = np.array([pattern - 1 & 0xFFFF, pattern, pattern + 1 & 0xFFFF], np.uint32) << 16
    with np.errstate(invalid="ignore"):
        distances = np.abs(candidates.view(np.float32).astype(np.float64) - float(value))
    if np.isfinite(distances[1]):
        assert distances[1] == np.nanmin(distances)
