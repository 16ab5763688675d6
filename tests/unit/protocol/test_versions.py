"""How a process comes by versions: what is here, updates, deltas, the checkpoint; and what it refuses."""

import asyncio
import dataclasses
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cupel.protocol import versions as versions_module
from cupel.protocol.chain.ledger import CheckpointRecord, MemberRecord, TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion, make_version, next_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import BlockUnavailable, Swarm
from cupel.protocol.network.fetching import SHARED_LEAVES
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update, encode_update, update_to_bytes
from cupel.protocol.spec.diloco.outer import OuterState
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork, SlashRecord, given_up_at
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.storage.files import BlockMissing, file_leaves, put_file, read_file
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import NODE, TASK, example_params
from cupel.protocol.versions import Versions, VersionUnavailable

SPEC = example_spec()
LAYOUT = layout_of(SPEC.model)
VERSIONS = 11


def round_updates(index: int) -> list[Update]:
    """Three nodes' updates."""
    flats = np.random.default_rng(index).normal(0, 1e-3, (3, LAYOUT.num_parameters)).astype(np.float32)
    return [encode_update(flat, SPEC.recipe.max_exponent_offset + MIN_EXPONENT)[0] for flat in flats]


def canonical() -> list[CanonicalVersion]:
    weights = np.random.default_rng(1).normal(0, 0.1, LAYOUT.num_parameters).astype(np.float32)
    versions = [make_version(0, None, genesis(weights), LAYOUT)]
    while len(versions) < VERSIONS:
        versions.append(next_version(versions[-1], round_updates(len(versions) - 1), SPEC.aggregation))
    return versions


CHAIN = canonical()
PARAMS = dataclasses.replace(
    example_params(), genesis_digest=CHAIN[0].digest, start=1000, round_seconds=100, challenge_window=200
)
NOW = 1101
"""Nobody has slashed or posted anything that would tell this from later."""


@dataclass
class Peers:
    """A swarm of peers that hold what is in `theirs`, and count what they send."""

    store: MemoryStore = field(default_factory=MemoryStore)
    theirs: MemoryStore = field(default_factory=MemoryStore)
    bytes_in: int = 0

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        block = self.store.get(cid)
        if block is None:
            block = self.theirs.get(cid)
            if block is None or len(block) > max_bytes:
                raise BlockUnavailable(cid, deadline_seconds, 1)
            self.bytes_in += len(block)
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

    def serve(self, version: CanonicalVersion, update: bool = True, checkpoint: bool = True) -> None:
        self.theirs.put(version.manifest.to_bytes())
        if update and version.update is not None:
            put_file(self.theirs, version.update)
        if checkpoint:
            put_file(self.theirs, version.file)


def ledger_of(*posted: CanonicalVersion) -> TaskLedger:
    ledger = TaskLedger(TASK, PARAMS)
    ledger.members[NODE] = MemberRecord(NODE, NODE, NODE, 0, 0)
    for version in posted:
        time = PARAMS.start + PARAMS.round_seconds * version.version + 1
        ledger.posted.append(CheckpointRecord(version.version, version.digest, NODE, 64, time))
    return ledger


def open_versions(ledger: TaskLedger, peers: Peers, folder: Path, trust_posted: bool = True) -> Versions:
    swarm: Any = peers
    return Versions(ledger, SPEC, swarm, VersionShelf(peers.store, folder), trust_posted=trust_posted)


def commit(ledger: TaskLedger, peers: Peers | None, round_index: int) -> None:
    """Three nodes commit to their updates of a round, which `peers` serve."""
    for number, update in enumerate(round_updates(round_index)):
        node, file = f"0x{number + 1:040x}", update_to_bytes(update)
        rollouts, reference = file_reference(file), pieced_reference(file)
        policy = PolicyRef(0, CHAIN[0].digest)
        manifest = SubmissionManifest(
            TASK, node, round_index, round_index, policy, rollouts, reference, 1, Metrics(0, 0)
        )
        if peers is not None:
            put_file(peers.theirs, file)
            peers.theirs.put(manifest.to_bytes())
        ledger.work[node, round_index] = CommittedWork(
            node, round_index, round_index, bytes(32), manifest.digest, 1, 1001 + 100 * round_index
        )


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_a_late_comer_takes_the_newest_checkpoint_and_a_restart_takes_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of(*CHAIN[1:4])
        for version in CHAIN[:4]:
            peers.serve(version)
        await (late := open_versions(ledger, peers, tmp_path)).start(2000, 1)
        assert late.digests() == {3: CHAIN[3].digest}
        before, peers.theirs = peers.bytes_in, MemoryStore()
        again = open_versions(ledger, peers, tmp_path)
        await again.start(2000, 1)
        assert again.newest.file == CHAIN[3].file
        assert peers.bytes_in == before

    run(scenario())


