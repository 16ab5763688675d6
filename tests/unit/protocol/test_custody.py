"""Real stores and swarms on loopback: a version outlives its origin and holders, and moves with the roster."""

import asyncio
import dataclasses
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("libp2p")

from cupel.protocol.chain.ledger import CheckpointRecord, HubLedger, MemberRecord, TaskLedger
from cupel.protocol.custody import Custody
from cupel.protocol.keeping import Share, share_of_node
from cupel.protocol.network import BlockUnavailable, Endpoint, Swarm
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork, SlashRecord
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import TensorShape, WeightsManifest
from cupel.protocol.spec.shardcast.placement import NO_BEACON, REPLICAS, holders
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES
from cupel.protocol.storage import FilesystemStore, VersionShelf, put_file
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.vectors import TASK, example_params

pytestmark = pytest.mark.timeout(120)

ACCOUNTS = [f"0x{number:040x}" for number in range(1, 10)]
ORIGIN, NODES = ACCOUNTS[0], ACCOUNTS[1:]
# The peer id of nobody: what a dead peer leaves on the chain.
NOBODY = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
LOST = REPLICAS - 2
"""Holders that may die beside the origin: one more than these is left, and one to spare."""
FILE = pattern_bytes("placed version", 2 * CHUNK_BYTES + 5)
UPDATE = pattern_bytes("placed update", 40)
GENESIS = WeightsManifest.of(0, None, FILE, (TensorShape("weight", (4,)),), canonical_root=bytes(32))
SUBMISSION = SubmissionManifest(
    TASK,
    ORIGIN,
    0,
    0,
    PolicyRef(0, GENESIS.digest),
    file_reference(b"rollouts"),
    pieced_reference(UPDATE),
    1,
    Metrics(0, 0),
)
PARAMS = dataclasses.replace(
    example_params(),
    genesis_digest=GENESIS.digest,
    start=1000,
    round_seconds=100,
    challenge_window=50,
    max_staleness=1,
)
NEWEST, NOW = 6, 1000 + 6 * 100 + 90


def ledger_of() -> TaskLedger:
    """Six versions on; the first keyframe is still genesis, and its round's only commitment is of the origin."""
    ledger = TaskLedger(TASK, PARAMS)
    for node in ACCOUNTS:
        ledger.members[node] = MemberRecord(node, node, node, 0, 0)
    ledger.beacons[0] = sha256(b"beacon")
    ledger.work[ORIGIN, 0] = CommittedWork(ORIGIN, 0, 0, bytes(32), SUBMISSION.digest, 1, 1050)
    for version in range(1, NEWEST + 1):
        digest = sha256(bytes([version]))
        ledger.posted.append(CheckpointRecord(version, digest, ORIGIN, version, 1001 + 100 * version))
    return ledger


class Recorder:
    """Remembers events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


class Member:
    """One node: its store, its swarm and what looks after them."""

    def __init__(self, account: str, folder: Path, ledger: TaskLedger) -> None:
        self.account = account
        self.store = FilesystemStore(folder / account)
        self.shelf = VersionShelf(self.store, folder / account / "versions")
        self.swarm = Swarm(self.store, sha256(account.encode()), "cupel-test")
        self.told = Recorder()
        hub = HubLedger({TASK: ledger})
        participant: Any = SimpleNamespace(
            store=self.store, swarm=self.swarm, ledger=hub, observer=self.told, address=account
        )
        self.custody = Custody(participant, self.shelf, PARAMS, self.share, (1 << 23, 1 << 20))
        self.closing = AsyncExitStack()

    async def open(self, stack: AsyncExitStack) -> None:
        """Listen until `stack` is closed, or `closing` before it."""
        await self.closing.enter_async_context(self.swarm)
        stack.push_async_callback(self.closing.aclose)

    def share(self, ledger: TaskLedger, now: int) -> Share:
        """As `node.app` asks for it."""
        held = {NEWEST: sha256(bytes([NEWEST]))}
        return share_of_node(ledger, now, held, PARAMS.max_staleness + 1, self.account)

    def has_all(self) -> bool:
        """Whether the version and the submission's update are whole here."""
        held = self.shelf.read(GENESIS.digest)
        update = self.store.get(Cid.raw_of(UPDATE)), self.store.get(Cid.from_digest(SUBMISSION.digest))
        return held == (GENESIS.to_bytes(), FILE) and update == (UPDATE, SUBMISSION.to_bytes())


