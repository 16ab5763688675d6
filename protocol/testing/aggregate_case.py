"""The matter of one dispute about a version: two rounds of three nodes, and the versions that follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cupel.protocol.model.canonical import CanonicalVersion, make_version, next_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.aggregate.game import Entry, Matter, Terms
from cupel.protocol.spec.aggregate.players import Checkpoint, Contribution, Making
from cupel.protocol.spec.aggregate.rules import Table
from cupel.protocol.spec.diloco.blocks import (
    MIN_EXPONENT,
    Update,
    encode_update,
    update_from_bytes,
    update_to_bytes,
)
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import head_of
from cupel.protocol.spec.rollout import Commitment, checkpoint_root
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.task import Aggregation, ModelShape, TaskParams
from cupel.protocol.testing.game_case import NARROW

AGGREGATION: Final = Aggregation(7, 10, 9, 10)
MAX_EXPONENT_OFFSET: Final = 28
CLOCK_SECONDS: Final = 100
GRACE_SECONDS: Final = 10
NODES: Final = tuple(f"0x{digit * 40}" for digit in "1357")
"""Three that work and one that only posts."""
ROUNDS: Final = 2
POSTED_VERSION: Final = 2


@dataclass(frozen=True)
class Members:
    """A hub that keeps what it is given. Satisfies `Rings`."""

    held: frozenset[Entry]
    slashed: Mapping[str, int] = field(default_factory=dict)

    def holds(self, entry: Entry) -> bool:
        """As `Rings`."""
        return entry in self.held

    def slashed_at(self, node: str) -> int | None:
        """As `Rings`."""
        return self.slashed.get(node)


@dataclass(frozen=True)
class AggregateCase:
    """Version 2 of a task, posted by a node that computed it, in dispute."""

    params: TaskParams
    terms: Terms
    table: Table
    versions: tuple[CanonicalVersion, ...]
    makings: Mapping[int, Making]
    posted_at: int

    @property
    def matter(self) -> Matter:
        """What a challenge is about."""
        return self.matter_of(self.makings[POSTED_VERSION])

    def matter_of(self, making: Making) -> Matter:
        """The same for another posted version 2."""
        return Matter(POSTED_VERSION, sha256(making.version.manifest), 0, self.posted_at, self.params)


def terms_of(shape: ModelShape) -> Terms:
    """A judge of this model's versions."""
    parameters = layout_of(shape).num_parameters
    return Terms(parameters, AGGREGATION, MAX_EXPONENT_OFFSET, CLOCK_SECONDS, GRACE_SECONDS)


def checkpoint_of(version: CanonicalVersion) -> Checkpoint:
    """What a side of a dispute holds of a version."""
    return Checkpoint(version.manifest.to_bytes(), version.file)


def update_file(shape: ModelShape, seed: int, scale: float = 1e-3) -> bytes:
    """An update of noise."""
    noise = np.random.default_rng(seed).normal(0, scale, layout_of(shape).num_parameters)
    update, _ = encode_update(noise.astype(np.float32), MAX_EXPONENT_OFFSET + MIN_EXPONENT)
    return update_to_bytes(update)


def contribution(node: str, round_index: int, sequence: int, file: bytes, time: int) -> Contribution:
    """A commitment to an update."""
    manifest = head_of(file).to_bytes() + f"{node} {round_index}".encode()
    work = Commitment(sequence, round_index, sha256(node.encode()), sha256(manifest), 2, time)
    return Contribution(Entry(node, work), manifest, file)


def posting(node: str, version: int, digest: bytes, sequence: int, time: int) -> Entry:
    """A posted version."""
    return Entry(node, Commitment(sequence, version, checkpoint_root(version, digest), digest, 0, time))


def aggregate_case(
    params: TaskParams,
    shape: ModelShape = NARROW,
    files: Mapping[tuple[int, int], bytes] | None = None,
    nodes: Sequence[str] = NODES,
) -> AggregateCase:
    """files: of node and round, in place of an update of noise. nodes: three that work, ascending, and the poster."""
    terms, layout = terms_of(shape), layout_of(shape)
    rng = np.random.default_rng(7)
    state = genesis(rng.normal(0, 0.1, layout.num_parameters).astype(np.float32))
    # Momentum in the parent matters from the second version on, and a start with some lets one version show it.
    versions = [make_version(0, None, state, layout)]
    params = dataclasses.replace(params, genesis_digest=versions[0].digest)
    makings: dict[int, Making] = {}
    held: set[Entry] = set()
    for round_index in range(ROUNDS):
        time = round_start(params, round_index) + 5
        made = {
            node: (files or {}).get((number, round_index)) or update_file(shape, 10 * round_index + number)
            for number, node in enumerate(nodes[:3])
        }
        accepted = tuple(
            contribution(node, round_index, round_index, file, time) for node, file in made.items()
        )
        updates = [update for file in made.values() if (update := _read(file, terms)) is not None]
        version = next_version(versions[-1], updates, AGGREGATION)
        end = round_start(params, round_index + 1)
        making = Making(checkpoint_of(version), checkpoint_of(versions[-1]), None, end, accepted)
        makings[version.version] = making
        versions.append(version)
        held |= {one.entry for one in accepted}
    posted_at = round_start(params, ROUNDS) + 7
    held.add(posting(nodes[3], POSTED_VERSION, versions[-1].digest, 0, posted_at))
    table = Table(terms, Members(frozenset(held)))
    return AggregateCase(params, terms, table, tuple(versions), makings, posted_at)


def _read(file: bytes, terms: Terms) -> Update | None:
    try:
        return update_from_bytes(file, terms.parameters, terms.max_exponent)
    except Rejected:
        return None
