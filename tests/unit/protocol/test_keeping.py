"""What a process keeps by its role, and a real store before and after its garbage is collected."""

import dataclasses
from pathlib import Path

import pytest

from cupel.protocol.chain.ledger import CheckpointRecord, MemberRecord, TaskLedger
from cupel.protocol.keeping import (
    PATIENCE,
    Keeper,
    Share,
    missing_versions,
    missing_work,
    share_of_creator,
    share_of_node,
    share_of_verifier,
)
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import TensorShape, WeightsManifest
from cupel.protocol.spec.shardcast.placement import REPLICAS, holders
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, file_dag
from cupel.protocol.storage.files import put_file, read_file
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.vectors import TASK, example_params

NODES = [f"0x{number:040x}" for number in range(1, 13)]
ROUNDS, NUM_NEWEST, GRACE = 14, 3, 50
SPEC_DOCUMENT = b"the task"


def file_of(name: str, size: int = CHUNK_BYTES + 9) -> bytes:
    return pattern_bytes(name, size)


def version_of(number: int) -> tuple[WeightsManifest, bytes, bytes | None]:
    """A manifest with its files; contents do not matter here."""
    file, update = file_of(f"version {number}"), file_of(f"delta {number}", 9) if number else None
    parent = sha256(bytes([number])) if number else None
    shapes = (TensorShape("weight", (4,)),)
    manifest = WeightsManifest.of(number, parent, file, shapes, update, canonical_root=bytes(32))
    return manifest, file, update


VERSIONS = [version_of(number) for number in range(ROUNDS + 1)]
DIGESTS = {number: manifest.digest for number, (manifest, _, _) in enumerate(VERSIONS)}
PARAMS = dataclasses.replace(
    example_params(),
    genesis_digest=DIGESTS[0],
    spec_digest=sha256(SPEC_DOCUMENT),
    start=1000,
    round_seconds=100,
    challenge_window=250,
    max_staleness=1,
)
NOW = PARAMS.start + 100 * ROUNDS + 2


def submission(node: str, round_index: int) -> tuple[SubmissionManifest, bytes, bytes]:
    rollouts, update = (file_of(f"{part} {node} {round_index}", 20) for part in ("rollouts", "update"))
    references = file_reference(rollouts), pieced_reference(update)
    policy = PolicyRef(round_index, DIGESTS[round_index])
    manifest = SubmissionManifest(
        TASK, node, round_index, round_index, policy, *references, units=1, metrics=Metrics(0, 0)
    )
    return manifest, rollouts, update


def ledger_of(rounds: int = ROUNDS) -> TaskLedger:
    """Every node committed in every round, and the first posted each version."""
    ledger = TaskLedger(TASK, PARAMS)
    for node in NODES:
        ledger.members[node] = MemberRecord(node, node, node, 0, 0)
    for index in range(rounds):
        ledger.beacons[index] = sha256(bytes([index]))
        for node in NODES:
            digest = submission(node, index)[0].digest
            ledger.work[node, index] = CommittedWork(
                node, index, index, bytes(32), digest, 1, 1050 + 100 * index
            )
        ledger.posted.append(
            CheckpointRecord(index + 1, DIGESTS[index + 1], NODES[0], 100 + index, 1101 + 100 * index)
        )
    return ledger


def rounds_of(share: Share, node: str) -> list[int]:
    return sorted(one.work.round for one in share.work if one.work.node == node)


def test_a_verifier_keeps_all_that_can_be_judged_and_every_ring() -> None:
    share = share_of_verifier(ledger_of(), NOW, {ROUNDS: DIGESTS[ROUNDS]}, NUM_NEWEST)
    assert [one.version for one in share.versions if one.whole] == [8, 12, 13, 14]
    assert rounds_of(share, NODES[3]) == list(range(ROUNDS))
    assert all(one.rollouts for one in share.work)


def test_nodes_share_old_versions_and_work_as_placement_says() -> None:
    ledger = ledger_of()
    shares = {node: share_of_node(ledger, NOW, {14: DIGESTS[14]}, NUM_NEWEST, node) for node in NODES}
    keyframe = holders(NODES, TASK, DIGESTS[8], ledger.beacons[7])
    assert {node for node, share in shares.items() if 8 in share.placed_versions} == set(keyframe)
    for node, share in shares.items():
        whole = [one.version for one in share.versions if one.whole]
        # The first posted them all, and can still be asked for what it posted in the last 350 s.
        asked = [11] if node == NODES[0] else []
        assert whole == [8] * (node in keyframe) + asked + [12, 13, 14]
        assert rounds_of(share, node) == list(range(ROUNDS))
    one = ledger.work[NODES[0], 9]
    keepers = {node for node, share in shares.items() if one.manifest in share.placed_work}
    assert keepers == set(holders(NODES, TASK, one.manifest, ledger.beacons[9]))
    assert len(keepers) == REPLICAS


