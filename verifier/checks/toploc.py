"""Whether the claimed policy was run: TOPLOC proofs against recomputed states.

The form of a proof needs no recomputation and is checked for all rollouts; its content for the drawn ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec import toploc
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.task import Thresholds
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed


class ToplocFormat:
    """Every proof decodes strictly."""

    name: Final = "toploc"
    cost: Final = 3

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        topk = submission.rules.params.topk
        for index, rollout in enumerate(submission.rollouts):
            for chunk, proof in enumerate(rollout.proofs):
                try:
                    toploc.decode_proof(proof, topk)
                except Rejected as rejected:
                    reason, detail, kind = rejected.reason, rejected.detail, ObjectiveKind.MALFORMED_PROOF
                    return Finding(self.name, reason, detail, index, objective=kind, chunk=chunk)
        return None


class Toploc:
    """Proofs of the drawn rollouts within the task's thresholds of what the canonical policy gives."""

    name: Final = "toploc"
    cost: Final = 5

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        assert recomputed is not None, "needs the recomputation"
        assert recomputed.indices == tuple(drawn), "recomputed other rollouts than drawn"
        thresholds = submission.rules.spec.thresholds
        proofs = [submission.rollouts[index].proofs for index in drawn]
        results = toploc.compare_selection(proofs, recomputed.selection)
        for index, result in zip(drawn, results, strict=True):
            if isinstance(result, Rejected):
                return Finding(self.name, result.reason, result.detail, index)
            for chunk, comparison in enumerate(result):
                rejected = toploc.accept(comparison, thresholds)
                if rejected is not None:
                    observed, allowed = _numbers(rejected.reason, comparison, thresholds)
                    reason, detail = rejected.reason, rejected.detail
                    return Finding(self.name, reason, detail, index, observed, allowed, chunk=chunk)
        return None


def _numbers(reason: Reason, comparison: toploc.Comparison, thresholds: Thresholds) -> tuple[str, str]:
    """The number that broke a threshold and the threshold; mantissa errors in thousandths."""
    mean = int(1000 * comparison.mantissa_mean)
    numbers = {
        Reason.TOPLOC_EXPONENT: (comparison.exponent_mismatches, thresholds.max_exponent_mismatches),
        Reason.TOPLOC_MANTISSA_MEAN: (mean, thresholds.max_mantissa_mean_thousandths),
        Reason.TOPLOC_MANTISSA_MEDIAN: (
            1000 * comparison.mantissa_median,
            thresholds.max_mantissa_median_thousandths,
        ),
        Reason.TOPLOC_CONSTANT: (comparison.penalty, comparison.constant_penalty),
    }
    observed, allowed = numbers[reason]
    return str(observed), str(allowed)
