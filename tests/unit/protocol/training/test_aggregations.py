"""Every codec and rule of a task through what nodes and verifiers run: the same versions at everybody's."""

import asyncio
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cupel.node.journal import Journal
from cupel.protocol.chain.ledger import CheckpointRecord, MemberRecord, TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis, to_floats
from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.model.tiny import initialise
from cupel.protocol.network import BlockUnavailable
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.task import MILLION, TRIMMED_MEAN, Aggregation, ModelShape, TaskSpec
from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, TASK, example_params
from cupel.protocol.training.batch import Batch
from cupel.protocol.training.flat import FlatPolicy
from cupel.protocol.training.state import fresh_state, quantise, state_from_bytes, state_to_bytes
from cupel.protocol.training.trainer import schedule_of, train_round
from cupel.protocol.versions import Versions
from cupel.verifier.checks.base import FetchedSubmission, Rules

SHAPE = ModelShape(ARCHITECTURE, vocabulary=8, layers=1, width=16, heads=2, feed_forward=24, positions=8)
LAYOUT = layout_of(SHAPE)
NODES = tuple(f"0x{number:040x}" for number in (1, 2, 3))
AGGREGATIONS = [
    Aggregation(7, 10, 9, 10),
    Aggregation(7, 10, 9, 10, codec="mxint4", rule=TRIMMED_MEAN),
    Aggregation(7, 10, 1, 2, codec="mxint4", rule=TRIMMED_MEAN, trimmed=1),
    Aggregation(1, 1, 0, 1, codec="sparse-8"),
    Aggregation(1, 1, 0, 1, codec="sparse-2", rule=TRIMMED_MEAN),
]


@dataclass
class Swarm:
    """One process's view of blocks that everybody serves."""

    shared: MemoryStore
    store: MemoryStore = dataclasses.field(default_factory=MemoryStore)

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        block = self.shared.get(cid)
        if block is None or len(block) > max_bytes:
            raise BlockUnavailable(cid, deadline_seconds, 1)
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


class World:
    """Three nodes of a task, a verifier that takes nobody's word, and the chain between them."""

    def __init__(self, aggregation: Aggregation, folder: Path) -> None:
        self.spec: TaskSpec = dataclasses.replace(example_spec(), model=SHAPE, aggregation=aggregation)
        self.folder, self.shared = folder, MemoryStore()
        policy = FlatPolicy(SHAPE)
        initialise(policy.policy, torch.Generator().manual_seed(0))
        first = make_version(0, None, genesis(policy.weights.numpy()), LAYOUT)
        self.publish(first)
        self.params = dataclasses.replace(
            example_params(), genesis_digest=first.digest, start=1000, round_seconds=100, group_size=4
        )
        self.ledger = TaskLedger(TASK, self.params)
        for node in NODES:
            self.ledger.members[node] = MemberRecord(node, node, node, 0, 0)

    def publish(self, version: CanonicalVersion) -> None:
        self.shared.put(version.manifest.to_bytes())
        put_file(self.shared, version.file)

    async def open(self, name: str, trust_posted: bool = True) -> Versions:
        """A process's versions; the same name again is the same process after a restart."""
        swarm: Any = Swarm(self.shared)
        shelf = VersionShelf(swarm.store, self.folder / name / "versions")
        versions = Versions(self.ledger, self.spec, swarm, shelf, trust_posted=trust_posted)
        await versions.start(1000, 1)
        return versions

    def train(self, node: str, versions: Versions) -> bytes:
        """A node's update file of the round; its trainer's state is as it is on disk."""
        canonical = versions.newest
        round_index, weights = canonical.version, to_floats(canonical.state.weights)
        journal = Journal(self.folder / node / "journal")
        # As the trainer process does: a round goes on from the state behind the last one that was committed.
        last = max((work.round for work in self.ledger.commitments(node)), default=-1)
        saved = journal.load(f"state-{last}")
        state = fresh_state(weights.size) if saved is None else state_from_bytes(saved, weights.size)
        schedule = schedule_of(self.params, self.spec, round_index)
        batch = batch_of_seed(NODES.index(node) + 10 * round_index)
        gradient, state, _ = train_round(SHAPE, weights, batch, self.spec.recipe, schedule, state)
        update, state = quantise(gradient, state, versions.max_exponent, versions.codec)
        journal.save(f"state-{round_index}", state_to_bytes(state))
        return versions.codec.to_bytes(update, weights.size)

    def commit(self, node: str, round_index: int, file: bytes) -> None:
        rollouts, update = file_reference(file), pieced_reference(file)
        policy = PolicyRef(round_index, bytes(32))
        manifest = SubmissionManifest(
            TASK, node, round_index, round_index, policy, rollouts, update, 1, Metrics(0, 0)
        )
        put_file(self.shared, file)
        self.shared.put(manifest.to_bytes())
        self.ledger.work[node, round_index] = CommittedWork(
            node, round_index, round_index, bytes(32), manifest.digest, 1, 1001 + 100 * round_index
        )

    def post(self, version: CanonicalVersion) -> None:
        self.publish(version)
        time = 1001 + 100 * version.version
        self.ledger.posted.append(CheckpointRecord(version.version, version.digest, NODES[0], 64, time))

    def audited(self, node: str, round_index: int, file: bytes) -> FetchedSubmission:
        rules = Rules(
            CHAIN_ID,
            HUB,
            TASK,
            self.params,
            self.spec,
            get_environment(self.spec.environment),
            LAYOUT.num_parameters,
        )
        return FetchedSubmission(rules, self.ledger.work[node, round_index], bytes(32), b"", b"", file)


