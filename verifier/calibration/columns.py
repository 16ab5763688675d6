"""What is measured of every chunk: one whole number per column, greater is worse. Pure.

A column is one check. To add a check, add its column here: thresholds, tables and pictures follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import MILLION
from cupel.protocol.spec.toploc import check_off_support, decode_proof
from cupel.protocol.spec.toploc.comparison import DISAGREEMENT
from cupel.verifier.calibration.evidence import Evidence, Integers
from cupel.verifier.calibration.sums import SUMS

THOUSAND: Final = 1000
_MANTISSA_MASK: Final = 0x7F
_EXPONENT_MASK: Final = 0x7F80


@dataclass(frozen=True, slots=True)
class Column:
    """One check. `measure` gives int64 [C]; a chunk is refused if its number is above the column's limit."""

    name: str
    title: str
    unit: str
    measure: Callable[[Evidence], Integers]
    slack: int | None = None
    """Least distance from the honest maximum to the limit; None if the limit is no matter of choice."""
    limit: int | None = 0
    """The limit where none is chosen; None: it belongs to the published rules alone, or is chosen."""


def exponent(evidence: Evidence) -> Integers:
    """Points whose sign or exponent differs."""
    return np.array([one.exponent_mismatches for one in evidence.comparisons], dtype=np.int64)


