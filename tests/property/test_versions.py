"""Progressive convergence: nodes with delays, losses, joins, restarts and partitions end at the newest version.

The nodes are real (`Versions`, `VersionShelf`, `Keeper`); what is between them, and when each looks at the chain, is
drawn. Hypothesis prints the events of a failure and how to repeat it.
"""

import asyncio
import dataclasses
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.chain.ledger import CheckpointRecord, MemberRecord, TaskLedger
from cupel.protocol.keeping import Keeper, share_of_verifier
from cupel.protocol.model.canonical import CanonicalVersion, make_version, next_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import BlockUnavailable
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, encode_update, update_to_bytes
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.versions import KEYFRAME_VERSIONS, num_whole
from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import NODE, TASK, example_params
from cupel.protocol.versions import Versions, VersionUnavailable

SPEC = example_spec()
SPEC = dataclasses.replace(
    SPEC, model=dataclasses.replace(SPEC.model, vocabulary=8, layers=1, width=8, heads=2, feed_forward=8)
)
LAYOUT = layout_of(SPEC.model)
ROUNDS, NODES = 12, 5


def round_files(index: int) -> tuple[bytes, bytes]:
    """Manifest and update of the one commitment of a round."""
    flat = np.random.default_rng(index).normal(0, 1e-3, LAYOUT.num_parameters).astype(np.float32)
    file = update_to_bytes(encode_update(flat, SPEC.recipe.max_exponent_offset + MIN_EXPONENT)[0])
    rollouts, update = file_reference(file), pieced_reference(file)
    policy = PolicyRef(0, bytes(32))
    manifest = SubmissionManifest(TASK, NODE, index, index, policy, rollouts, update, 1, Metrics(0, 0))
    return manifest.to_bytes(), file


def canonical() -> list[CanonicalVersion]:
    versions = [make_version(0, None, genesis(np.zeros(LAYOUT.num_parameters, np.float32)), LAYOUT)]
    for index in range(ROUNDS):
        flat = np.random.default_rng(index).normal(0, 1e-3, LAYOUT.num_parameters).astype(np.float32)
        update, _ = encode_update(flat, SPEC.recipe.max_exponent_offset + MIN_EXPONENT)
        versions.append(next_version(versions[-1], [update], SPEC.aggregation))
    return versions


CHAIN = canonical()
PARAMS = dataclasses.replace(
    example_params(),
    genesis_digest=CHAIN[0].digest,
    start=0,
    round_seconds=100,
    commit_seconds=60,
    challenge_window=150,
    max_staleness=1,
)


