"""The float32 kind for any activations: the fast paths are the definitions, and no byte string breaks a verifier."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS
from cupel.protocol.spec.toploc.float32 import (
    build_proof,
    build_proofs_batch,
    decode_proof,
    proof_bytes,
    select,
    to_bytes,
    top_points,
)
from cupel.protocol.spec.toploc.float32_comparison import compare, compare_batch
from cupel.protocol.spec.toploc.float32_field import (
    PRIME,
    evaluate,
    evaluate_batch,
    interpolate,
    interpolate_batch,
)

# A narrow band of magnitudes makes ties the normal case.
finite_patterns = st.one_of(
    st.integers(0x3F800000, 0x3F800003),
    st.integers(0xBF800000, 0xBF800003),
    st.integers(0, 0x7F7FFFFF),
    st.integers(0x80000000, 0xFF7FFFFF),
)
places = st.integers(0, MAX_ELEMENTS - 1)
residues = st.integers(0, PRIME - 1)


@given(st.lists(finite_patterns, min_size=1, max_size=60), st.integers(1, 40))
def test_the_fast_support_is_the_definition(values: list[int], k: int) -> None:
    patterns = np.array(values, np.uint32)
    indices, selected = select(patterns, k)
    assert set(zip(indices.tolist(), selected.tolist(), strict=True)) == set(top_points(patterns, k))


@settings(deadline=None)
@given(
    st.lists(st.tuples(places, residues), min_size=1, max_size=24, unique_by=lambda point: point[0]),
    residues,
)
def test_interpolation(points: list[tuple[int, int]], place: int) -> None:
    coefficients = interpolate(points)
    assert [evaluate(coefficients, x) for x, _ in points] == [y for _, y in points]
    nodes = np.array([[x for x, _ in points]])
    values = np.array([[y for _, y in points]])
    batched = interpolate_batch(nodes, values)
    assert batched.tolist() == [coefficients]
    assert evaluate_batch(batched, np.array([[place]])).tolist() == [[evaluate(coefficients, place)]]


@settings(deadline=None)
@given(st.lists(finite_patterns, min_size=16, max_size=40), st.integers(0, 2**32 - 1))
def test_the_batches_are_the_definitions(values: list[int], salt: int) -> None:
    patterns = np.array(values, np.uint32)
    recomputed = patterns ^ np.uint32(salt & 0x800000FF)
    proof = build_proof(patterns, 8)
    hidden, lengths = patterns.view(np.float32)[None, None], np.array([1])
    try:
        decode_proof(proof, 8)
    except Rejected:
        return  # equal activations may give a degenerate polynomial, which nobody commits to
    assert build_proofs_batch(hidden, lengths, 1, 8) == [[proof]]
    ((batched,),) = compare_batch([[proof]], recomputed.view(np.float32)[None, None], lengths, 1, 8)
    assert batched == compare(decode_proof(proof, 8), recomputed, 8)


@given(st.binary(max_size=80) | st.binary(min_size=proof_bytes(8), max_size=proof_bytes(8)))
def test_decoding_is_strict(data: bytes) -> None:
    for candidate in (data, PRIME.to_bytes(4, "big") + data[4:]):
        try:
            proof = decode_proof(candidate, 8)
        except Rejected:
            continue
        assert to_bytes(proof) == candidate
