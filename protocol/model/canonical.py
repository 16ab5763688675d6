"""Canonical versions of a task's weights: what every participant computes alike and the chain names by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cupel.protocol.model.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes
from cupel.protocol.model.layout import Layout
from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.combine import combine
from cupel.protocol.spec.diloco.delta import Delta, delta_from_bytes, delta_to_bytes
from cupel.protocol.spec.diloco.outer import OuterState, step
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import pieces_root
from cupel.protocol.spec.referee.weights_tree import canonical_root
from cupel.protocol.spec.shardcast.manifest import WeightsManifest, index_digest
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import Aggregation


@dataclass(frozen=True, slots=True)
class CanonicalVersion:
    """One version: its manifest, its checkpoint file and the integers in it."""

    manifest: WeightsManifest
    file: bytes
    state: OuterState
    layout: Layout
    update: bytes | None = None
    """The delta from its parent, where it is at hand: a version read from its checkpoint has none."""

    @property
    def version(self) -> int:
        """Number of aggregations since genesis."""
        return self.manifest.version

    @property
    def digest(self) -> bytes:
        """What the chain knows the version by."""
        return self.manifest.digest


def make_version(
    version: int, parent: bytes | None, state: OuterState, layout: Layout, update: bytes | None = None
) -> CanonicalVersion:
    """Give a state its file and manifest. update: the delta that made it from its parent."""
    file = checkpoint_to_bytes(state, layout)
    over_weights = canonical_root(state.weights, layout.tensors)
    manifest = WeightsManifest.of(version, parent, file, layout.tensors, update, canonical_root=over_weights)
    return CanonicalVersion(manifest, file, state, layout, update)


def next_version(
    current: CanonicalVersion, updates: Sequence[Update], aggregation: Aggregation
) -> CanonicalVersion:
    """The version that the accepted updates of a round make of the current one."""
    if not updates:
        return _following(current, None, None, aggregation)
    delta = combine(updates, current.layout.num_parameters, aggregation)
    return _following(current, delta, delta_to_bytes(delta), aggregation)


def follow(
    current: CanonicalVersion, manifest: bytes, update: bytes | None, digest: bytes, aggregation: Aggregation
) -> CanonicalVersion:
    """The version after the current one, from the delta that a peer serves; None where the manifest names none.

    Rejected(CHECKPOINT) unless the result has this digest; Rejected as the parsers of both.
    """
    parsed = WeightsManifest.from_bytes(manifest)
    if (parsed.update is None) != (update is None):
        raise Rejected(Reason.CHECKPOINT, "the manifest names a delta exactly where there is one")
    delta = None if update is None else delta_from_bytes(update, current.layout.num_parameters)
    made = _following(current, delta, update, aggregation)
    if sha256(manifest) != digest or made.digest != digest:
        raise Rejected(Reason.CHECKPOINT, f"the delta does not lead to {digest.hex()}")
    return made


def _following(
    current: CanonicalVersion, delta: Delta | None, update: bytes | None, aggregation: Aggregation
) -> CanonicalVersion:
    """update: the bytes of the delta."""
    state = current.state if delta is None else step(current.state, delta.total, delta.count, aggregation)
    return make_version(current.version + 1, current.digest, state, current.layout, update)


def read_version(manifest: bytes, file: bytes, digest: bytes, layout: Layout) -> CanonicalVersion:
    """A version as a peer serves it.

    Rejected(CHECKPOINT) unless the manifest has this digest and the task's tensors and names this file and the root
    of its weights; Rejected as the parsers of both.
    """
    if sha256(manifest) != digest:
        raise Rejected(Reason.CHECKPOINT, f"the manifest is not {digest.hex()}")
    parsed = WeightsManifest.from_bytes(manifest)
    described = (parsed.tensors, parsed.file_bytes, parsed.file, parsed.pieces)
    if described != (index_digest(layout.tensors), len(file), file_dag(file)[0], pieces_root(file)):
        raise Rejected(Reason.CHECKPOINT, "the manifest does not describe this file of this task")
    state = checkpoint_from_bytes(file, layout)
    if canonical_root(state.weights, layout.tensors) != parsed.canonical_root:
        raise Rejected(Reason.CHECKPOINT, "the manifest's canonical root is not that of the file's weights")
    return CanonicalVersion(parsed, file, state, layout)