def batch_of_seed(seed: int) -> Batch:
    """Sixteen completions in groups of four, rewarded at random."""
    random = np.random.default_rng(seed)
    prompts = np.repeat(random.integers(0, 7, (4, 3)).astype(np.int32), 4, axis=0)
    tokens = random.integers(0, 7, (16, 3)).astype(np.int32)
    rewards = (random.integers(0, 2, 16) * MILLION).astype(np.int32)
    return Batch(prompts, tokens, np.full(16, 3, dtype=np.int32), rewards)


@pytest.mark.parametrize("aggregation", AGGREGATIONS, ids=lambda one: f"{one.codec} {one.rule} {one.trimmed}")
def test_everybody_makes_the_same_versions_through_a_kill_and_a_join(
    aggregation: Aggregation, tmp_path: Path
) -> None:
    async def scenario() -> None:
        world = World(aggregation, tmp_path)
        held = {node: await world.open(node) for node in NODES}
        verifier = await world.open("verifier", trust_posted=False)
        for round_index in range(3):
            files = {node: world.train(node, held[node]) for node in NODES}
            # Killed after training and before committing: a new process does the round again, to the same bits.
            held[NODES[2]] = await world.open(NODES[2])
            assert world.train(NODES[2], held[NODES[2]]) == files[NODES[2]]
            if round_index == 2:
                # Who joins now has weights and momentum from the checkpoint, and computes on from there.
                held["joiner"] = await world.open("joiner")
                assert np.array_equal(held["joiner"].newest.state.momentum, verifier.newest.state.momentum)
            for node, file in files.items():
                world.commit(node, round_index, file)
                assert len(file) == get_codec(aggregation.codec).num_bytes(LAYOUT.num_parameters)
                assert world.audited(node, round_index, file).update.mantissas.any()
            everybody = [*held.values(), verifier]
            made = [
                await versions.advance(world.ledger, 1101 + 100 * round_index, 1) for versions in everybody
            ]
            assert len({version.digest for version in made}) == 1, "versions differ"
            world.post(made[0])
        assert verifier.newest.version == 3
        assert verifier.newest.state.momentum.any()

    asyncio.run(scenario())


def test_a_file_of_another_codec_is_a_lie_and_does_not_count(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(AGGREGATIONS[1], tmp_path)
        held = await world.open(NODES[0])
        honest = world.train(NODES[0], held)
        other = World(AGGREGATIONS[0], tmp_path / "other")
        false = other.train(NODES[1], await other.open(NODES[1]))
        world.commit(NODES[0], 0, honest)
        world.commit(NODES[1], 0, false)
        with pytest.raises(Rejected) as caught:
            _ = world.audited(NODES[1], 0, false).update
        assert caught.value.reason is Reason.SIZE
        both = await held.advance(world.ledger, 1101, 1)
        alone = World(AGGREGATIONS[1], tmp_path / "alone")
        single = await alone.open(NODES[0])
        alone.commit(NODES[0], 0, honest)
        assert (await single.advance(alone.ledger, 1101, 1)).digest == both.digest

    asyncio.run(scenario())
