"""What a charge measured: computed from the chain where that suffices, else from a document with the right digest."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from cupel.protocol.account import numbers
from cupel.protocol.account.numbers import assigned_numbers, fetched, with_document
from cupel.protocol.account.why import Contest
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.evidence_document import EvidenceDocument
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.rollout import Commitment, RolloutLeaf
from cupel.protocol.testing.block_servers import serving, silent, with_body
from cupel.protocol.testing.vectors import HUB, NODE, example_params

SEED = b"\x07" * 32
PARAMS = example_params()
DOCUMENT = EvidenceDocument(
    31337, HUB, b"\1" * 32, NODE, Commitment(0, 0, bytes(32), bytes(32), 8, 7), NODE, "toploc", "toploc-exponent",
    3, "12", "4", "exponents of chunk 0",
)  # fmt: skip
CONTEST = Contest(
    "JuryJudge", "toploc-exponent", 3, DOCUMENT.digest, NODE, ChallengeStatus.PENDING, 9, b"", "0x1", None
)
(ASSIGNED,) = assigned_work(SEED, PARAMS, (3,), None)
LEAF = RolloutLeaf(3, 0, bytes(32), ASSIGNED.problem, ASSIGNED.seed, 1, bytes(32), bytes(32), 0)


def ledger() -> TaskLedger:
    return TaskLedger(bytes(32), PARAMS)


@pytest.mark.parametrize(
    ("leaf", "observed", "allowed"),
    [
        (
            dataclasses.replace(LEAF, problem=ASSIGNED.problem + 1),
            f"problem {ASSIGNED.problem + 1}",
            f"problem {ASSIGNED.problem}",
        ),
        (
            dataclasses.replace(LEAF, seed=b"\2" * 32),
            "seed 0x" + "02" * 32,
            "seed 0x" + ASSIGNED.seed.hex(),
        ),
        (dataclasses.replace(LEAF, num_tokens=0), "0 tokens", f"1 to {PARAMS.max_tokens} tokens"),
        (
            LEAF,
            "policy version 0, digest 0x" + "00" * 32,
            f"a version at most {PARAMS.max_staleness} rounds old, as posted",
        ),
    ],
)
def test_an_assignment_is_computed_again(leaf: RolloutLeaf, observed: str, allowed: str) -> None:
    values = (dataclasses.astuple(leaf), ())
    found = assigned_numbers(ledger(), SEED, CONTEST, ObjectiveKind.WRONG_ASSIGNMENT, values)
    assert (found.rollout, found.observed, found.allowed) == (3, observed, allowed)


def test_a_repeated_proof_names_both_problems() -> None:
    twin = dataclasses.astuple(dataclasses.replace(LEAF, problem=77))
    values = (dataclasses.astuple(dataclasses.replace(LEAF, problem=5)), (), (), twin, ())
    found = assigned_numbers(ledger(), SEED, CONTEST, ObjectiveKind.REPEATED_PROOF, values)
    assert found.observed == "one TOPLOC root for the problems 5 and 77"


def test_a_document_counts_only_with_the_digest_of_the_charge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "FETCH_SECONDS", 1.0)

    async def scenario() -> None:
        async with (
            serving(with_body(b"another document")) as liar,
            serving(silent) as stopped,
            serving(with_body(DOCUMENT.to_bytes())) as honest,
        ):
            assert await fetched(DOCUMENT.digest, [liar, stopped]) is None
            while (found := await fetched(DOCUMENT.digest, [liar, stopped, honest])) is None:
                pass  # the honest one was slow this time
            assert found == DOCUMENT

    asyncio.run(scenario())
    told = with_document(CONTEST, DOCUMENT)
    assert (told.observed, told.allowed, told.detail) == ("12", "4", "exponents of chunk 0")
    assert with_document(CONTEST, None) == CONTEST
