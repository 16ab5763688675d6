"""Whether the update is what training on the committed rollouts gives.

It needs the trainer's state behind the node's last round, which `verifier/replays.py` follows; so it is a function of
its own, as for checkpoints. A node may lose that state and begin afresh at any time, so an update passes if it is near
to either replay. A copy is found as what it is, training that the copier did not do; whoever was copied, even before
its own commitment came through, passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.distance import distance_thousandths
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.replay import SILENT_THOUSANDTHS, ReplayRule
from cupel.verifier.checks.base import FetchedSubmission, Finding

NAME: Final = "training"


@dataclass(frozen=True, slots=True)
class ReplayedUpdate:
    """What our own training on a commitment's rollouts gives."""

    update: Update
    silent: bool
    """Whether training moved nothing: the rollouts taught nothing, or the learning rate is zero."""


def is_partial(submission: FetchedSubmission) -> bool:
    """Whether only a part of a round's rollouts was committed to: then nobody can train on the same, and nobody may."""
    return submission.work.units < submission.rules.params.units_per_round


def near(submission: FetchedSubmission, replayed: ReplayedUpdate, rule: ReplayRule) -> tuple[bool, int, int]:
    """Whether an update is as near to its replay as the rule demands; its distance and what is allowed, thousandths."""
    allowed = SILENT_THOUSANDTHS if replayed.silent else rule.max_distance_thousandths
    observed = distance_thousandths(submission.update, replayed.update, submission.rules.num_parameters)
    return observed <= allowed, observed, allowed


def check_training(
    submission: FetchedSubmission, replays: Sequence[ReplayedUpdate], rule: ReplayRule
) -> Finding | None:
    """Compare an update with its replays, at least one, the likeliest first. After `Integrity`."""
    verdicts = [near(submission, replayed, rule) for replayed in replays]
    if any(passed for passed, _, _ in verdicts):
        return None
    _, observed, allowed = min(verdicts, key=lambda verdict: verdict[1])
    is_zero = not submission.update.mantissas.any()
    return Finding(
        NAME,
        Reason.ZERO_UPDATE if is_zero else Reason.TRAINING,
        "an update of zeros, and its rollouts teach something"
        if is_zero
        else "the update does not follow from the rollouts",
        observed=str(observed),
        allowed=str(allowed),
    )


def check_partial(submission: FetchedSubmission) -> Finding | None:
    """Of a part of a round's rollouts, only an update of zeros."""
    if not submission.update.mantissas.any():
        return None
    units, owed = submission.work.units, submission.rules.params.units_per_round
    detail = f"{units} of {owed} rollouts are committed to, and the update is not zero"
    return Finding(NAME, Reason.TRAINING, detail)
