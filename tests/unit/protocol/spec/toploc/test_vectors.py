"""The golden file against an independent reading of it; tests/contracts reads the same cases."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.toploc import build_proof, compare, decode_proof
from cupel.protocol.spec.toploc.polynomial import evaluate
from cupel.protocol.testing.toploc_vectors import toploc_vectors

VECTORS = json.loads((Path(__file__).parents[4] / "vectors" / "toploc.json").read_text(encoding="utf-8"))


def from_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def patterns_of(text: str) -> np.ndarray:
    return np.frombuffer(from_hex(text), dtype=">u2").astype(np.uint16)


def test_file_is_what_the_code_gives() -> None:
    assert toploc_vectors() == VECTORS


@pytest.mark.parametrize("case", VECTORS["builds"], ids=lambda case: case["name"])
def test_builds(case: dict[str, Any]) -> None:
    assert sha256(b"".join(map(from_hex, case["proofs"]))) == from_hex(case["sha256"])
    for patterns, proof in zip(case["patterns"], case["proofs"], strict=bool(case["patterns"])):
        assert build_proof(patterns_of(patterns), case["topk"]) == from_hex(proof)


@pytest.mark.parametrize("case", VECTORS["proofs"], ids=lambda case: case["name"])
def test_proofs(case: dict[str, Any]) -> None:
    try:
        decode_proof(from_hex(case["proof"]), case["topk"])
        reason = ""
    except Rejected as rejected:
        reason = rejected.reason.value
    assert (reason != "", reason) == (case["malformed"], case["reason"])


def test_names_tell_the_verdict() -> None:
    assert all(case["name"].startswith("valid") is not case["malformed"] for case in VECTORS["proofs"])


@pytest.mark.parametrize("case", VECTORS["evaluations"])
def test_evaluations(case: dict[str, Any]) -> None:
    coefficients = decode_proof(from_hex(case["proof"]), case["topk"]).coefficients
    assert [evaluate(coefficients, index) for index in case["indices"]] == case["claims"]


@pytest.mark.parametrize("case", VECTORS["comparisons"], ids=lambda case: case["name"])
def test_comparisons(case: dict[str, Any]) -> None:
    proof = decode_proof(from_hex(case["proof"]), case["topk"])
    result = dataclasses.asdict(compare(proof, patterns_of(case["patterns"]), case["topk"]))
    assert {name: case[name] for name in result} == result