def introduce(members: Sequence[Member]) -> None:
    """Let each know where all serve blocks, as the chain does: the dead stay on it. Nothing is said by gossip here."""
    endpoints = {
        member.account: str(
            dataclasses.replace(Endpoint.parse(member.swarm.endpoint), peer_id=NOBODY, control_port=9)
        )
        for member in members
    }
    for member in members:
        member.swarm.set_peers(endpoints)


async def tend(members: Sequence[Member]) -> None:
    """Passes until what one fetches another can have fetched from it."""
    for _ in range(2):
        await asyncio.gather(*(member.custody.tend(NOW) for member in members))


async def fetch_all(reader: Member, seconds: float = 10) -> bytes:
    await reader.swarm.fetch_block(Cid.from_digest(GENESIS.digest), seconds)
    return await reader.swarm.fetch_file(GENESIS.file, len(FILE), seconds)


def test_a_version_outlives_its_origin_and_holders_and_moves_on_with_the_roster(tmp_path: Path) -> None:
    async def scenario() -> None:
        ledger = ledger_of()
        members = {account: Member(account, tmp_path, ledger) for account in ACCOUNTS}
        async with AsyncExitStack() as stack:
            for member in members.values():
                await member.open(stack)
            introduce(list(members.values()))
            await outlive(ledger, members)

    async def outlive(ledger: TaskLedger, members: dict[str, Member]) -> None:
        origin = members[ORIGIN]
        origin.shelf.put(GENESIS.to_bytes(), FILE)
        put_file(origin.store, UPDATE)
        origin.store.put(SUBMISSION.to_bytes())

        def placed() -> list[str]:
            """Who holds both, by placement alone."""
            roster = ledger.roster()
            version = holders(roster, TASK, GENESIS.digest, NO_BEACON)
            work = holders(roster, TASK, SUBMISSION.digest, ledger.beacons[0])
            return [account for account in version if account in work and account != ORIGIN]

        nodes = [members[account] for account in NODES]
        await tend(nodes)
        roster = ledger.roster()
        version_holders = [n for n in holders(roster, TASK, GENESIS.digest, NO_BEACON) if n != ORIGIN]
        assert [n.account for n in nodes if GENESIS.digest in n.shelf] == sorted(version_holders)
        assert len(version_holders) >= REPLICAS - 1
        assert all(members[account].has_all() for account in placed())
        told = {"versions": [0], "submissions": 1, "blocks": 7, "deleted": 0}
        assert all(members[account].told.events[-1] == ("kept", told) for account in placed())

        # The origin and all holders but one die at once; whoever comes still gets every byte.
        dead = [ORIGIN, *version_holders[:LOST]]
        await asyncio.gather(*(members[account].closing.aclose() for account in dead))
        reader = next(n for n in nodes if n.account not in version_holders)
        assert await fetch_all(reader) == FILE

        # The chain learns that they are gone: the holders are as many again, among the living.
        for account in dead:
            ledger.slashes.append(SlashRecord(account, NOW))
        living = [n for n in nodes if n.account not in dead]
        await tend(living)
        assert {n.account for n in living if GENESIS.digest in n.shelf} >= set(
            holders(ledger.roster(), TASK, GENESIS.digest, NO_BEACON)
        )

    asyncio.run(scenario())


def test_without_placement_the_same_losses_end_it(tmp_path: Path) -> None:
    """What the test above would not notice if readers found the bytes elsewhere."""

    async def scenario() -> None:
        ledger = ledger_of()
        origin, reader = (Member(account, tmp_path, ledger) for account in ACCOUNTS[:2])
        async with AsyncExitStack() as stack:
            for member in (origin, reader):
                await member.open(stack)
            introduce([origin, reader])
            origin.shelf.put(GENESIS.to_bytes(), FILE)
            await origin.closing.aclose()
            with pytest.raises(BlockUnavailable):
                await fetch_all(reader, seconds=1)

    asyncio.run(scenario())
