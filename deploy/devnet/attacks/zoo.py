"""The calibration's cheats as strategies: every way to make text or proofs with something other than the policy."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.devnet.attacks.base import Fate, Strategy, bound
from cupel.devnet.attacks.work import assigned_of
from cupel.node.publishing.submission import Draft, Submission
from cupel.protocol.model.layout import layout_of
from cupel.protocol.reenactment import Reenactment
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.referee.moves import Answer, Attend
from cupel.protocol.spec.referee.sides import Trace, trace_of
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.task import MILLION
from cupel.verifier.calibration.cheats import zoo
from cupel.verifier.calibration.cheats.base import Bench, Forger
from cupel.verifier.calibration.evidence import Claim
from cupel.verifier.calibration.setting import Assigned, Setting

_SEED: Final = 7
_STUDENT_STEPS: Final = 4
"""Few, so that a busy machine gets through them within a round."""
_LEVELS: Final = 7
_ERRORS: Final = frozenset(
    {
        "toploc-exponent",
        "toploc-mantissa-mean",
        "toploc-mantissa-median",
        "toploc-support",
        "toploc-off-support",
    }
)
_GIVEN_AWAY: Final = _ERRORS | {
    "sampling",
    "termination",
    "toploc-constant",
    "toploc-pooled",
    "token-distribution",
}


class ZooCheat(Strategy):
    """A cheat of the calibration, prepared anew for every policy."""

    def __init__(self, name: str, title: str, reasons: frozenset[str], fate: Fate = Fate.SLASHED) -> None:
        self.name = name
        self.title = title
        self.reasons = reasons
        self.fate = fate
        self._student: Forger | None = None
        self._cheat = name

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The claim in place of the honest rollouts; honest if the cheat makes no sense for this policy."""
        bench = Bench(_setting(draft), draft.policy, _SEED, _STUDENT_STEPS)
        cheat = next(one for one in zoo(bench, ()) if one.name == self._cheat)
        # Whoever trains a student does it once, or it would save nothing.
        forger = self._student or cheat.prepare(bench)
        if self.name == "student":
            self._student = forger
        if forger is None:
            return honest
        owed = assigned_of(draft)
        problems, seeds = tuple(one.problem for one in owed), tuple(one.seed for one in owed)
        return bound(draft, honest, _rollouts(forger(Assigned(problems, seeds))))


class StandsByLie(ZooCheat):
    """Answers every move of the dispute about its lie: it opens a trace that the weights of four bits give."""

    def __init__(self) -> None:
        super().__init__(
            "stands-by-lie", "weights of 4 bits, and a trace of them in the dispute", _GIVEN_AWAY
        )
        self._cheat = "int4"

    def stand(self, own: Reenactment) -> tuple[Answer | Attend, Trace]:
        """The referee's arithmetic on other weights: all that follows is consistent, but for the weights."""
        weights = own.held.weights
        tensors = layout_of(own.matter.terms.shape).split(weights.parameters)
        rounded = {name: _four_bits(values) for name, values in tensors.items()}
        trace = trace_of(own.matter.terms.shape, rounded, own.trace.tokens)
        return own.standing_by(trace), trace


def _four_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Every row rounded to 15 levels, symmetric about zero."""
    largest = np.abs(values).max(axis=-1, keepdims=True).clip(min=1)
    rounded = np.rint(np.rint(values / largest * _LEVELS) * largest / _LEVELS)
    return np.asarray(rounded, dtype=np.int64)


def _setting(draft: Draft) -> Setting:
    params, spec = draft.params, draft.spec
    return Setting(
        chunk_tokens=params.chunk_tokens,
        topk=params.topk,
        max_tokens=params.max_tokens,
        problem_count=params.problem_count,
        temperature=spec.sampling.temperature_millionths / MILLION,
        model=spec.model,
        recipe=spec.recipe,
        environment=get_environment(spec.environment),
    )


def _rollouts(claim: Claim) -> list[Rollout]:
    rows = zip(
        claim.problems,
        claim.seeds,
        claim.tokens.tolist(),
        claim.lengths.tolist(),
        claim.rewards.tolist(),
        claim.proofs,
        strict=True,
    )
    return [
        Rollout(problem, seed, tuple(tokens[:length]), reward, tuple(proofs))
        for problem, seed, tokens, length, reward, proofs in rows
    ]


def cheats() -> tuple[ZooCheat, ...]:
    """The cheats that run as nodes."""
    return (*(ZooCheat(*row) for row in _TABLE), StandsByLie())


_TABLE: Final = (
    ("int4", "weights of 4 bits", _GIVEN_AWAY),
    ("int6", "weights of 6 bits", _GIVEN_AWAY),
    ("int8", "weights of 8 bits", _GIVEN_AWAY),
    ("pruned", "the last layer left out", _GIVEN_AWAY),
    ("student", "a smaller model that imitates the states", _GIVEN_AWAY),
    ("round", "a checkpoint one round away", _GIVEN_AWAY),
    ("bfloat16", "bfloat16 arithmetic", _GIVEN_AWAY),
    ("edited-prompt", "one token of the prompt changed", _GIVEN_AWAY),
    ("temperature-0.7", "temperature 0.7 of the task's", _GIVEN_AWAY),
    ("best-of-4", "the best of four seeds under the assigned one's name", _GIVEN_AWAY | {"wrong-seed"}),
    ("speculative", "text of the 4-bit policy, one prefill of the right one", _GIVEN_AWAY),
    ("constant", "proofs: a constant polynomial", _GIVEN_AWAY | {"toploc-degenerate", "toploc-repeated"}),
    ("constant-at-outliers", "proofs: one pattern at predicted outliers", _GIVEN_AWAY | {"toploc-repeated"}),
    ("predicted-outliers", "proofs: mean values at predicted outliers", _GIVEN_AWAY | {"toploc-repeated"}),
    ("state-table", "proofs: mean state by position and tokens", _GIVEN_AWAY | {"toploc-repeated"}),
    ("replayed", "proofs of other rollouts", _GIVEN_AWAY | {"toploc-repeated"}),
    ("negated", "proofs of the states with the opposite sign", _GIVEN_AWAY),
    ("null", "proofs: the null polynomial", _GIVEN_AWAY | {"toploc-degenerate", "toploc-repeated"}),
)
