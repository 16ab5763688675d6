"""Build and verify with the package's interface, against vectors the package made."""

import inspect
import json
import logging
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cupel.protocol import toploc_compat
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.toploc import build_proof, native
from cupel.protocol.spec.toploc.polynomial import PRIME
from cupel.protocol.testing.toploc_package import PackageCase, package_cases
from cupel.protocol.testing.toploc_vectors import ramp_patterns
from cupel.protocol.toploc_compat import InvalidActivations, InvalidProof, ProofPoly, VerificationResult
from cupel.protocol.toploc_compat.C.csrc import poly as c_poly
from cupel.protocol.toploc_compat.poly import batch_activations, find_injective_modulus

VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "toploc_package.json").read_text(encoding="utf-8")
)
LAYOUTS = ["rows", "steps", "prefill and steps"]


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(native, "IS_COMPILED", False)
    elif not native.IS_COMPILED:
        pytest.skip("the kernel was not compiled")


def to_tensor(patterns: np.ndarray, dtype: str = "bfloat16") -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(patterns).view(np.int16)).view(getattr(torch, dtype))


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)).bfloat16()


def layout(name: str, rows: torch.Tensor) -> tuple[Any, bool]:
    """Activations of 11 rows or more, and whether the prefill is skipped."""
    if name == "rows":
        return rows, True
    if name == "steps":
        return list(rows), True
    return [rows[:4], *rows[4:]], False


def reason_of(call: Callable[[], object]) -> Reason:
    with pytest.raises((InvalidProof, InvalidActivations)) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RuntimeError)
    return caught.value.reason


@pytest.mark.parametrize(
    ("case", "expected"), zip(package_cases(), VECTORS, strict=True), ids=lambda c: getattr(c, "name", "")
)
def test_proofs_and_results_are_those_of_the_package(case: PackageCase, expected: dict[str, Any]) -> None:
    assert case.outcome(toploc_compat, to_tensor) == expected


def test_proofs_of_small_chunks_are_those_of_the_protocol() -> None:
    rows = normal(9, 512)
    patterns = rows.view(torch.uint16).numpy()
    assert toploc_compat.build_proofs_bytes(rows, 4, 128, skip_prefill=True) == [
        build_proof(patterns[start : start + 4].ravel(), 128) for start in (0, 4, 8)
    ]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("hidden", [64, 5120])
def test_every_form_of_proof_says_the_same(name: str, hidden: int) -> None:
    activations, skip = layout(name, normal(35, hidden))
    polys = toploc_compat.build_proofs(activations, 32, 64, skip)
    data = toploc_compat.build_proofs_bytes(activations, 32, 64, skip)
    texts = toploc_compat.build_proofs_base64(activations, 32, 64, skip)
    assert [poly.to_bytes() for poly in polys] == data
    assert [poly.to_base64() for poly in polys] == texts
    assert len(polys) == 2
    exact = [VerificationResult(0, 0.0, 0.0)] * 2
    assert toploc_compat.verify_proofs(activations, polys, 32, 64, skip) == exact
    assert toploc_compat.verify_proofs_bytes(activations, data, 32, 64, skip) == exact
    assert toploc_compat.verify_proofs_base64(activations, texts, 32, 64, skip) == exact


def test_the_package_s_modules_are_the_same_verifier() -> None:
    rows = normal(9, 64)
    changed = (rows.float() * 1.01).bfloat16()
    polys = toploc_compat.build_proofs(rows, 4, 32, True)
    expected = toploc_compat.verify_proofs(changed, polys, 4, 32, True)
    assert any(one.mant_err_mean for one in expected)
    assert c_poly.verify_proofs(changed, polys, 4, 32) == expected
    assert c_poly.verify_proofs_bytes(changed, [poly.to_bytes() for poly in polys], 4, 32) == expected
    assert c_poly.verify_proofs_base64(changed, [poly.to_base64() for poly in polys], 4, 32) == expected


def test_folded_indices_are_folded_on_lists_too() -> None:
    """Where the package itself rejects an honest proof."""
    rows = next(case for case in package_cases() if case.name == "folded lower").activations(to_tensor)
    proofs = toploc_compat.build_proofs_bytes(rows, 32, 128, True)
    assert proofs[0][:2] != PRIME.to_bytes(2, "big")
    results = toploc_compat.verify_proofs_bytes(list(rows), proofs, 32, 128, True)
    assert results == [VerificationResult(0, 0.0, 0.0)] * 2


def test_numbers_of_a_hand_made_comparison() -> None:
    """Errors 1 and 4 of the agreeing two; another exponent; the sign is not compared."""
    prover = to_tensor(np.array([[0x4010, 0x4020, 0x4100]], np.uint16))
    verifier = to_tensor(np.array([[0xC011, 0x4024, 0x4080]], np.uint16))
    proofs = toploc_compat.build_proofs(prover, 1, 3, True)
    assert toploc_compat.verify_proofs(verifier, proofs, 1, 3, True) == [VerificationResult(1, 2.5, 4.0)]
    assert toploc_compat.verify_proofs(list(verifier), proofs, 1, 3, True) == [
        VerificationResult(1, 2.5, 2.5)
    ]


