"""Against outputs of the toploc package, 0.1.6, on inputs without ties or random draws."""

import hashlib

import numpy as np
import pytest

from cupel.protocol.spec.toploc.activations import to_bfloat16
from cupel.protocol.spec.toploc.build import build_proof, build_proofs, build_proofs_batch
from cupel.protocol.spec.toploc.proof import Proof, decode_proof
from cupel.protocol.testing.toploc_vectors import likely_patterns, ramp_chunks

RAMP_SHA256 = "7f787ad83d96ac8aa2ab121a8c4c705d726ebccd9af0576779db581cad91593b"
SMALL_RAMP_SHA256 = "e897c9000269097d9b9da7794c9c49ba81d79aeb9d75d5cc078e4c3f4070ce49"
SMALL_RAMP_PROOFS = ["ffd9cf95a05100000000", "ffd9537da05100000000", "ffd98bf3aa99ad939bd4"]


def as_floats(patterns: np.ndarray) -> np.ndarray:
    return (patterns.astype(np.uint32) << 16).view(np.float32)


def test_same_bytes_as_the_package() -> None:
    chunks = ramp_chunks(64, 256, 32)
    proofs = [build_proof(chunk, 128) for chunk in chunks]
    assert proofs[0][:16].hex() == "ffd9e7b9db5bbada74a3b50dd9017df0"
    assert hashlib.sha256(b"".join(proofs)).hexdigest() == RAMP_SHA256
    assert build_proofs(as_floats(np.concatenate(chunks)).reshape(64, 256), 32, 128) == proofs


def test_same_bytes_as_the_package_with_a_short_last_chunk() -> None:
    proofs = [build_proof(chunk, 4) for chunk in ramp_chunks(8, 16, 3)]
    assert [proof.hex() for proof in proofs] == SMALL_RAMP_PROOFS
    assert hashlib.sha256(b"".join(proofs)).hexdigest() == SMALL_RAMP_SHA256


def test_batch_gives_each_completion_its_own_chunks() -> None:
    hidden = np.random.default_rng(3).standard_normal((5, 9, 8), dtype=np.float32)
    lengths = np.array([9, 1, 4, 8, 5], np.int32)
    proofs = build_proofs_batch(hidden, lengths, chunk_tokens=4, k=16)
    assert [len(one) for one in proofs] == [3, 1, 1, 2, 2]
    for row, length, one in zip(hidden, lengths, proofs, strict=True):
        chunks = [to_bfloat16(row[start : min(start + 4, length)]).ravel() for start in range(0, length, 4)]
        assert one == [build_proof(chunk, 16) for chunk in chunks]


def test_rows_behind_the_end_do_not_matter() -> None:
    hidden = np.random.default_rng(4).standard_normal((1, 6, 8), dtype=np.float32)
    before = build_proofs_batch(hidden, np.array([3]), 4, 8)
    hidden[0, 3:] = np.nan
    assert build_proofs_batch(hidden, np.array([3]), 4, 8) == before


def test_a_proof_has_k_points_however_short_the_chunk() -> None:
    (proof,) = build_proofs(np.random.default_rng(5).standard_normal((1, 64), dtype=np.float32), 32, 128)
    assert len(proof) == 258
    assert not decode_proof(proof, 128).is_degenerate


def test_no_completions_no_proofs() -> None:
    assert build_proofs_batch(np.empty((0, 9, 8), np.float32), np.empty(0, np.int64), 4, 8) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, np.finfo(np.float32).max])
def test_activations_that_are_not_finite_are_our_bug(bad: float) -> None:
    hidden = np.random.default_rng(6).standard_normal((1, 2, 64), dtype=np.float32)
    hidden[0, 1, 5] = bad
    with pytest.raises(AssertionError, match="infinite or not a number"):
        build_proofs_batch(hidden, np.array([2]), 2, 8)
    with pytest.raises(AssertionError, match="infinite or not a number"):
        build_proof(to_bfloat16(hidden).ravel(), 8)


def test_a_proof_that_would_cost_the_stake_is_not_handed_out() -> None:
    with pytest.raises(AssertionError, match="degenerate"):
        build_proofs(np.ones((2, 64), np.float32), 32, 128 // 2)


def test_the_definition_still_names_degenerate_polynomials() -> None:
    constant = build_proof(np.full(16, 0x3F80, np.uint16), 4)
    assert constant == Proof((0x3F80, 0, 0, 0)).to_bytes()


def test_likely_patterns_make_a_well_formed_proof() -> None:
    assert decode_proof(build_proof(likely_patterns(64), 8), 8).coefficients[-1] != 0
