"""Whether the drawn rollouts' proofs, taken together, are as near the recomputation as an honest engine's.

Relation to `Toploc`, which limits every single chunk: that limit has room for the worst honest chunk, and whoever
stays inside it in all chunks is beyond every honest mean. The limit of the mean is calibrated with audits of
POOLED_CHUNKS chunks; with fewer the check says nothing. `Watch` adds up what single audits leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec import toploc
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed


class Pooled:
    """Mean error of the drawn rollouts' proofs within the task's limit."""

    name: Final = "pooled"
    cost: Final = 9

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        assert recomputed is not None, "needs the recomputation"
        limit = submission.rules.spec.pooling
        pool = pool_of(submission, recomputed)
        if not pool.exceeds(limit):
            return None
        observed, allowed = str(pool.mean_millionths), str(limit.max_error_millionths)
        detail = f"{pool.errors} steps of error at {pool.points} points of {pool.chunks} chunks"
        return Finding(self.name, Reason.TOPLOC_POOLED, detail, None, observed, allowed)


def pool_of(submission: FetchedSubmission, recomputed: Recomputed) -> Pool:
    """The errors of the rollouts recomputed. After `Toploc`: without the proofs that it refuses."""
    proofs = [submission.rollouts[index].proofs for index in recomputed.indices]
    results = toploc.compare_selection(proofs, recomputed.selection)
    return Pool.of(one for result in results if not isinstance(result, Rejected) for one in result)
