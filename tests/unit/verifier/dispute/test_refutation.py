"""Which findings go to the judge of computation: those that the referee's own states refute."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.quantise import quantised
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.rollout import PolicyRef
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.checks.toploc import Toploc
from cupel.verifier.dispute.refutation import Refuter


@dataclasses.dataclass(frozen=True)
class Case:
    """A node's honest round under a canonical version, the same from four-bit weights, and who holds the version."""

    version: CanonicalVersion
    honest: FetchedSubmission
    false: FetchedSubmission
    terms: Terms

    def evidence(self, finding: Finding, submission: FetchedSubmission, *, held: bool = True) -> bytes | None:
        versions: Any = {self.version.version: self.version} if held else {}
        return Refuter(self.terms, versions).evidence(finding, submission)


@pytest.fixture
def case(world: Any) -> Case:
    spec = world.rules.spec
    layout = layout_of(spec.model)
    version = make_version(4, b"\3" * 32, genesis(flatten(world.policy, layout)), layout)
    policy = policy_of(spec.model, version.state)
    here = dataclasses.replace(world, policy=policy, reference=PolicyRef(4, version.digest))
    false = here.submission(here.roll_out(quantised(policy, 4)))
    terms = Terms(spec.model, spec.thresholds, clock_seconds=60, grace_seconds=5)
    return Case(version, here.submission(), false, terms)


FINDING = Finding(Toploc.name, Reason.TOPLOC_EXPONENT, "told by an engine", rollout=2)


def test_a_false_proof_is_told_by_rollout_and_chunk(case: Case) -> None:
    evidence = case.evidence(FINDING, case.false)
    assert evidence is not None
    assert int.from_bytes(evidence[:32], "big") == 2
    chunk = int.from_bytes(evidence[32:], "big")
    assert case.evidence(dataclasses.replace(FINDING, chunk=chunk), case.false) == evidence


def test_what_the_referee_bears_out_is_not_charged(case: Case) -> None:
    """An engine of ours that finds a lie in honest work must not cost us a bond there."""
    assert case.evidence(FINDING, case.honest) is None


@pytest.mark.parametrize("changes", [{"check": "sampling"}, {"rollout": None}])
def test_other_findings_are_not_its_matter(case: Case, changes: dict[str, Any]) -> None:
    assert case.evidence(dataclasses.replace(FINDING, **changes), case.false) is None


def test_a_manifest_that_does_not_decode_is_not_its_matter(case: Case) -> None:
    """Nor may it keep the finding from the judge that takes it."""
    garbage = dataclasses.replace(case.false, manifest_file=b"\xff\x00" * 200)
    finding = Finding("integrity", Reason.SIZE, "no manifest")
    assert case.evidence(finding, garbage) is None


def test_without_the_version_nothing_is_charged(case: Case) -> None:
    assert case.evidence(FINDING, case.false, held=False) is None


def test_a_version_is_charged_without_evidence_where_a_judge_settles_it(case: Case) -> None:
    versions: Any = {}
    assert Refuter(case.terms, versions, judges_versions=True).evidence_against_version() == b""
    assert Refuter(case.terms, versions).evidence_against_version() is None
