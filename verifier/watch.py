"""Nodes whose errors add up to more than an honest engine's, over all that was audited of them.

The sums are evidence about a node, not about one commitment, so no judge can rule on them: a suspicion is reported and
has every further rollout of that node recomputed, and no challenge is made of it. It does the node no harm.

A pooled finding within one commitment is another matter: jurors recompute that commitment and come to the same mean,
up to their engines' own distance. It becomes a challenge where it is so large that they cannot disagree.
"""

from __future__ import annotations

from cupel.protocol.observe import Observer
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.task import Pooling
from cupel.protocol.spec.toploc.pooled import SURE_FACTOR, Pool
from cupel.verifier.budget import lie_odds
from cupel.verifier.checks.base import Finding
from cupel.verifier.evidence import Judges
from cupel.verifier.journal import Journal


class Watch:
    """The sums of one task's nodes, kept in the journal, and what follows from them."""

    def __init__(self, journal: Journal, limit: Pooling, observer: Observer, audit_rollouts: int) -> None:
        self._journal = journal
        self._limit = limit
        self._observer = observer
        self._audit_rollouts = audit_rollouts

    def rollouts(self, work: CommittedWork) -> int:
        """How many rollouts of a submission to recompute: all of a suspect's."""
        return work.units if work.node in self._journal.suspects else self._audit_rollouts

    def lie_odds(self, node: str) -> float:
        """Odds of a lie in a commitment of this node, by what was recomputed of its others."""
        passed = self._journal.pools.get(node, Pool()).chunks // max(self._audit_rollouts, 1)
        return lie_odds(node in self._journal.suspects, passed)

    def record(self, work: CommittedWork, pool: Pool, finding: Finding | None) -> None:
        """Remember that there is nothing to challenge in a commitment, and add up what was recomputed of it.

        finding: of the pooled check, if it found something.
        """
        total = self._journal.pools.get(work.node, Pool()) + pool
        beyond = pool if finding is not None else total if total.exceeds(self._limit) else None
        is_new = beyond is not None and work.node not in self._journal.suspects
        self._journal.record_pass(work.root, work.node, pool, is_suspect=beyond is not None)
        if beyond is not None and is_new:
            self._observer.emit(
                "suspected",
                node=work.node,
                chunks=beyond.chunks,
                observed=beyond.mean_millionths,
                allowed=self._limit.max_error_millionths,
            )


def is_disputable(finding: Finding, judges: Judges) -> bool:
    """Whether a challenge may be made of a finding: of a pooled one only if every honest juror must come to it."""
    if finding.reason is not Reason.TOPLOC_POOLED:
        return True
    return judges.jury is not None and int(finding.observed) > SURE_FACTOR * int(finding.allowed)
