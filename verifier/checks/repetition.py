"""Whether the same work was counted twice, within a submission or across the node's commitments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.repetition import first_repetition
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed


class Repetition:
    """No root of TOPLOC proofs stands for two problems."""

    name: Final = "toploc"
    cost: Final = 3

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        sequence = submission.work.sequence
        repetition = first_repetition(sequence, submission.leaves, submission.proven)
        if repetition is None:
            return None
        place, twin = repetition.place, repetition.twin
        where = "" if twin.sequence == sequence else f" of commitment {twin.sequence}"
        return Finding(
            self.name,
            Reason.TOPLOC_REPEATED,
            f"the proofs of rollout {twin.index}{where}, which is of problem {twin.problem}",
            place.index,
            observed=str(place.problem),
            allowed=str(twin.problem),
            objective=ObjectiveKind.REPEATED_PROOF,
            twin=twin,
        )