class World:
    """The chain, the links between nodes and what each holds."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.random = random
        self.posted = 0
        self.loss = 0.0
        self.groups = [0] * NODES
        self.stores = [MemoryStore() for _ in range(NODES)]
        self.nodes = [SimulatedNode(self, index, folder / str(index)) for index in range(NODES)]

    def fetch(self, reader: int, cid: Cid) -> bytes | None:
        """The block from anybody the reader can reach, unless the link drops it."""
        reachable = [i for i in range(NODES) if i != reader and self.groups[i] == self.groups[reader]]
        blocks = [block for i in reachable if (block := self.stores[i].get(cid)) is not None]
        return blocks[0] if blocks and self.random.random() >= self.loss else None


class SimulatedNode:
    """A node whose swarm is the world; it is its own swarm to `Versions`."""

    def __init__(self, world: World, index: int, folder: Path) -> None:
        self.world, self.index = world, index
        self.store = world.stores[index]
        self.shelf = VersionShelf(self.store, folder)
        self.keeper = Keeper(self.store, self.shelf, grace_seconds=0)
        self.seen = 0
        self.versions: Versions | None = None

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        block = self.store.get(cid) or self.world.fetch(self.index, cid)
        if block is None:
            raise BlockUnavailable(cid, deadline_seconds, NODES)
        self.store.put(block, cid)
        return block

    async def fetch_file(
        self, root: Cid, max_bytes: int, deadline_seconds: float, superseded: asyncio.Event | None = None
    ) -> bytes:
        while True:
            try:
                return read_file(self.store, root, max_bytes)
            except BlockMissing as missing:
                await self.fetch_block(missing.cid, deadline_seconds, 2 << 20)

    def ledger(self) -> TaskLedger:
        """The chain as far as this node has seen it: commitments of every round over, and what was posted."""
        ledger = TaskLedger(TASK, PARAMS)
        ledger.members[NODE] = MemberRecord(NODE, NODE, NODE, 0, 0)
        for index in range(self.seen):
            digest = Cid.raw_of(round_files(index)[0]).digest
            ledger.work[NODE, index] = CommittedWork(
                NODE, index, index, bytes(32), digest, 1, 50 + 100 * index
            )
            version = CHAIN[index + 1]
            ledger.posted.append(
                CheckpointRecord(version.version, version.digest, NODE, 100 + index, 101 + 100 * index)
            )
        return ledger

    @property
    def now(self) -> int:
        return 102 + 100 * self.seen

    def look(self) -> None:
        self.seen = self.world.random.randint(self.seen, self.world.posted)

    async def start(self) -> None:
        """Begin anew with what is on the shelf."""
        swarm: Any = self
        versions = Versions(self.ledger(), SPEC, swarm, self.shelf)
        try:
            await versions.start(self.now, 1)
            self.versions = versions
        except VersionUnavailable:
            self.versions = None

    async def advance(self) -> None:
        if self.versions is None:
            await self.start()
        elif self.versions.newest.version < self.seen:
            try:
                await self.versions.advance(self.ledger(), self.now, 1)
            except VersionUnavailable:
                # As an operator would who finds it stuck.
                await self.start()

    def tidy(self) -> None:
        if self.versions is not None and self.versions.newest.version >= self.seen:
            share = share_of_verifier(self.ledger(), self.now, self.versions.digests(), num_whole(PARAMS))
            self.keeper.collect([share], [], self.now)
            assert len(list(self.shelf)) <= num_whole(PARAMS) + 1 + ROUNDS // KEYFRAME_VERSIONS

    def check(self, before: int) -> None:
        """Only versions of the chain, never an older one, never many."""
        if self.versions is None:
            return
        held = self.versions.digests()
        assert held == {number: CHAIN[number].digest for number in held}
        assert len(held) <= self.versions.num_held
        assert self.versions.newest.version >= before
        assert self.versions.newest.version <= max(self.seen, before)


EVENTS = st.tuples(
    st.sampled_from(["post", "look", "advance", "advance", "restart", "tidy", "part", "lose", "wipe"]),
    st.integers(0, NODES - 1),
)


async def happen(world: World, event: str, index: int) -> None:
    node = world.nodes[index]
    before = node.versions.newest.version if node.versions is not None and event != "restart" else 0
    match event:
        case "post" if world.posted < ROUNDS:
            # Its maker holds the round's update, and computes the version in time.
            manifest, update = round_files(world.posted)
            node.store.put(manifest)
            put_file(node.store, update)
            world.posted += 1
        case "look":
            node.look()
        case "advance":
            node.look()
            await node.advance()
        case "restart":
            await node.start()
        case "tidy":
            node.tidy()
        case "part":
            world.groups = [world.random.randrange(2) for _ in range(NODES)]
        case "lose":
            world.loss = world.random.choice([0.0, 0.3, 0.9])
        case "wipe" if index:
            # A disk is lost; the first node's stands for the holder that everybody can reach in the end.
            for cid in list(node.store.cids()):
                node.store.delete(cid)
            node.versions = None
    node.check(before if node.versions is not None and event != "wipe" else 0)


@given(st.integers(0, 2**32), st.lists(EVENTS, max_size=60))
@settings(max_examples=40, deadline=None)
def test_all_who_reach_a_holder_end_at_the_newest_version(seed: int, events: list[tuple[str, int]]) -> None:
    async def scenario(folder: Path) -> None:
        world = World(folder, Random(seed))
        world.nodes[0].shelf.put(CHAIN[0].manifest.to_bytes(), CHAIN[0].file)
        for event, index in events:
            await happen(world, event, index)
        # The first node has always had what was posted, as the creator and its verifier would.
        holder = world.nodes[0]
        for version in CHAIN[max(0, world.posted - 2) : world.posted + 1]:
            holder.shelf.put(version.manifest.to_bytes(), version.file, version.update)
        world.groups, world.loss = [0] * NODES, 0.0
        for node in world.nodes:
            node.seen = world.posted
            for _ in range(ROUNDS):
                before = node.versions.newest.version if node.versions is not None else 0
                await node.advance()
                node.check(before)
            assert node.versions is not None
            assert node.versions.newest.digest == CHAIN[world.posted].digest
            node.tidy()
            assert CHAIN[world.posted].digest in node.shelf

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))


@given(st.integers(0, 2**32), st.lists(EVENTS, max_size=40))
@settings(max_examples=20, deadline=None)
def test_who_reaches_no_holder_stays_where_it_is(seed: int, events: list[tuple[str, int]]) -> None:
    async def scenario(folder: Path) -> None:
        world = World(folder, Random(seed))
        world.nodes[0].shelf.put(CHAIN[0].manifest.to_bytes(), CHAIN[0].file)
        for event, index in events:
            await happen(world, event, index)
        alone, world.groups = world.nodes[-1], [*range(NODES)]
        held = None if alone.versions is None else alone.versions.newest.version
        alone.seen = world.posted = ROUNDS
        await alone.advance()
        reached = None if alone.versions is None else alone.versions.newest.version
        assert (reached or 0) >= (held or 0)
        alone.check(held or 0)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))