def mean(evidence: Evidence) -> Integers:
    """Mean mantissa error in thousandths, rounded up: above a whole limit exactly if the fraction is."""
    pairs = [
        (one.mantissa_error_sum, one.agreeing) if one.agreeing else (DISAGREEMENT, 1)
        for one in evidence.comparisons
    ]
    return np.array([-(-THOUSAND * total // count) for total, count in pairs], dtype=np.int64)


def median(evidence: Evidence) -> Integers:
    """Median mantissa error in thousandths."""
    return np.array([THOUSAND * one.mantissa_median for one in evidence.comparisons], dtype=np.int64)


def constant(evidence: Evidence) -> Integers:
    """Whether the best constant guess would have done as well."""
    guessed = [one.penalty >= one.constant_penalty > 0 for one in evidence.comparisons]
    return np.array(guessed, dtype=np.int64)


def malformed(evidence: Evidence) -> Integers:
    """Whether the proof does not decode."""
    return np.array([not _decodes(proof, evidence.setting.topk) for proof in evidence.proofs], dtype=np.int64)


def off_support(evidence: Evidence) -> Integers:
    """Whether too many values outside the support look like activations."""
    indices, patterns = (array.tolist() for array in evidence.support)
    refused = [
        check_off_support(polynomial, list(zip(*points, strict=True)), elements, evidence.seed) is not None
        for polynomial, *points, elements in zip(
            evidence.coefficients.tolist(), indices, patterns, evidence.elements.tolist(), strict=True
        )
    ]
    return np.array(refused, dtype=np.int64)


def sampling(evidence: Evidence) -> Integers:
    """How far the worst token lies below the seeded choice, in millionths of a logit, rounded down."""
    return (evidence.worst_gaps * MILLION).astype(np.int64)


def seeded_ending(evidence: Evidence) -> Integers:
    """As `sampling`, of the tokens that end where the seed does not end, or go on where it does."""
    return (evidence.ending_gaps * MILLION).astype(np.int64)


def assignment(evidence: Evidence) -> Integers:
    """Whether problem or seed are not the assigned ones."""
    claim, assigned = evidence.claim, evidence.assigned
    wrong = [
        claimed != given
        for claimed, given in zip(
            zip(claim.problems, claim.seeds, strict=True),
            zip(assigned.problems, assigned.seeds, strict=True),
            strict=True,
        )
    ]
    return _of_rollouts(evidence, np.array(wrong))


def reward(evidence: Evidence) -> Integers:
    """Whether the reward is not what the completion earns."""
    claim = evidence.claim
    earned = evidence.setting.rewards(claim.problems, claim.tokens, claim.lengths)
    return _of_rollouts(evidence, claim.rewards != earned)


def ending(evidence: Evidence) -> Integers:
    """Whether the completion ends elsewhere than at its first end token or at the length limit; a dialogue, where it is
    over."""
    return _of_rollouts(evidence, evidence.reading.ends_wrongly)


def reply(evidence: Evidence) -> Integers:
    """Whether a reply is not the environment's."""
    return _of_rollouts(evidence, evidence.reading.is_misquoted)


def repeated(evidence: Evidence) -> Integers:
    """Whether the rollout's proofs stand for another prompt as well."""
    prompts = evidence.setting.prompts(evidence.claim.problems).tolist()
    proofs = [tuple(one) for one in evidence.claim.proofs]
    times = Counter(proof for proof, _ in set(zip(proofs, map(tuple, prompts), strict=True)))
    return _of_rollouts(evidence, np.array([times[proof] > 1 for proof in proofs]))


def package_exponent(evidence: Evidence) -> Integers:
    """Exponent mismatches as the toploc package counts them: the sign is no matter."""
    counts: Integers = (~_package_matches(evidence)).sum(axis=1)
    return counts


def package_mean(evidence: Evidence) -> Integers:
    """The package's mean mantissa error in thousandths, rounded up."""
    matching, errors = _package_matches(evidence), _mantissa_errors(evidence)
    counts = matching.sum(axis=1)
    sums = np.where(counts, (errors * matching).sum(axis=1), DISAGREEMENT)
    return np.asarray(-(-THOUSAND * sums // np.maximum(counts, 1)), dtype=np.int64)


def package_median(evidence: Evidence) -> Integers:
    """The package's upper median in thousandths."""
    matching, errors = _package_matches(evidence), _mantissa_errors(evidence)
    errors = np.sort(np.where(matching, errors, DISAGREEMENT), axis=1)
    middle = np.minimum(matching.sum(axis=1) // 2, errors.shape[1] - 1)
    return THOUSAND * np.take_along_axis(errors, middle[:, None], axis=1)[:, 0]


def untrue(evidence: Evidence) -> Integers:
    """Whether the chunk is anything else than honest work, to the bit.

    Honest is what an honest node publishes for the assigned work, or would publish if its states were the verifier's:
    all tokens the seeded choice behind the tokens before them, and the proof that the verifier's own states give. Of
    the assigned problem and seed, with the right reward, end and replies.
    """
    proofs = zip(evidence.proofs, evidence.recomputed_proofs, strict=True)
    differs = np.array([claimed != recomputed for claimed, recomputed in proofs])
    differs |= evidence.worst_gaps > 0
    wrong = assignment(evidence) + reward(evidence) + ending(evidence) + reply(evidence)
    return ((differs & ~evidence.is_honest) | (wrong > 0)).astype(np.int64)


COLUMNS: Final = (
    Column("exponent", "sign and exponent", "of k points", exponent, slack=1, limit=None),
    # One point of 128 that is off by one adds 8 thousandths.
    Column("mean", "mantissa mean", "thousandths", mean, slack=8, limit=None),
    Column("median", "mantissa median", "thousandths", median, slack=0, limit=None),
    Column("sampling", "seeded sampling", "millionths of a logit", sampling, slack=10, limit=None),
    # Judged by the tolerance of sampling.
    Column("seeded-ending", "termination by the seed", "millionths of a logit", seeded_ending, limit=None),
    Column("constant", "constant guess", "", constant),
    Column("off-support", "off support", "", off_support),
    Column("format", "form of the proof", "", malformed),
    Column("repeated", "repeated proof", "", repeated),
    Column("assignment", "assignment", "", assignment),
    Column("reward", "reward", "", reward),
    Column("ending", "termination by the tokens", "", ending),
    Column("reply", "the environment's replies", "", reply),
    Column("package-exponent", "exponent, as published", "of k points", package_exponent, limit=None),
    Column("package-mean", "mean, as published", "thousandths", package_mean, limit=None),
    Column("package-median", "median, as published", "thousandths", package_median, limit=None),
    Column("untrue", "not honest work", "", untrue, limit=None),
)
NAMES: Final = (*(column.name for column in COLUMNS), *(one.name for one in SUMS))
PLACE: Final = {name: place for place, name in enumerate(NAMES)}


def measure(evidence: Evidence) -> Integers:
    """Every column and sum of every chunk of the rollouts that claim something false: int64 [C, NAMES]."""
    measures = [*(column.measure for column in COLUMNS), *(one.measure for one in SUMS)]
    values = np.stack([one(evidence) for one in measures], axis=1)
    return values[evidence.claim.is_false[evidence.rows]]


def _of_rollouts(evidence: Evidence, wrong: npt.NDArray[np.bool_]) -> Integers:
    return wrong[evidence.rows].astype(np.int64)


def _decodes(proof: bytes, k: int) -> bool:
    try:
        decode_proof(proof, k)
    except Rejected:
        return False
    return True


def _package_matches(evidence: Evidence) -> npt.NDArray[np.bool_]:
    patterns = evidence.support[1].astype(np.int64)
    matching: npt.NDArray[np.bool_] = (evidence.claims.astype(np.int64) ^ patterns) & _EXPONENT_MASK == 0
    return matching


def _mantissa_errors(evidence: Evidence) -> Integers:
    claimed = evidence.claims.astype(np.int64) & _MANTISSA_MASK
    return np.abs(claimed - (evidence.support[1].astype(np.int64) & _MANTISSA_MASK))
