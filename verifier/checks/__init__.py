"""The checks in order of cost."""

from typing import Final

from cupel.verifier.checks.assignment import Assignment, PolicyDigest
from cupel.verifier.checks.base import Check
from cupel.verifier.checks.distribution import Distribution
from cupel.verifier.checks.integrity import Integrity
from cupel.verifier.checks.pooled import Pooled
from cupel.verifier.checks.repetition import Repetition
from cupel.verifier.checks.reward import Reward
from cupel.verifier.checks.sampling import Sampling
from cupel.verifier.checks.termination import Ending, Termination
from cupel.verifier.checks.toploc import Toploc, ToplocFormat
from cupel.verifier.checks.turns import Turns

CHEAP: Final[tuple[Check, ...]] = (
    Integrity(),
    Termination(),
    Assignment(),
    Turns(),
    Reward(),
    ToplocFormat(),
    Repetition(),
)
"""For every rollout, without a policy."""
DEEP: Final[tuple[Check, ...]] = (PolicyDigest(), Toploc(), Ending(), Sampling(), Distribution(), Pooled())
"""For the drawn rollouts, against their recomputation by the canonical policy."""
CHEAP_NAMES: Final = tuple(dict.fromkeys(check.name for check in CHEAP))
CHECK_NAMES: Final = tuple(dict.fromkeys(check.name for check in CHEAP + DEEP))
