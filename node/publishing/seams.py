"""Where a test kit may exchange what a node shows the world. An honest node has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cupel.node.duties import Duty, View, next_duty
from cupel.node.publishing.submission import Draft, Submission
from cupel.protocol.game_player import Stand, truthfully
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.submissions import SubmissionFiles


@dataclass(frozen=True, slots=True)
class Seams:
    """What a liar puts in place of the truth; None leaves it."""

    submit: Callable[[Draft, Submission], Submission] | None = None
    """What is published and committed to, made from the honest submission."""
    witness: Callable[[SubmissionFiles], None] | None = None
    """Told of every submission that another node published."""
    version: Callable[[CanonicalVersion], CanonicalVersion | None] | None = None
    """What is posted and served as the version after this one; None for the true one."""
    decide: Callable[[View], Duty] = next_duty
    """What is done next."""
    stand: Stand = truthfully
    """What is answered and opened where a computation of ours is disputed."""
