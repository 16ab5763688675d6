"""Evidence: its layout is the golden vectors', which the judge reads too, and hostile bytes are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode, encode

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.fraud import EVIDENCE_ABI, LEAF_ABI, PAYLOAD_ABI, ObjectiveKind, kind_of
from cupel.protocol.spec.rollout import LeafContext, RolloutLeaf, leaf_hash

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "vectors" / "evidence.json").read_text(encoding="utf-8")
)
CASES: list[dict[str, Any]] = VECTORS["cases"]


def payload(case: dict[str, Any]) -> tuple[Any, ...]:
    """The decoded payload of a case."""
    kind, data = decode(EVIDENCE_ABI, bytes.fromhex(case["evidence"][2:]))
    values: tuple[Any, ...] = decode(PAYLOAD_ABI[ObjectiveKind(kind)], data)
    return values


def opens(commitment: dict[str, Any], leaf: tuple[Any, ...], siblings: list[bytes]) -> bool:
    """Whether the leaf lies in the commitment's tree, at its index."""
    context = LeafContext(
        VECTORS["chain_id"],
        VECTORS["hub"],
        bytes.fromhex(VECTORS["task"][2:]),
        VECTORS["node"],
        commitment["sequence"],
        commitment["round"],
    )
    opened, root = RolloutLeaf(*leaf), bytes.fromhex(commitment["root"][2:])
    return merkle.verify(root, leaf_hash(context, opened), opened.index, commitment["units"], siblings)


def test_every_kind_has_a_case_that_convicts() -> None:
    assert {case["kind"] for case in CASES if case["verdict"] == "guilty"} == set(ObjectiveKind)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_layout_is_the_vectors(case: dict[str, Any]) -> None:
    evidence = bytes.fromhex(case["evidence"][2:])
    kind = kind_of(evidence)
    assert kind == case["kind"]
    assert encode(EVIDENCE_ABI, (kind, encode(PAYLOAD_ABI[kind], payload(case)))) == evidence


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if PAYLOAD_ABI[case["kind"]][0] == LEAF_ABI],
    ids=lambda case: case["name"],
)
def test_a_leaf_opens_unless_it_is_refused(case: dict[str, Any]) -> None:
    leaf, siblings, *_ = payload(case)
    is_open = opens(VECTORS["commitments"][case["commitment"]], leaf, siblings)
    assert is_open is (case["refused"] != "LeafNotProven")


@pytest.mark.parametrize("evidence", [b"", b"\1" * 31, b"\xff" * 96, encode(EVIDENCE_ABI, (9, b""))])
def test_hostile_evidence_is_refused(evidence: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        kind_of(evidence)
    assert refusal.value.reason is Reason.ENCODING