def test_a_roster_of_few_keeps_everything_everywhere() -> None:
    ledger = ledger_of()
    ledger.members = {node: ledger.members[node] for node in NODES[:REPLICAS]}
    share = share_of_node(ledger, NOW, {14: DIGESTS[14]}, NUM_NEWEST, NODES[0])
    assert [one.version for one in share.versions] == list(range(8, 15))
    assert rounds_of(share, NODES[1]) == list(range(8, ROUNDS))


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    """A store with every version and the submissions of two nodes."""
    store = FilesystemStore(tmp_path)
    shelf = VersionShelf(store, tmp_path / "versions")
    for manifest, file, update in VERSIONS:
        shelf.put(manifest.to_bytes(), file, update)
    for node in NODES[:2]:
        for index in range(ROUNDS):
            for content in (manifest_file := submission(node, index))[1:]:
                put_file(store, content)
            store.put(manifest_file[0].to_bytes())
    store.put(SPEC_DOCUMENT)
    return Keeper(store, shelf, GRACE)


def test_a_store_holds_what_its_share_says_and_nothing_else(keeper: Keeper) -> None:
    ledger = ledger_of()
    stray = keeper.store.put(b"announced, and never committed to")
    pinned = keeper.store.put(b"pinned")
    keeper.store.pin(pinned)
    share = share_of_node(ledger, NOW, {14: DIGESTS[14]}, NUM_NEWEST, NODES[0])
    documents = [PARAMS.spec_digest]
    first = keeper.collect([share], documents, NOW)
    assert (first.num_deleted, keeper.store.has(stray)) == (0, True)
    whole = {one.version for one in share.versions if one.whole}
    assert set(keeper.shelf) == {DIGESTS[version] for version in whole}

    assert keeper.collect([share], documents, NOW + GRACE).num_deleted > 0
    expected = {Cid.from_digest(PARAMS.spec_digest), pinned}
    for one in share.versions:
        manifest, file, update = VERSIONS[one.version]
        expected |= {Cid.from_digest(manifest.digest), Cid.raw_of(update or b"")}
        expected |= {cid for cid, _ in file_dag(file)[1]} if one.whole else set()
    for kept in share.work:
        if kept.work.node in NODES[:2]:
            manifest_, rollouts, update = submission(kept.work.node, kept.work.round)
            expected |= {Cid.from_digest(manifest_.digest), Cid.raw_of(update)}
            expected |= {Cid.raw_of(rollouts)} if kept.rollouts else set()
    assert set(keeper.store.cids()) == expected
    for version in whole:
        held = keeper.shelf.read(DIGESTS[version])
        assert held is not None
        assert held[1] == VERSIONS[version][1]
    last = keeper.collect([share], documents, NOW + 2 * GRACE)
    assert (last.num_deleted, last.num_waiting, last.num_kept) == (0, 0, len(expected))
    assert last.versions_of(share) == sorted(whole)


def test_the_pieces_of_a_version_on_its_way_stay_longer(keeper: Keeper) -> None:
    ledger = ledger_of()
    piece = keeper.store.put(b"a leaf whose root comes last")
    behind = share_of_node(ledger, NOW, {13: DIGESTS[13]}, NUM_NEWEST, NODES[0])
    assert behind.is_behind
    for now in (NOW, NOW + GRACE, NOW + PATIENCE * GRACE - 1):
        keeper.collect([behind], [], now)
    assert keeper.store.has(piece)
    keeper.collect([behind], [], NOW + PATIENCE * GRACE)
    assert not keeper.store.has(piece)


def test_two_tasks_keep_what_either_needs(keeper: Keeper) -> None:
    early = share_of_creator(ledger_of())
    late = share_of_verifier(ledger_of(), NOW, {14: DIGESTS[14]}, NUM_NEWEST)
    for now in (NOW, NOW + GRACE):
        keeper.collect([early, late], [], now)
    assert {number for number, digest in DIGESTS.items() if digest in keeper.shelf} == {0, 8, 12, 13, 14}


def test_what_placement_gives_and_is_missing_is_found(keeper: Keeper) -> None:
    ledger = ledger_of()
    (holder, *_) = holders(NODES, TASK, DIGESTS[8], ledger.beacons[7])
    share = share_of_node(ledger, NOW, {14: DIGESTS[14]}, NUM_NEWEST, holder)
    store = keeper.store
    assert missing_versions(share, keeper.shelf) == ()
    keeper.shelf.withdraw(DIGESTS[8])
    assert missing_versions(share, keeper.shelf) == (DIGESTS[8],)
    missing = {(one.work.node, one.work.round) for one in missing_work(share, store.has, store.get)}
    placed = {(one.work.node, one.work.round) for one in share.work if one.work.manifest in share.placed_work}
    assert missing == {place for place in placed if place[0] not in NODES[:2]}
    place = next(place for place in placed if place[0] in NODES[:2])
    store.delete(Cid.raw_of(submission(*place)[2]))
    assert place in {(one.work.node, one.work.round) for one in missing_work(share, store.has, store.get)}


def test_what_peers_named_falsely_costs_nothing(keeper: Keeper) -> None:
    """A digest whose block is no manifest: it is kept, and leads nowhere."""
    ledger = ledger_of()
    false = keeper.store.put(b"no manifest")
    work = dataclasses.replace(ledger.work[NODES[0], 13], manifest=false.digest)
    ledger.work[NODES[0], 13] = work
    ledger.posted.append(CheckpointRecord(14, false.digest, NODES[1], 200, NOW))
    share = share_of_verifier(ledger, NOW, {14: DIGESTS[14]}, NUM_NEWEST)
    for now in (NOW, NOW + GRACE):
        keeper.collect([share], [], now)
    assert keeper.store.has(false)
    assert read_file(keeper.store, VERSIONS[14][0].file, 1 << 22) == VERSIONS[14][1]