def test_no_agreement() -> None:
    rows = normal(4, 64)
    proofs = toploc_compat.build_proofs(rows, 4, 16, True)
    assert toploc_compat.verify_proofs(rows * 4, proofs, 4, 16, True) == [
        VerificationResult(16, 2.0**64, 2.0**64)
    ]


def test_activations_of_any_strides_and_shapes() -> None:
    rows = normal(6, 8, 32)
    flat = rows.reshape(6, 256)
    proofs = toploc_compat.build_proofs_bytes(flat, 2, 64, True)
    turned = flat.T.contiguous().T.requires_grad_()
    assert not turned.is_contiguous()
    for activations in (rows, list(rows), turned, list(turned), [one[None] for one in flat]):
        assert toploc_compat.build_proofs_bytes(activations, 2, 64, True) == proofs


@pytest.mark.parametrize(
    "activations",
    [
        normal(3, 64).float(),
        normal(3, 64).to(torch.int16),
        [normal(64), normal(64).half()],
        [torch.empty(0, 64, dtype=torch.bfloat16)] * 2 + [normal(64)],
        normal(3, 16),
        torch.where(torch.arange(64) == 5, torch.nan, normal(3, 64)),
        torch.where(torch.arange(64) == 5, -torch.inf, normal(3, 64)),
        [None, None, None],
        torch.empty(3, 0, dtype=torch.bfloat16),
    ],
    ids=[
        "float32",
        "integers",
        "two types",
        "empty",
        "too few",
        "NaN",
        "infinite",
        "no tensors",
        "no columns",
    ],
)
@pytest.mark.parametrize("skip", [True, False])
def test_what_gives_no_proof_gives_null_proofs_and_a_log_entry(
    activations: Any, skip: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        proofs = toploc_compat.build_proofs_bytes(activations, 2, 32, skip)
    assert proofs == [bytes(66)] * (1 + (len(activations) + 1) // 2)
    assert "null proofs instead" in caplog.text


@pytest.mark.parametrize(("batch", "topk"), [(0, 4), (-1, 4), (2, 0), (2, -3)])
def test_parameters_that_are_not_positive(batch: int, topk: int) -> None:
    for call in (
        lambda: toploc_compat.build_proofs(normal(3, 64), batch, topk),
        lambda: toploc_compat.verify_proofs_bytes(normal(3, 64), [], batch, topk),
    ):
        with pytest.raises(ValueError, match="positive"):
            call()


@pytest.mark.parametrize("name", LAYOUTS)
def test_hostile_proofs(name: str) -> None:
    activations, skip = layout(name, normal(11, 256))
    good = toploc_compat.build_proofs_bytes(activations, 4, 8, skip)
    first = good[0]
    for hostile, reason in (
        ([], Reason.TOPLOC_COUNT),
        (good[:-1], Reason.TOPLOC_COUNT),
        ([*good, first], Reason.TOPLOC_COUNT),
        ([bytes(18), *good[1:]], Reason.TOPLOC_MODULUS),
        ([(PRIME + 1).to_bytes(2, "big") + first[2:], *good[1:]], Reason.TOPLOC_MODULUS),
        ([b"", *good[1:]], Reason.TOPLOC_LENGTH),
        ([first[:2], *good[1:]], Reason.TOPLOC_LENGTH),
        ([first[:-1], *good[1:]], Reason.TOPLOC_LENGTH),
        ([first + b"\0\0", *good[1:]], Reason.TOPLOC_LENGTH),
        ([first[:-2] + b"\xff\xd9", *good[1:]], Reason.TOPLOC_COEFFICIENT),
        ([first[:2] + b"\xff\xff" + first[4:], *good[1:]], Reason.TOPLOC_COEFFICIENT),
    ):
        call = partial(toploc_compat.verify_proofs_bytes, activations, hostile, 4, 8, skip)
        assert reason_of(call) is reason
    polys = [ProofPoly.from_bytes(proof) for proof in good]
    for forged, reason in (
        (ProofPoly.null(8), Reason.TOPLOC_MODULUS),
        (ProofPoly([1] * 8, -5), Reason.TOPLOC_MODULUS),
        (ProofPoly([1] * 8, 2**31 - 1), Reason.TOPLOC_MODULUS),
        (ProofPoly([], PRIME), Reason.TOPLOC_LENGTH),
        (ProofPoly([1] * 9, PRIME), Reason.TOPLOC_LENGTH),
        (ProofPoly([-1] * 8, PRIME), Reason.TOPLOC_COEFFICIENT),
        (ProofPoly([2**31 - 1] * 8, PRIME), Reason.TOPLOC_COEFFICIENT),
    ):
        call = partial(toploc_compat.verify_proofs, activations, [*polys[:-1], forged], 4, 8, skip)
        assert reason_of(call) is reason


@pytest.mark.parametrize(
    "text", ["", "/9k", "????", "/9kAAQ=", "/9kAAR==", "/9k AAQA", "/9kAAQA\n", "-_-_", "/9kAAQAé", "=" * 24]
)
def test_garbage_base64(text: str) -> None:
    rows = normal(2, 16)
    expected = {Reason.TOPLOC_BASE64, Reason.TOPLOC_LENGTH} if text == "" else {Reason.TOPLOC_BASE64}
    assert reason_of(lambda: toploc_compat.verify_proofs_base64(rows, [text], 2, 2, True)) in expected
    assert reason_of(lambda: ProofPoly.from_base64(text)) in expected


@pytest.mark.parametrize(
    ("activations", "reason"),
    [
        (normal(3, 64).half(), Reason.TOPLOC_DTYPE),
        (normal(3, 64).float(), Reason.TOPLOC_DTYPE),
        (torch.where(torch.arange(64) == 5, torch.nan, normal(3, 64)), Reason.TOPLOC_NON_FINITE),
        (torch.where(torch.arange(64) == 5, torch.inf, normal(3, 64)), Reason.TOPLOC_NON_FINITE),
        (normal(3, 15), Reason.TOPLOC_COUNT),
        (normal(3, 31)[:, :0], Reason.TOPLOC_COUNT),
    ],
)
def test_activations_nothing_can_be_said_about(activations: torch.Tensor, reason: Reason) -> None:
    proofs = toploc_compat.build_proofs_bytes(normal(3, 64), 2, 16, True)
    for form in (activations, list(activations)):
        assert reason_of(partial(toploc_compat.verify_proofs_bytes, form, proofs, 2, 16, True)) is reason


def test_a_short_tail_is_an_error_and_not_a_crash() -> None:
    """33 tokens of 64: the package's builder gives null proofs, on which its verifier dies."""
    rows = normal(33, 64)
    proofs = toploc_compat.build_proofs_bytes(rows, 32, 128, True)
    assert proofs == [bytes(258)] * 3
    for given in (proofs, proofs[:2]):
        assert reason_of(partial(toploc_compat.verify_proofs_bytes, rows, given, 32, 128, True)) in (
            Reason.TOPLOC_COUNT,
            Reason.TOPLOC_MODULUS,
        )


def test_errors_survive_a_process_boundary() -> None:
    error = InvalidProof(Reason.TOPLOC_LENGTH, "3 bytes")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.reason, copy.detail) == (InvalidProof, Reason.TOPLOC_LENGTH, "3 bytes")


def test_batches() -> None:
    rows = normal(7, 8)
    assert [one.shape[0] for one in batch_activations(rows, 3, True)] == [24, 24, 8]
    with_prefill = batch_activations([normal(5, 8), *rows], 4)
    assert [one.shape[0] for one in with_prefill] == [40, 32, 24]
    assert torch.equal(with_prefill[2], rows[4:].reshape(-1))


def test_modulus_of_integers_of_any_size() -> None:
    assert find_injective_modulus([5, 65502, 7]) == 65496
    assert find_injective_modulus([0, 10**30]) == PRIME
    with pytest.raises(ValueError, match="No injective modulus"):
        find_injective_modulus([4, 4])
    with pytest.raises(ValueError, match="No injective modulus"):
        find_injective_modulus(range(40_000, 40_000 + PRIME + 1))


def test_signatures_are_the_package_s() -> None:
    for name in ("build_proofs", "build_proofs_bytes", "build_proofs_base64"):
        names = list(inspect.signature(getattr(toploc_compat, name)).parameters)
        assert names == ["activations", "decode_batching_size", "topk", "skip_prefill"]
    for name in ("verify_proofs", "verify_proofs_bytes", "verify_proofs_base64"):
        names = list(inspect.signature(getattr(toploc_compat, name)).parameters)
        assert names == ["activations", "proofs", "decode_batching_size", "topk", "skip_prefill"]


def test_the_rest_of_the_protocol_does_not_load_torch() -> None:
    code = "import sys, cupel.protocol, cupel.protocol.spec.toploc; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_ramp_of_the_anchor() -> None:
    rows = to_tensor(np.concatenate([ramp_patterns(c, 32 * 256) for c in (0, 1)]).reshape(64, 256))
    proofs = toploc_compat.build_proofs_bytes(rows, 32, 128, True)
    assert proofs[0][:16].hex() == "ffd9e7b9db5bbada74a3b50dd9017df0"
