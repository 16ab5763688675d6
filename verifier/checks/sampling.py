"""Whether every token is the one that the seed picks from the canonical policy's scores.

Together with the assigned seeds this leaves a node no choice of text: neither copied answers nor repeated tries.
It proves that up to the tolerance, and no more: each token may lie below the best by that much, and gaps are not added
up. `Ending` and `Distribution` look at what a wide tolerance leaves (docs/toploc_beyond.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.sampling import chosen_gap
from cupel.protocol.spec.task import MILLION
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed, drawn_scores, worst_gap


class Sampling:
    """Tokens of the drawn rollouts within the task's tolerance of the seeded choice."""

    name: Final = "sampling"
    cost: Final = 7

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        sampling = submission.rules.spec.sampling
        temperature = sampling.temperature_millionths / MILLION
        for scored in drawn_scores(submission, drawn, recomputed):
            gaps = chosen_gap(scored.logits, scored.noise, scored.tokens, temperature)
            found = worst_gap(gaps, sampling.tolerance_millionths)
            if found is not None:
                worst, millionths = found
                detail = f"token {scored.places[worst]} lies {gaps[worst]:.6f} below the seeded choice"
                observed, allowed = str(millionths), str(sampling.tolerance_millionths)
                return Finding(self.name, Reason.SAMPLING, detail, scored.index, observed, allowed)
        return None
