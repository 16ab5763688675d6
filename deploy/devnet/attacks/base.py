"""What a strategy is: an ordinary node whose submission is exchanged for a false one just before it is published."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cupel.node.duties import Duty, View, next_duty
from cupel.node.publishing.submission import Draft, Submission
from cupel.protocol.game_player import truthfully
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.reenactment import Reenactment
from cupel.protocol.spec import merkle, rollout_file
from cupel.protocol.spec.referee.moves import Answer, Attend
from cupel.protocol.spec.referee.sides import Trace
from cupel.protocol.spec.rollout import (
    PolicyRef,
    Rollout,
    file_reference,
    leaf_hash,
    make_leaf,
    pieced_reference,
)
from cupel.protocol.submissions import SubmissionFiles


class Fate(StrEnum):
    """What the protocol does to an attacker."""

    SLASHED = "slashed"
    """It loses its stake."""
    REFUSED = "refused"
    """Nothing false is paid and nobody is harmed; there is nothing to slash."""
    BOND_LOST = "bond lost"
    """A false challenge: the accused is paid the accuser's bond."""
    UNNOTICED = "unnoticed"
    """No check sees it today."""


class Strategy:
    """One attack by a node. Honest wherever a subclass does not say otherwise."""

    name: str
    """As on the command line."""
    title: str
    """What it does, for tables."""
    fate: Fate = Fate.SLASHED
    """What is known to become of it."""
    reasons: frozenset[str] = frozenset()
    """Reason codes that the verifier's checks may give; empty if no check of files is to find it."""

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """What is published and committed to in place of the honest submission."""
        return honest

    def witness(self, files: SubmissionFiles) -> None:
        """Another node published these."""

    def version(self, parent: CanonicalVersion) -> CanonicalVersion | None:
        """What is posted and served as the version after `parent`; None for the true one."""
        return None

    def decide(self, view: View) -> Duty:
        """What is done next."""
        return next_duty(view)

    def stand(self, own: Reenactment) -> tuple[Answer | Attend, Trace]:
        """What is answered and opened where a computation is disputed."""
        return truthfully(own)


@dataclass(frozen=True, slots=True)
class Forged(Submission):
    """A submission that need not agree with itself. `manifest` stays what the node itself believes."""

    false_manifest: bytes
    false_units: int
    shown: tuple[bytes, ...]
    told: tuple[bytes, ...]

    @property
    def units(self) -> int:
        """What is committed to."""
        return self.false_units

    @property
    def manifest_file(self) -> bytes:
        """Its SHA-256 goes on-chain, whatever it is."""
        return self.false_manifest

    @property
    def files(self) -> tuple[bytes, ...]:
        """What is stored for others to fetch."""
        return self.shown

    @property
    def announced(self) -> tuple[bytes, ...]:
        """The manifests that others are told of."""
        return self.told


def forge(
    honest: Submission,
    *,
    manifest_file: bytes | None = None,
    rollouts_file: bytes | None = None,
    update_file: bytes | None = None,
    root: bytes | None = None,
    units: int | None = None,
    shown: tuple[bytes, ...] | None = None,
    told: tuple[bytes, ...] | None = None,
) -> Forged:
    """The honest submission with these parts exchanged; the manifest names the files exchanged, unless it is given."""
    rollouts = honest.rollouts_file if rollouts_file is None else rollouts_file
    update = honest.update_file if update_file is None else update_file
    if manifest_file is None:
        manifest = dataclasses.replace(
            honest.manifest, rollouts=file_reference(rollouts), update=pieced_reference(update)
        )
        manifest_file = manifest.to_bytes()
    return Forged(
        honest.manifest,
        rollouts,
        update,
        honest.root if root is None else root,
        honest.leaves,
        false_manifest=manifest_file,
        false_units=honest.units if units is None else units,
        shown=(rollouts, update) if shown is None else shown,
        told=(manifest_file,) if told is None else told,
    )


def bound(
    draft: Draft, honest: Submission, rollouts: Sequence[Rollout], reference: PolicyRef | None = None
) -> Forged:
    """A submission of these rollouts that agrees with itself: only the work in it is false."""
    reference = draft.reference if reference is None else reference
    root = merkle.root(list(leaf_hashes(draft, rollouts, reference)))
    rollouts_file = rollout_file.encode(rollouts, draft.params)
    manifest = dataclasses.replace(
        honest.manifest, rollouts=file_reference(rollouts_file), policy=reference, units=len(rollouts)
    )
    return forge(
        honest,
        manifest_file=manifest.to_bytes(),
        rollouts_file=rollouts_file,
        root=root,
        units=len(rollouts),
    )


def leaf_hashes(
    draft: Draft, rollouts: Sequence[Rollout], reference: PolicyRef | None = None
) -> tuple[bytes, ...]:
    """Merkle leaf hashes of rollouts in the node's own context."""
    policy, chunk = draft.reference if reference is None else reference, draft.params.chunk_tokens
    return tuple(
        leaf_hash(draft.context, make_leaf(index, rollout, policy.version, policy.digest, chunk))
        for index, rollout in enumerate(rollouts)
    )
