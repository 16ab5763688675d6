"""Canonical versions of a task's weights: what every participant computes alike and the chain names by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cupel.protocol.model.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes
from cupel.protocol.model.layout import Layout
from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.outer import OuterState, aggregate
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import Aggregation


@dataclass(frozen=True, slots=True)
class CanonicalVersion:
    """One version: its manifest, its checkpoint file and the integers in it."""

    manifest: WeightsManifest
    file: bytes
    state: OuterState

    @property
    def version(self) -> int:
        """Number of aggregations since genesis."""
        return self.manifest.version

    @property
    def digest(self) -> bytes:
        """What the chain knows the version by."""
        return self.manifest.digest


def make_version(version: int, parent: bytes | None, state: OuterState, layout: Layout) -> CanonicalVersion:
    """Give a state its file and manifest."""
    file = checkpoint_to_bytes(state, layout)
    root, _ = file_dag(file)
    return CanonicalVersion(WeightsManifest(version, parent, root, len(file), layout.tensors), file, state)


def next_version(
    current: CanonicalVersion, updates: Sequence[Update], aggregation: Aggregation
) -> CanonicalVersion:
    """The version that the accepted updates of a round make of the current one."""
    state = aggregate(current.state, updates, aggregation)
    return make_version(current.version + 1, current.digest, state, Layout(current.manifest.tensors))


def read_version(manifest: bytes, file: bytes, digest: bytes, layout: Layout) -> CanonicalVersion:
    """A version as a peer serves it.

    Rejected(CHECKPOINT) unless the manifest has this digest and the task's tensors and names this file; Rejected as
    the parsers of both.
    """
    if sha256(manifest) != digest:
        raise Rejected(Reason.CHECKPOINT, f"the manifest is not {digest.hex()}")
    parsed = WeightsManifest.from_bytes(manifest)
    if parsed.tensors != layout.tensors or parsed.file_bytes != len(file) or file_dag(file)[0] != parsed.file:
        raise Rejected(Reason.CHECKPOINT, "the manifest does not describe this file of this task")
    return CanonicalVersion(parsed, file, checkpoint_from_bytes(file, layout))