def test_a_version_of_before_a_restart_is_recalled_and_not_held(tmp_path: Path) -> None:
    """A dispute may be about work under it."""

    async def scenario() -> None:
        peers = Peers()
        peers.serve(CHAIN[2])
        await (before := open_versions(ledger_of(CHAIN[2]), peers, tmp_path)).start(2000, 1)
        peers.serve(CHAIN[3])
        again = open_versions(ledger_of(CHAIN[2], CHAIN[3]), peers, tmp_path)
        await again.start(2000, 1)
        peers.theirs, held = MemoryStore(), again.digests()
        assert (await again.recall(2, CHAIN[2].digest, 1)).file == before.newest.file
        with pytest.raises(VersionUnavailable, match="version 1"):
            await again.recall(1, CHAIN[1].digest, 1)
        # Another digest than that of the version held is another version.
        with pytest.raises(VersionUnavailable, match="version 3"):
            await again.recall(3, CHAIN[4].digest, 1)
        peers.serve(CHAIN[1])
        assert (await again.recall(1, CHAIN[1].digest, 1)).digest == CHAIN[1].digest
        assert again.digests() == held

    run(scenario())


def test_who_was_away_fetches_only_the_deltas(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers = Peers()
        peers.serve(CHAIN[1])
        await open_versions(ledger_of(CHAIN[1]), peers, tmp_path).start(2000, 1)
        before = peers.bytes_in
        for version in CHAIN[2:5]:
            peers.serve(version)
        back = open_versions(ledger_of(*CHAIN[1:5]), peers, tmp_path)
        await back.start(2000, 1)
        assert back.digests() == {version.version: version.digest for version in CHAIN[1:5]}
        assert back.newest.file == CHAIN[4].file
        updates = sum(len(version.update or b"") for version in CHAIN[2:5])
        manifests = sum(len(version.manifest.to_bytes()) for version in CHAIN[2:5])
        assert peers.bytes_in - before == updates + manifests
        assert updates < len(CHAIN[4].file) / 2

    run(scenario())


def test_without_a_delta_the_checkpoint_is_fetched(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers = Peers()
        peers.serve(CHAIN[1])
        await open_versions(ledger_of(CHAIN[1]), peers, tmp_path).start(2000, 1)
        peers.serve(CHAIN[2])
        peers.serve(CHAIN[3], update=False)
        back = open_versions(ledger_of(*CHAIN[1:4]), peers, tmp_path)
        await back.start(2000, 1)
        assert back.newest.digest == CHAIN[3].digest

    run(scenario())


def test_a_chain_longer_than_its_bound_is_skipped(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers = Peers()
        peers.serve(CHAIN[1])
        await open_versions(ledger_of(CHAIN[1]), peers, tmp_path).start(2000, 1)
        for version in CHAIN[2:]:
            peers.serve(version)
        back = open_versions(ledger_of(*CHAIN[1:]), peers, tmp_path)
        await back.start(3000, 1)
        assert sorted(back.digests()) == [VERSIONS - 1]

    run(scenario())


def test_no_version_is_taken_that_the_chain_does_not_know(tmp_path: Path) -> None:
    """A poster that was slashed, a manifest whose delta leads elsewhere, and a file that is not the manifest's."""

    async def scenario() -> None:
        other = next_version(CHAIN[0], round_updates(99), SPEC.aggregation)
        peers = Peers()
        for version in (CHAIN[0], other):
            peers.serve(version)
        slashed = ledger_of(other)
        slashed.slashes.append(SlashRecord(NODE, 1150))
        await (careful := open_versions(slashed, peers, tmp_path / "a")).start(2000, 1)
        assert careful.digests() == {0: CHAIN[0].digest}

        forged = dataclasses.replace(CHAIN[1].manifest, update=other.manifest.update)
        false = dataclasses.replace(CHAIN[1], manifest=forged)
        peers.serve(false, checkpoint=False)
        versions = open_versions(ledger_of(false), peers, tmp_path / "b")
        await versions.start(2000, 1)
        assert versions.digests() == {0: CHAIN[0].digest}

    run(scenario())


def test_the_next_version_is_computed_from_updates_and_its_delta_is_published(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        peers.serve(CHAIN[0])
        versions = open_versions(ledger, peers, tmp_path, trust_posted=False)
        await versions.start(1000, 1)
        commit(ledger, peers, 0)
        made = await versions.advance(ledger, NOW, 1)
        assert made.digest == CHAIN[1].digest
        assert versions.proven_digest(1) == CHAIN[1].digest
        assert made.manifest.update is not None
        update = read_file(peers.store, made.manifest.update.root, 1 << 20)
        assert update == CHAIN[1].update

    run(scenario())


@pytest.mark.parametrize("checkpoint", [False, True])
def test_without_an_update_the_posted_version_is_taken_but_proves_nothing(
    tmp_path: Path, checkpoint: bool
) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        peers.serve(CHAIN[0])
        versions = open_versions(ledger, peers, tmp_path)
        await versions.start(1000, 1)
        commit(ledger, None, 0)
        with pytest.raises(VersionUnavailable):
            await versions.advance(ledger, NOW, 1)
        ledger.posted = ledger_of(CHAIN[1]).posted
        peers.serve(CHAIN[1], update=not checkpoint, checkpoint=checkpoint)
        assert (await versions.advance(ledger, NOW, 1)).digest == CHAIN[1].digest
        commit(ledger, peers, 1)
        assert (await versions.advance(ledger, NOW, 1)).digest == CHAIN[2].digest
        assert [versions.proven_digest(version) for version in range(3)] == [CHAIN[0].digest, None, None]

    run(scenario())


@pytest.mark.parametrize("is_false", [False, True])
@pytest.mark.parametrize("trust_posted", [False, True])
def test_a_posted_version_is_computed_as_soon_as_the_updates_are_there(
    tmp_path: Path, is_false: bool, trust_posted: bool
) -> None:
    """Before that nothing is built on it, unless nobody can challenge it any more."""

    async def scenario() -> None:
        posted = next_version(CHAIN[0], round_updates(99), SPEC.aggregation) if is_false else CHAIN[1]
        peers, ledger = Peers(), ledger_of(posted)
        for version in (CHAIN[0], posted):
            peers.serve(version)
        at = ledger.posted[0].time
        ledger.posted, late = [], ledger.posted
        versions = open_versions(ledger, peers, tmp_path, trust_posted)
        await versions.start(1000, 1)
        ledger.posted = late
        commit(ledger, None, 0)
        assert (await versions.advance(ledger, NOW, 1)).digest == posted.digest
        commit(ledger, peers, 1)
        await versions.advance(ledger, NOW, 1)
        settled = at + PARAMS.challenge_window
        assert [versions.newest_sound(ledger, now) for now in (settled - 1, settled)] == [0, 2]
        assert [versions.proven_digest(number) for number in (1, 2)] == [None, None]

        # The update of round 0 turns up.
        commit(ledger, peers, 0)
        commit(ledger, peers, 2)
        while versions.newest.version < 3:
            await versions.advance(ledger, NOW, 1)
        assert versions.newest_sound(ledger, settled - 1) == 3
        assert [versions.proven_digest(number) for number in (1, 2, 3)] == [
            version.digest for version in CHAIN[1:4]
        ]

    run(scenario())


def test_who_took_a_false_version_begins_again_when_its_poster_is_slashed(tmp_path: Path) -> None:
    async def scenario() -> None:
        false = next_version(CHAIN[0], round_updates(99), SPEC.aggregation)
        peers, ledger = Peers(), ledger_of(false)
        for version in (CHAIN[0], false):
            peers.serve(version)
        versions = open_versions(ledger, peers, tmp_path)
        await versions.start(2000, 1)
        commit(ledger, peers, 1)
        await versions.advance(ledger, NOW, 1)
        assert versions.get(1) is not None
        assert versions.newest.manifest.parent == false.digest

        assert versions.newest_standing(ledger, NOW) == 2
        ledger.slashes.append(SlashRecord(NODE, 1300))
        assert versions.newest_standing(ledger, NOW) is None
        theirs, peers.theirs = peers.theirs, MemoryStore()
        mine, peers.store = peers.store, MemoryStore()
        with pytest.raises(VersionUnavailable):
            await versions.advance(ledger, NOW, 1)
        assert versions.newest_standing(ledger, NOW) is None
        peers.theirs, peers.store = theirs, mine
        assert (await versions.advance(ledger, NOW, 1)).digest == CHAIN[0].digest
        assert versions.digests() == {0: CHAIN[0].digest}
        commit(ledger, peers, 0)
        assert (await versions.advance(ledger, NOW, 1)).digest == CHAIN[1].digest
        assert (await versions.advance(ledger, NOW, 1)).digest == CHAIN[2].digest

    run(scenario())


FALSE = next_version(CHAIN[0], round_updates(99), SPEC.aggregation)


async def made_here(ledger: TaskLedger, peers: Peers, folder: Path, begins_with: CanonicalVersion) -> None:
    """A process begins with this version, computes the next one, and ends."""
    peers.serve(begins_with)
    versions = open_versions(ledger, peers, folder)
    await versions.start(1000, 1)
    commit(ledger, peers, begins_with.version)
    await versions.advance(ledger, 1001 + 100 * versions.newest.version, 1)


@pytest.mark.parametrize("knows", [0, 1])
def test_who_comes_back_while_a_false_version_stands_takes_nobodys_word(tmp_path: Path, knows: int) -> None:
    """It has computed that version before, or has the one before and computes it now."""

    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        await made_here(ledger, peers, tmp_path, CHAIN[0])
        if not knows:
            VersionShelf(peers.store, tmp_path).withdraw(CHAIN[1].digest)
        ledger.posted = ledger_of(FALSE).posted
        peers.serve(FALSE)
        back = open_versions(ledger, peers, tmp_path)
        await back.start(NOW, 1)
        assert back.digests() == {knows: CHAIN[knows].digest}
        if not knows:
            assert (await back.advance(ledger, NOW, 1)).digest == CHAIN[1].digest
        assert back.newest_standing(ledger, NOW) == 1

    run(scenario())


def test_a_version_of_before_a_restart_is_let_go_if_other_work_counts_now(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        await made_here(ledger, peers, tmp_path, CHAIN[0])
        del ledger.work[f"0x{1:040x}", 0]
        back = open_versions(ledger, peers, tmp_path)
        await back.start(NOW, 1)
        assert back.digests() == {0: CHAIN[0].digest}

    run(scenario())


def test_a_reorganisation_after_a_restart_lets_go_of_a_version_of_before(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        await made_here(ledger, peers, tmp_path, CHAIN[0])
        back = open_versions(ledger, peers, tmp_path)
        await back.start(NOW, 1)
        assert back.newest.digest == CHAIN[1].digest
        del ledger.work[f"0x{1:040x}", 0]
        assert back.newest_standing(ledger, NOW) is None
        assert (await back.advance(ledger, NOW, 1)).digest == CHAIN[0].digest

    run(scenario())


@pytest.mark.parametrize("settled", [False, True])
def test_what_was_computed_from_a_posted_version_is_ones_own_once_that_is_settled(
    tmp_path: Path, settled: bool
) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of(CHAIN[1])
        await made_here(ledger, peers, tmp_path, CHAIN[1])
        VersionShelf(peers.store, tmp_path).withdraw(CHAIN[1].digest)
        other = next_version(CHAIN[1], round_updates(99), SPEC.aggregation)
        ledger.posted = ledger_of(CHAIN[1], other).posted
        peers.serve(other)
        back = open_versions(ledger, peers, tmp_path)
        await back.start(1302 if settled else 1299, 1)
        assert back.newest.digest == (CHAIN[2] if settled else other).digest

    run(scenario())


@pytest.mark.parametrize("honest", [0, 1])
def test_who_took_true_versions_of_posters_that_were_all_slashed_makes_them_again_and_rests(
    tmp_path: Path, honest: int
) -> None:
    """Its own are the slashed ones' to the bit: they rest on what still stands, genesis or an honest posting."""

    async def scenario() -> None:
        peers, ledger, liar = Peers(), ledger_of(*CHAIN[1:4]), f"0x{9:040x}"
        late = [dataclasses.replace(one, node=liar, time=1310) for one in ledger.posted[honest:]]
        ledger.posted[honest:] = late
        for number in range(4):
            peers.serve(CHAIN[number])
            commit(ledger, peers, number)
        versions = open_versions(ledger, peers, tmp_path)
        await versions.start(1311, 1)
        assert versions.newest.version == 3
        ledger.slashes.append(SlashRecord(liar, 1350))
        assert versions.newest_standing(ledger, 1400) is None
        made = [(await versions.advance(ledger, 1400, 1)).version for _ in range(4 - honest)]
        assert made == [*range(honest, 4)]
        assert versions.newest_standing(ledger, 1400) == 3
        assert versions.digests()[3] == CHAIN[3].digest

    run(scenario())


def test_a_version_rests_on_a_word_also_when_what_was_taken_is_held_no_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        false = next_version(CHAIN[0], round_updates(99), SPEC.aggregation)
        peers, ledger = Peers(), ledger_of(false)
        for version in (CHAIN[0], false):
            peers.serve(version)
        versions = open_versions(ledger, peers, tmp_path, trust_posted=True)
        await versions.start(1200, 1)
        for number in range(1, versions.num_held + 1):
            commit(ledger, peers, number)
            await versions.advance(ledger, NOW, 1)
        assert versions.get(1) is None
        assert versions.newest_standing(ledger, NOW) == versions.num_held + 1
        ledger.slashes.append(SlashRecord(NODE, 1250))
        assert versions.newest_standing(ledger, NOW) is None

    run(scenario())


def withhold(ledger: TaskLedger, peers: Peers, round_index: int) -> CommittedWork:
    """The first of a round's three nodes serves its update no more."""
    work = ledger.work[f"0x{1:040x}", round_index]
    manifest = peers.theirs.get(Cid.from_digest(work.manifest))
    assert manifest is not None
    for leaf in file_leaves(peers.theirs, Cid.parse(SubmissionManifest.from_bytes(manifest).update.cid)):
        peers.theirs.delete(leaf.cid)
    return work


def test_the_network_goes_on_without_who_withholds_its_update(tmp_path: Path) -> None:
    """One process has the update, one does not: both make the same version once its node is slashed."""

    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        peers.serve(CHAIN[0])
        commit(ledger, peers, 0)
        lucky = open_versions(ledger, Peers(theirs=peers.theirs), tmp_path / "lucky", trust_posted=False)
        await lucky.start(1000, 1)
        assert (await lucky.advance(ledger, 1101, 1)).digest == CHAIN[1].digest
        withheld = withhold(ledger, peers, 0)
        other = open_versions(ledger, peers, tmp_path / "other")
        await other.start(1000, 1)
        with pytest.raises(VersionUnavailable):
            await other.advance(ledger, 1101, 1)

        ledger.slashes.append(SlashRecord(withheld.node, 1150))
        assert lucky.newest_standing(ledger, 1199) == 1
        assert lucky.newest_standing(ledger, 1200) == 0
        without = next_version(CHAIN[0], round_updates(0)[1:], SPEC.aggregation)
        for versions in (lucky, other):
            assert (await versions.advance(ledger, 1200, 1)).digest == without.digest
        ledger.posted = ledger_of(without).posted
        ledger.posted[0] = dataclasses.replace(ledger.posted[0], time=1200)
        # What happens to whomever now changes nothing.
        ledger.slashes.append(SlashRecord(f"0x{2:040x}", 1250))
        assert [versions.newest_standing(ledger, 1300) for versions in (lucky, other)] == [1, 1]
        assert lucky.proven_digest(1) == without.digest

    run(scenario())


def test_a_version_made_of_work_that_no_longer_counts_proves_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        peers.serve(CHAIN[0])
        commit(ledger, peers, 0)
        commit(ledger, peers, 1)
        versions = open_versions(ledger, peers, tmp_path, trust_posted=False)
        await versions.start(1000, 1)
        for now in (1101, 1201):
            await versions.advance(ledger, now, 1)
        assert [versions.proven_digest(number) for number in (1, 2)] == [CHAIN[1].digest, CHAIN[2].digest]
        # Posted in a later round than this process computed it in, when two nodes were slashed.
        ledger.slashes.append(SlashRecord(f"0x{1:040x}", 1205))
        ledger.posted.append(CheckpointRecord(1, bytes(32), NODE, 64, 1301))
        assert [versions.proven_digest(number) for number in (0, 1, 2)] == [CHAIN[0].digest, None, None]
        assert versions.newest_standing(ledger, 1302) == 0

    run(scenario())


def test_a_round_of_which_something_stays_withheld_leaves_the_weights_as_they_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of()
        peers.serve(CHAIN[0])
        commit(ledger, peers, 0)
        withhold(ledger, peers, 0)
        versions = open_versions(ledger, peers, tmp_path)
        await versions.start(1000, 1)
        end = given_up_at(PARAMS, 0)
        with pytest.raises(VersionUnavailable):
            await versions.advance(ledger, end - 1, 1)
        made = await versions.advance(ledger, end, 1)
        assert (made.version, made.file) == (1, CHAIN[0].file)
        commit(ledger, peers, 1)
        assert (await versions.advance(ledger, end, 1)).manifest.parent == made.digest

    run(scenario())


def test_who_judges_begins_with_a_version_that_nobody_can_challenge(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers, ledger = Peers(), ledger_of(*CHAIN[1:])
        for version in CHAIN:
            peers.serve(version)
        ends = PARAMS.start + PARAMS.round_seconds * 8 + 1 + PARAMS.challenge_window + PARAMS.round_seconds
        for now, begins in ((ends - 1, 0), (ends, 8)):
            versions = open_versions(ledger, peers, tmp_path, trust_posted=False)
            await versions.start(now, 1)
            assert versions.digests() == {begins: CHAIN[begins].digest}

    run(scenario())


def test_a_manifest_of_an_endless_file_is_refused_before_it_is_fetched(tmp_path: Path) -> None:
    async def scenario() -> None:
        peers = Peers()
        huge = file_dag(bytes(3 << 20))
        for cid, block in huge[1]:
            peers.theirs.put(block, cid)
        manifest = dataclasses.replace(CHAIN[0].manifest, file=huge[0], file_bytes=3 << 20)
        peers.theirs.put(manifest.to_bytes())
        ledger = ledger_of()
        ledger.params = dataclasses.replace(PARAMS, genesis_digest=manifest.digest)
        with pytest.raises(VersionUnavailable):
            await open_versions(ledger, peers, tmp_path).start(1000, 1)
        assert peers.bytes_in < 1 << 20

    run(scenario())


def test_the_initial_weights_come_by_the_tasks_digest_and_are_not_held(tmp_path: Path) -> None:
    peers = Peers()
    peers.serve(CHAIN[0])
    versions = open_versions(ledger_of(), peers, tmp_path)
    found = asyncio.run(versions.genesis(1.0))
    assert (found.version, found.digest, found.file) == (0, CHAIN[0].digest, CHAIN[0].file)
    assert versions.digests() == {}


@pytest.mark.parametrize("served", [None, CHAIN[1]])
def test_nothing_else_passes_for_the_initial_weights(tmp_path: Path, served: CanonicalVersion | None) -> None:
    # The second is served under its own digest, which the task then names: still no version 0.
    ledger, peers = ledger_of(), Peers()
    if served is not None:
        peers.serve(served)
        ledger.params = dataclasses.replace(PARAMS, genesis_digest=served.digest)
    with pytest.raises(VersionUnavailable, match="checkpoint of version 0"):
        asyncio.run(open_versions(ledger, peers, tmp_path).genesis(1.0))


def test_a_checkpoint_on_its_way_is_dropped_when_a_newer_version_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the swarm as a node uses it, from a peer that lacks a part of the older version."""
    pytest.importorskip("libp2p")
    monkeypatch.setattr(versions_module, "LOOK_SECONDS", 0.05)
    large = dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, vocabulary=4096, width=96))
    layout = layout_of(large.model)
    draw = np.random.default_rng(2)

    def state() -> OuterState:
        weights = draw.integers(-(2**20), 2**20, layout.num_parameters, dtype=np.int32)
        return OuterState(weights, draw.integers(-(2**20), 2**20, layout.num_parameters, dtype=np.int64))

    old = make_version(1, bytes(32), state(), layout)
    new = make_version(2, old.digest, state(), layout)
    looks = 0

    async def look() -> TaskLedger:
        nonlocal looks
        looks += 1
        return ledger_of(old) if looks < 3 else ledger_of(old, new)

    async def scenario() -> None:
        theirs, ours = FilesystemStore(tmp_path / "theirs"), FilesystemStore(tmp_path / "ours")
        for version in (old, new):
            theirs.put(version.manifest.to_bytes())
            put_file(theirs, version.file)
        leaves = file_leaves(theirs, old.manifest.file)
        assert len(set(leaves)) >= SHARED_LEAVES
        for leaf in leaves[3:]:
            theirs.delete(leaf.cid)
        async with (
            Swarm(theirs, sha256(b"theirs"), "cupel-test") as peer,
            Swarm(ours, sha256(b"ours"), "cupel-test") as swarm,
        ):
            swarm.set_peers({NODE: peer.endpoint})
            shelf = VersionShelf(ours, tmp_path / "versions")
            versions = Versions(ledger_of(old), large, swarm, shelf, look=look)
            await versions.start(2000, 60)
            assert versions.digests() == {2: new.digest}
            assert looks >= 3
            assert old.digest not in shelf

    run(asyncio.wait_for(scenario(), 30))
