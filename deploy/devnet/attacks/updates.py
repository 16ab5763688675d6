"""Strategies about updates, checkpoints and what is shown to whom."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from cupel.devnet.attacks.base import Fate, Strategy, forge
from cupel.node.duties import Duty, PostCheckpoint, View, next_duty
from cupel.node.publishing.submission import Draft, Submission
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.diloco.blocks import (
    MAX_EXPONENT,
    MIN_EXPONENT,
    Update,
    update_from_bytes,
    update_to_bytes,
)
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import Metrics
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.submissions import SubmissionFiles


def update_of(draft: Draft) -> Update:
    """The honest update."""
    bound = draft.spec.recipe.max_exponent_offset + MIN_EXPONENT
    return update_from_bytes(draft.update_file, layout_of(draft.spec.model).num_parameters, bound)


class GarbageUpdate(Strategy):
    """Publishes bytes that are no update: it has trained nothing."""

    name = "garbage-update"
    title = "bytes in place of the update"
    reasons = frozenset({"update", "schema"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """As long as the honest file."""
        return forge(honest, update_file=draft.seed * (len(honest.update_file) // len(draft.seed)))


class ScaledUpdate(Strategy):
    """Scales its update beyond what the recipe allows, to outvote everyone."""

    name = "scaled-update"
    title = "an update beyond the recipe's largest step"
    reasons = frozenset({"update"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Every block at the largest exponent there is."""
        update = update_of(draft)
        exponents = np.full_like(update.exponents, MAX_EXPONENT)
        return forge(honest, update_file=update_to_bytes(Update(update.mantissas, exponents)))


class PoisonedUpdate(Strategy):
    """Pulls the policy the other way, within the bounds of a well-formed update."""

    name = "poisoned-update"
    title = "the update with the opposite sign"
    reasons = frozenset({"training"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Minus the honest one."""
        update = update_of(draft)
        return forge(honest, update_file=update_to_bytes(Update(-update.mantissas, update.exponents)))


class ZeroUpdate(Strategy):
    """Trains nothing and says so in a well-formed update."""

    name = "zero-update"
    title = "an update of zeros"
    reasons = frozenset({"zero-update"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Nothing at all."""
        update = update_of(draft)
        exponents = np.full_like(update.exponents, MIN_EXPONENT)
        empty = Update(np.zeros_like(update.mantissas), exponents)
        return forge(honest, update_file=update_to_bytes(empty))


class CopiedUpdate(Strategy):
    """Publishes another node's update as its own."""

    name = "copied-update"
    title = "another node's update"
    reasons = frozenset({"training"})

    def __init__(self) -> None:
        self._seen: bytes | None = None

    def witness(self, files: SubmissionFiles) -> None:
        """Keep the newest update of somebody else."""
        if not isinstance(files.update, Rejected):
            self._seen = files.update

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Another's update as soon as there is one."""
        return honest if self._seen is None else forge(honest, update_file=self._seen)


class FalseCheckpoint(Strategy):
    """Posts each version as soon as the chain takes one, without the round's updates: it waits neither for them nor for
    its turn, so it is there before anybody who computes."""

    name = "false-checkpoint"
    title = "a false aggregate posted on-chain"
    reasons = frozenset({"checkpoint"})

    def version(self, parent: CanonicalVersion) -> CanonicalVersion:
        """The weights of before."""
        return make_version(parent.version + 1, parent.digest, parent.state, parent.layout)

    def decide(self, view: View) -> Duty:
        """Post what nobody has posted, if what it would follow is here."""
        version, member = max(view.checkpoints, default=0) + 1, view.membership
        is_due = version <= view.params.rounds and view.now >= round_start(view.params, version)
        is_held = view.oldest_version < version <= view.newest_version + 1
        may_post = member is not None and not member.slashed and member.exit_requested_at is None
        return PostCheckpoint(version) if is_due and is_held and may_post else next_duty(view)


class WithheldData(Strategy):
    """Commits and shows nothing to anybody."""

    name = "withheld-data"
    title = "nothing of the work shown"

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Neither files nor an announcement; a seed of its own keeps others from having the file by chance."""
        hidden = dataclasses.replace(honest.manifest, metrics=_marked(draft))
        return forge(honest, manifest_file=hidden.to_bytes(), shown=(), told=())


class WithheldRollouts(Strategy):
    """Shows manifest and update and keeps the rollouts to itself."""

    name = "withheld-rollouts"
    title = "the rollouts alone not shown"

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The update's file alone is stored."""
        return forge(honest, shown=(honest.update_file,))


class Equivocation(Strategy):
    """Announces two submissions of one round, of which it can commit to only one."""

    name = "equivocation"
    title = "two submissions of one round announced"
    fate = Fate.REFUSED

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The other one differs in what it says of itself."""
        other = dataclasses.replace(honest.manifest, metrics=_marked(draft)).to_bytes()
        return forge(honest, told=(other, honest.manifest_file))


class Spam(Strategy):
    """Announces submissions by the dozen that lead nowhere."""

    name = "spam"
    title = "sixty-four announcements of rubbish a round"
    fate = Fate.REFUSED
    _COUNT: Final = 64

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The honest one last, so that it has to get through."""
        rubbish = tuple(draft.seed + number.to_bytes(2, "big") for number in range(self._COUNT))
        return forge(honest, told=(*rubbish, honest.manifest_file))


def _marked(draft: Draft) -> Metrics:
    """What nobody else says of a round: it makes a manifest of its own."""
    return Metrics(int.from_bytes(draft.seed[:2], "big"), draft.metrics.loss_millionths + 1)
