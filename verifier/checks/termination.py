"""Whether every completion ends where it has to: by the end token that the seed drew, or at the length limit.

Two checks. `Termination` reads the tokens alone, for all rollouts: exactly one end token, at the end, unless the
limit cut the text off; so a truncated completion, and one that goes on, is found without the policy. `Ending` asks the
canonical policy, for the drawn rollouts, whether the end token stands where the seed draws it, and only there; then
whether all endings together agree with the policy's odds.

Relation to `Sampling`, which checks every token: the place of the end token is judged by the same gap and the same
tolerance, only first, so that the charge names what was done. The odds add what a tolerance leaves open: a node that
ends whenever the tolerance lets it. With the tolerance of an engine that recomputes almost exactly nothing is left to
add. INTELLECT-2 asks instead that the end token had probability above 0.1 (arXiv 2505.07291, as reported); that refuses
honest completions which end against the odds, and cannot refuse one that goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from cupel.protocol.spec.environments.base import Dialogue
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.sampling import sampling_scores
from cupel.protocol.spec.task import MILLION
from cupel.protocol.spec.token_odds import LIMIT_BITS, capital_bits, ending_bets, log_probabilities
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed, drawn_scores, worst_gap


class Termination:
    """Exactly one end token and that one last, unless the length limit cut the text off; dialogues are `Turns`'."""

    name: Final = "termination"
    cost: Final = 1

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        environment = submission.rules.environment
        if isinstance(environment, Dialogue):
            return None
        end, limit = environment.end_token, submission.rules.params.max_tokens
        for index, rollout in enumerate(submission.rollouts):
            tokens = rollout.tokens
            ends_at = tokens.index(end) + 1 if end in tokens else limit
            if len(tokens) != ends_at:
                detail = f"{len(tokens)} tokens, the completion ends after {ends_at}"
                return Finding(self.name, Reason.TERMINATION, detail, index, str(len(tokens)), str(ends_at))
        return None


class Ending:
    """End tokens of the drawn rollouts: where the seed draws them, and as often as the policy's odds allow."""

    name: Final = "termination"
    cost: Final = 6

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        sampling, environment = submission.rules.spec.sampling, submission.rules.environment
        temperature, end = sampling.temperature_millionths / MILLION, environment.end_token
        bets = []
        for scored in drawn_scores(submission, drawn, recomputed):
            tokens, scores = scored.tokens, sampling_scores(scored.logits, scored.noise, temperature)
            best, chosen = scores.argmax(axis=1), scores[np.arange(len(tokens)), tokens]
            gaps = np.where((best == end) != (tokens == end), scores.max(axis=1) - chosen, 0.0)
            found = worst_gap(gaps, sampling.tolerance_millionths)
            if found is not None:
                worst, millionths = found
                what = "ends" if tokens[worst] == end else "goes on"
                detail = f"{what} at token {scored.places[worst]}, {gaps[worst]:.6f} below the seeded choice"
                observed, allowed = str(millionths), str(sampling.tolerance_millionths)
                return Finding(self.name, Reason.TERMINATION, detail, scored.index, observed, allowed)
            bets.append(ending_bets(log_probabilities(scored.logits, temperature), tokens, end))
        bits = capital_bits(np.concatenate(bets, axis=1))
        if bits <= LIMIT_BITS:
            return None
        detail = f"odds of 1 in 2^{bits:.1f} that the canonical policy ends these {len(drawn)} completions so"
        return Finding(self.name, Reason.TERMINATION, detail, None, str(int(bits)), str(LIMIT_BITS))
