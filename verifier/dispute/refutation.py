"""Whether arithmetic on the chain refutes a TOPLOC proof or a posted version: then no jury is needed."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.reenactment import matter_of, reenact
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.versions import Versions
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.checks.toploc import Toploc


@dataclass(frozen=True, slots=True)
class Refuter:
    """Knows which findings the judge of computation settles."""

    terms: Terms
    versions: Versions
    judges_versions: bool = False
    """Whether it passes disputes about posted versions on to a judge of them."""

    def evidence_against_version(self) -> bytes | None:
        """Evidence against a posted version that is not ours: nothing, for the poster has to answer.

        None where no judge settles it.
        """
        return b"" if self.judges_versions else None

    def evidence(self, finding: Finding, submission: FetchedSubmission) -> bytes | None:
        """Evidence for the CanonicalJudge, `abi.encode(uint32 rollout, uint32 chunk)`; None where it would acquit.

        The referee computes the rollout's states itself, and its verdict is the judge's: an engine that differs from
        ours by more than the thresholds, but from the referee by less, is not accused there.
        """
        # First: of what the cheaper checks refuse, the manifest itself need not decode.
        if finding.check != Toploc.name or finding.rollout is None:
            return None
        policy = submission.manifest.policy
        version = self.versions.get(policy.version)
        if version is None or version.digest != policy.digest:
            return None
        params, context = submission.rules.params, submission.context
        chunks = range(len(submission.rollouts[finding.rollout].proofs))
        for chunk in chunks if finding.chunk is None else (finding.chunk,):
            matter = matter_of(self.terms, params, context, submission.commitment, finding.rollout, chunk)
            if reenact(matter, submission.rollouts, submission.leaves, version).refusal is not None:
                return words(finding.rollout, chunk)
        return None
