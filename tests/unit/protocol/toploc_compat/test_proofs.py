"""`ProofPoly` and `VerificationResult`: values, encodings, refusals."""

import pickle
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.toploc.polynomial import PRIME
from cupel.protocol.toploc_compat import InvalidProof, ProofPoly, VerificationResult

GOOD = ProofPoly([1, 2, PRIME - 1], PRIME)


def test_a_proof_is_what_it_was_made_of() -> None:
    assert (GOOD.coeffs, GOOD.modulus, len(GOOD)) == ([1, 2, PRIME - 1], PRIME, 3)
    assert repr(GOOD) == "ProofPoly[65497]([1, 2, 65496])"
    assert ProofPoly((1, 2, PRIME - 1), PRIME) == GOOD
    assert ProofPoly([1, 2, PRIME - 1], 4) != GOOD
    assert ProofPoly([1, 2], PRIME) != GOOD
    assert GOOD != "ProofPoly"
    assert pickle.loads(pickle.dumps(GOOD)) == GOOD
    with pytest.raises(TypeError):
        hash(GOOD)


def test_attributes_can_be_set_and_reading_copies() -> None:
    proof = ProofPoly([1, 2], 3)
    proof.coeffs.append(4)
    assert proof.coeffs == [1, 2]
    proof.coeffs = [np.int64(7)]
    proof.modulus = 9
    assert proof == ProofPoly([7], 9)
    for bad in ([1.5], ["1"], [2**31], [-(2**31) - 1], None):
        with pytest.raises(TypeError):
            proof.coeffs = bad
    with pytest.raises(TypeError):
        proof.modulus = 2.0


def test_evaluation() -> None:
    poly = ProofPoly([1, 2, 3, 4], PRIME)
    for x in (0, 1, 42, PRIME + 3, 2**31 - 1, -5):
        assert poly(x) == (1 + 2 * x + 3 * x**2 + 4 * x**3) % PRIME
    with pytest.raises(InvalidProof, match="no coefficients"):
        ProofPoly([], PRIME)(3)


def test_points() -> None:
    poly = ProofPoly.from_points([5, 65502, 7], [16384, 16400, 16500])
    assert poly.to_bytes().hex() == "ffd8449cfe1b002a"
    assert [poly(x % poly.modulus) for x in (5, 65502, 7)] == [16384, 16400, 16500]
    assert ProofPoly.from_points([1, 2], [-1, PRIME])(1) == PRIME - 1


@pytest.mark.parametrize(
    ("x", "y"), [([], []), ([1], []), ([1, 2], [3]), ([4, 4], [1, 2]), ([-1, 2], [1, 2])]
)
def test_points_without_a_polynomial(x: list[int], y: list[int]) -> None:
    with pytest.raises(ValueError, match=r"modulus|nodes|negative"):
        ProofPoly.from_points(x, y)


def test_a_great_many_points_that_fit_no_modulus_end_soon() -> None:
    places = np.random.default_rng(1).choice(2**31, 20_000, replace=False).tolist()
    start = time.process_time()
    with pytest.raises(ValueError, match="No injective modulus"):
        ProofPoly.from_points(places, places)
    assert time.process_time() - start < 60


@pytest.mark.parametrize(
    ("y", "patterns"),
    [
        (torch.tensor([1.0, -2.0, 3.5], dtype=torch.bfloat16), [0x3F80, 0xC000, 0x4060]),
        (torch.tensor([1.0, -2.0, 3.5], dtype=torch.float16), [0x3C00, 0xC000, 0x4300]),
        (torch.tensor([4, 5, 6], dtype=torch.int32), [4, 5, 6]),
        (torch.tensor([4, 5, 6], dtype=torch.int64), [4, 5, 6]),
        (torch.tensor([4, 5, 6], dtype=torch.uint32), [4, 5, 6]),
    ],
)
@pytest.mark.parametrize("index_type", [torch.int32, torch.int64])
def test_points_of_tensors(y: torch.Tensor, patterns: list[int], index_type: torch.dtype) -> None:
    x = torch.tensor([9, 2, 70_000], dtype=index_type)
    assert ProofPoly.from_points_tensor(x, y) == ProofPoly.from_points([9, 2, 70_000], patterns)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (torch.tensor([[1]]), torch.tensor([1])),
        (torch.tensor(1), torch.tensor([1])),
        (torch.tensor([1.0]), torch.tensor([1])),
        (torch.tensor([1]), torch.tensor([1.0])),
        (torch.tensor([1]), torch.tensor([True])),
        (torch.tensor([1, 2]), torch.tensor([1])),
    ],
)
def test_tensors_that_are_no_points(x: torch.Tensor, y: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"1D|must be|nodes"):
        ProofPoly.from_points_tensor(x, y)


def test_encodings_are_read_back() -> None:
    for proof in (GOOD, ProofPoly.null(5), ProofPoly([7], 1)):
        assert ProofPoly.from_bytes(proof.to_bytes()) == proof
        assert ProofPoly.from_base64(proof.to_base64()) == proof
    assert ProofPoly.null(5) == ProofPoly([0] * 5, 0)
    assert GOOD.to_base64() == "/9kAAQAC/9g="


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: ProofPoly.from_bytes(b""), Reason.TOPLOC_LENGTH),
        (lambda: ProofPoly.from_bytes(b"\xff"), Reason.TOPLOC_LENGTH),
        (lambda: ProofPoly.from_bytes(b"\xff\xd9"), Reason.TOPLOC_LENGTH),
        (lambda: ProofPoly.from_bytes(b"\xff\xd9\0\1\2"), Reason.TOPLOC_LENGTH),
        (lambda: ProofPoly.from_bytes(b"\xff\xda\0\1"), Reason.TOPLOC_MODULUS),
        (lambda: ProofPoly.from_bytes(b"\xff\xd9\xff\xd9"), Reason.TOPLOC_COEFFICIENT),
        (lambda: ProofPoly([1], 2**16).to_bytes(), Reason.TOPLOC_MODULUS),
        (lambda: ProofPoly([1], -1).to_base64(), Reason.TOPLOC_MODULUS),
        (lambda: ProofPoly([2**16], 1).to_bytes(), Reason.TOPLOC_COEFFICIENT),
        (lambda: ProofPoly([-1], 1).to_bytes(), Reason.TOPLOC_COEFFICIENT),
    ],
)
def test_refusals(call: Callable[[], Any], reason: Reason) -> None:
    with pytest.raises(InvalidProof) as caught:
        call()
    assert caught.value.reason is reason


def test_results() -> None:
    result = VerificationResult(1, 2, 0.5)
    assert (result.exp_mismatches, result.mant_err_mean, result.mant_err_median) == (1, 2.0, 0.5)
    assert result == VerificationResult(1, 2.0, 0.5)
    assert result != VerificationResult(2, 2.0, 0.5)
    assert pickle.loads(pickle.dumps(result)) == result
    no_agreement = VerificationResult(5, 2**64, 2**64)
    assert repr(no_agreement) == (
        "VerificationResult[exp_mismatches=5, mant_err_mean=1.84467e+19, mant_err_median=1.84467e+19]"
    )
    with pytest.raises(TypeError):
        VerificationResult(1.5, 2, 3)
