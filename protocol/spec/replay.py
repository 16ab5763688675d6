"""Whether an update follows from the rollouts beside it: a verifier trains the round again and compares.

Training in floating point gives other last bits on other machines, so what is compared is a distance: the length of the
difference over the length of what the verifier gets. An update of zeros is at 1000 thousandths, one of the opposite
sign at 2000, another node's between the two (two directions that have nothing to do with each other are at 1414).

What passes is an honest update and something of at most the allowed share of its length. Clipping and trimming
(`diloco/robust.py`) bound what that moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected

SILENT_THOUSANDTHS: Final = 3000
"""Allowed where a round moved nothing: an update is then what rounding left over of the one before, a hundredth of its
length, and on two machines two of those have nothing to do with each other."""
MOST_THOUSANDTHS: Final = 900
"""A rule that lets an update of zeros through is none."""


@dataclass(frozen=True, slots=True)
class ReplayRule:
    """Nodes train on what they commit to, as the recipe says, and a verifier may show that one did not."""

    max_distance_thousandths: int
    """Largest honest distance from an update to its replay, in thousandths of the replay's length."""


def check_replay_rule(rule: ReplayRule) -> None:
    """Rejected(TASK_SPEC) for a rule that convicts everybody or nobody."""
    if not 1 <= rule.max_distance_thousandths <= MOST_THOUSANDTHS:
        detail = (
            f"replay.max_distance_thousandths is {rule.max_distance_thousandths}: 1 to {MOST_THOUSANDTHS}"
        )
        raise Rejected(Reason.TASK_SPEC, detail)
