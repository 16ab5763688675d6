"""What to recompute when there is not time for all of it: a bucket of seconds, and a draw by expected value.

The cheap checks run on everything. Recomputation costs seconds of this machine, and `--budget` says how many an hour
may take. Every commitment is worth what a conviction pays times the odds of a lie; it is recomputed with a chance that
grows with its worth and with what is left in the bucket, by a number drawn from our own secret and the commitment's
block (`draw`): no node can tell beforehand. A chance is zero only while the bucket cannot pay, and what is admitted is
paid at once, so a flood of commitments cannot make a verifier spend more than its budget. Duty as a juror, and the
second look at all rollouts of a suspicious few, are not bounded by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256

HOUR: Final = 3600
AUDIT_CHANCE: Final = domain("cupel.audit-chance.v1")
LEAST_CHANCE: Final = 1 / 64
"""Of a commitment that the bucket can pay for."""
PRIOR_LIE: Final = 0.02
"""Odds of a lie of a node that nothing is known of."""
SUSPECT_LIE: Final = 0.5
_SCALE: Final = 2**64
_MEMORY: Final = 0.2
"""Weight of the newest measurement in the mean cost of a rollout."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Seconds saved up. Frozen; every change is a new one. Times are the chain's, in seconds."""

    seconds_per_hour: float
    saved: float
    since: int

    def at(self, now: int) -> Bucket:
        """With what came in until now; never more than an hour's worth."""
        earned = max(0, now - self.since) * self.seconds_per_hour / HOUR
        return Bucket(
            self.seconds_per_hour, min(self.saved + earned, self.seconds_per_hour), max(now, self.since)
        )

    def spend(self, seconds: float) -> Bucket:
        """After a recomputation; what was underestimated is owed."""
        return Bucket(self.seconds_per_hour, self.saved - seconds, self.since)


def lie_odds(is_suspect: bool, passed: int) -> float:
    """Odds of a lie: less with every commitment of the node that passed, and never nothing."""
    return SUSPECT_LIE if is_suspect else max(PRIOR_LIE / (1 + passed), PRIOR_LIE / 64)


def chance(worth: float, cost: float, saved: float, typical_worth: float) -> float:
    """Chance of recomputing a commitment, in [0, 1].

    worth, typical_worth: expected pay of looking at it, and at the usual commitment; cost, saved: seconds. Zero only if
    the bucket cannot pay; one if it could pay for it many times over.
    """
    if cost > saved:
        return 0.0
    plenty = saved / max(cost, 1e-9) / 8
    return min(1.0, max(LEAST_CHANCE, plenty * worth / max(typical_worth, 1e-9)))


def is_drawn(seed: bytes, probability: float) -> bool:
    """Whether a commitment is recomputed. seed: its draw's, 32 bytes that only we know."""
    number = int.from_bytes(keccak256(words(AUDIT_CHANCE, seed))[:8], "big")
    return number < int(probability * _SCALE)


class Budget:
    """One verifier's bucket, and what a rollout costs here by its own measurements."""

    def __init__(self, seconds_per_hour: float | None, first_cost: float = 0.01) -> None:
        self._bucket = None if seconds_per_hour is None else Bucket(seconds_per_hour, seconds_per_hour / 4, 0)
        self._rollout_seconds = first_cost
        self.skipped = 0
        """Commitments that passed the cheap checks alone."""

    def admits(self, seed: bytes, rollouts: int, reward: int, odds: float, now: int) -> bool:
        """Whether to recompute so many rollouts now; always without a budget. reward: what a conviction pays."""
        if self._bucket is None:
            return True
        if self._bucket.since == 0:
            self._bucket = Bucket(self._bucket.seconds_per_hour, self._bucket.saved, now)
        self._bucket = self._bucket.at(now)
        cost = rollouts * self._rollout_seconds
        # What costs more than the bucket ever holds waits for a full one, and is owed afterwards.
        payable = min(cost, self._bucket.seconds_per_hour)
        likely = chance(reward * odds, payable, self._bucket.saved, reward * PRIOR_LIE)
        admitted = is_drawn(seed, likely)
        if admitted:
            self._bucket = self._bucket.spend(cost)
        self.skipped += not admitted
        return admitted

    def record(self, rollouts: int, seconds: float) -> None:
        """A recomputation took this long; what it was expected to take is paid already."""
        expected, measured = rollouts * self._rollout_seconds, seconds / max(rollouts, 1)
        self._rollout_seconds += _MEMORY * (measured - self._rollout_seconds)
        if self._bucket is not None:
            self._bucket = self._bucket.spend(seconds - expected)
