"""The golden verdicts, and that they are those of the comparison; tests/contracts reads the same cases."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import (
    accept,
    build_proof,
    compare,
    decode_proof,
    encode_support,
    judge,
    judge_off_support,
)
from cupel.protocol.spec.toploc.activations import top_points
from cupel.protocol.testing.toploc_vectors import likely_patterns
from cupel.protocol.testing.verdict_vectors import OUTCOMES, verdict_vectors

VECTORS = json.loads(
    (Path(__file__).parents[4] / "vectors" / "toploc_verdict.json").read_text(encoding="utf-8")
)
CASES = VECTORS["cases"]


def from_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def reason_of(rejected: Rejected | None) -> str:
    return "" if rejected is None else rejected.reason.value


def test_file_is_what_the_code_gives() -> None:
    assert verdict_vectors() == VECTORS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_verdicts(case: dict[str, Any]) -> None:
    given = (from_hex(case["proof"]), from_hex(case["support"]), case["topk"], case["elements"])
    assert reason_of(judge(*given, Thresholds(*case["thresholds"]))) == case["reason"]
    assert reason_of(judge_off_support(*given, from_hex(case["seed"]))) == case["off_support_reason"]


def test_every_outcome_is_reached() -> None:
    reached = {case[key] for case in CASES for key in ("reason", "off_support_reason")}
    assert reached == {*VECTORS["outcomes"], Reason.TOPLOC_SUPPORT.value}
    assert VECTORS["outcomes"] == ["", *(reason.value for reason in OUTCOMES if reason)]


def test_names_are_different() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("elements", [5, 128, 700])
@pytest.mark.parametrize("thresholds", [Thresholds(8, 2_000, 2_000), Thresholds(128, 128_000, 128_000)])
def test_same_verdict_as_from_the_activations(elements: int, thresholds: Thresholds) -> None:
    proven = likely_patterns(elements)
    proof = build_proof(proven, 128)
    for recomputed in (proven, proven ^ np.uint16(1), proven ^ np.uint16(0x8000), np.roll(proven, 1)):
        support = encode_support(top_points(recomputed, 128))
        comparison = compare(decode_proof(proof, 128), recomputed, 128)
        assert judge(proof, support, 128, elements, thresholds) == accept(comparison, thresholds)


def test_the_proof_is_looked_at_first() -> None:
    rejected = judge(b"", b"", 16, 64, Thresholds(0, 0, 0))
    assert reason_of(rejected) == "toploc-length"
    assert judge_off_support(b"", b"", 16, 64, keccak256(b"")) == rejected
