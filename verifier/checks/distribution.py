"""Whether the drawn rollouts' tokens, taken together, are a sample of the canonical policy's distributions.

Every token's probability and place under the recomputed scores, and one number over all of them
(`protocol.spec.token_odds`). An honest submission is accused with chance at most 2^-LIMIT_BITS, about 1e-12 an audit;
that bound needs no calibration and no independence between tokens, only seeds that the node did not choose and scores
that an honest engine recomputes nearly (how nearly: see there).

Relation to `Sampling`: a text that is the seeded choice at every token is honest, and this adds nothing. It adds where
the tolerance is wide, as for engines that recompute coarsely: there single tokens pass although another temperature,
greedy decoding or another model chose them, and their number gives them away. It cannot see a sample under another
seed, nor a node that leaves the seeded choice rarely.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.task import MILLION
from cupel.protocol.spec.token_odds import (
    LIMIT_BITS,
    capital_bits,
    log_probabilities,
    place_bets,
    temperature_bets,
)
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed, drawn_scores


class Distribution:
    """Tokens of the drawn rollouts against the probabilities they were drawn with."""

    name: Final = "distribution"
    cost: Final = 8

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        temperature = submission.rules.spec.sampling.temperature_millionths / MILLION
        bets = []
        for scored in drawn_scores(submission, drawn, recomputed):
            logs, tokens = log_probabilities(scored.logits, temperature), scored.tokens
            bets.append(np.concatenate((place_bets(logs, tokens), temperature_bets(logs, tokens))))
        bits = capital_bits(np.concatenate(bets, axis=1))
        if bits <= LIMIT_BITS:
            return None
        detail = f"odds of 1 in 2^{bits:.1f} that the canonical policy samples these {len(drawn)} completions"
        return Finding(self.name, Reason.TOKEN_DISTRIBUTION, detail, None, str(int(bits)), str(LIMIT_BITS))
