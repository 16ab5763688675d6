"""A round on a real chain: a publisher that dies around its commitment never commits twice, and loses nothing."""

import asyncio
import contextlib
import dataclasses
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.presets import CANONICAL
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.node.journal import Journal
from cupel.node.metrics import MetricsLog
from cupel.node.pipeline.rounds import Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Task, Workshop
from cupel.node.publishing.memory import Memory
from cupel.node.publishing.replication import Replication
from cupel.node.publishing.round import COMMITTED, RoundPublisher
from cupel.node.publishing.seams import Seams
from cupel.node.rollout.process import Parts, RolloutJob
from cupel.node.training.process import TrainerJob
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.model.canonical import make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten
from cupel.protocol.participant import Participant
from cupel.protocol.spans import Origin
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.recipe import SFT
from cupel.protocol.spec.repetition import ProvenWork
from cupel.protocol.spec.rollout import RolloutLeaf, SubmissionManifest, pieced_reference
from cupel.protocol.spec.task import NOTHING_PINNED, Pinned, TaskSpec
from cupel.protocol.spec.updates import codec_of, empty_update
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.recorded_spans import recorded_spans
from cupel.protocol.testing.vectors import example_params

JURY = JuryTerms(
    size=3,
    max_appeals=0,
    commit_seconds=20,
    reveal_seconds=20,
    appeal_seconds=0,
    grace_seconds=5,
    juror_stake=400,
)
STAKE = 10_000
SPEC = example_spec()
LAYOUT = layout_of(SPEC.model)


def _genesis() -> Any:
    policy = TinyPolicy(SPEC.model)
    initialise(policy, torch.Generator().manual_seed(1))
    return make_version(0, None, genesis(flatten(policy, LAYOUT)), LAYOUT)


GENESIS = _genesis()


class Killed(BaseException):
    """Raised where a process would have died."""


@dataclass
class Recorder:
    """Remembers events; stands in for the screen."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


class OneHolder:
    """A swarm whose peers hold everything at once."""

    def set_peers(self, endpoints: dict[str, str]) -> None:
        assert not endpoints

    async def announce(self, announcement: object) -> None:
        assert announcement

    async def holders(self, part: object) -> int:
        return 2


class Dying(Participant):
    """Dies when it commits, before or after the transaction."""

    dies: str = ""

    async def send(self, action: str, call: Any, by: Any = None) -> Any:
        if action == "commit" and self.dies == "before":
            raise Killed
        receipt = await super().send(action, call, by)
        if action == "commit" and self.dies == "after":
            raise Killed
        return receipt


@dataclass
class World:
    """A task with one member, in its first round."""

    rpc: LocalRpc
    participant: Dying
    folder: Path
    spec: TaskSpec = SPEC

    @property
    def ledger(self) -> TaskLedger:
        (ledger,) = self.participant.ledger.tasks.values()
        return ledger

    @property
    def workshop(self) -> Workshop:
        return Workshop(self.folder / "workshop")

    @property
    def order(self) -> Order:
        order = self.workshop.order(0)
        assert order is not None
        return order

    def publisher(self) -> RoundPublisher:
        """A publisher that has just begun, and knows only what is in files."""
        limit = get_codec(SPEC.aggregation.codec).num_bytes(LAYOUT.num_parameters)
        return RoundPublisher(
            self.participant,
            self.ledger,
            self.spec,
            self.workshop,
            Memory(Journal(self.folder / "journal")),
            Replication(self.participant, self.ledger, limit, Seams()),
            MetricsLog(self.folder / "metrics.jsonl"),
            Seams(),
        )

    async def work(self, publisher: RoundPublisher) -> None:
        """A round, with the other two processes' parts done by threads."""
        params = self.ledger.params
        workshop = self.workshop
        workshop.save_task(Task(params, self.spec))
        over = threading.Event()
        jobs = asyncio.create_task(asyncio.to_thread(_do_jobs, workshop, over))
        try:
            await publisher.work(0, GENESIS)
        finally:
            over.set()
            await jobs


def _do_jobs(workshop: Workshop, over: threading.Event) -> None:
    rollouts = RolloutJob(workshop, Clock(time.monotonic), Parts())
    trainer = TrainerJob(workshop, Clock(time.monotonic))
    while not over.wait(0.01):
        order = workshop.order(0)
        files = None if order is None else workshop.files(order)
        if order is not None and files is not None and not files.trained:
            (trainer if files.rolled else rollouts).work(order)


@asynccontextmanager
async def world(folder: Path, spec: TaskSpec) -> AsyncIterator[World]:
    try:
        binary, built = find_binary(project_root(), "anvil"), artefacts(project_root())
    except ConfigError as error:
        pytest.skip(str(error))
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(local_chain(binary, 0, folder / "anvil.log"))
        rpc = await stack.enter_async_context(LocalRpc(local.rpc_url))
        deployment = await deploy(local.rpc_url, CHAIN_ID, built, JURY, DataTerms(20, 10), CANONICAL)
        account = Account.create()
        await fund(local.rpc_url, deployment, {account.address: 10 * STAKE})
        await rpc.request("evm_setIntervalMining", 0)
        await rpc.request("evm_setAutomine", True)
        client = await stack.enter_async_context(ChainClient(local.rpc_url, account, CHAIN_ID))
        node = Dying(client, deployment, MemoryStore(), OneHolder(), Recorder())  # type: ignore[arg-type]
        judge = Pinned(deployment.objective_judge, await client.code_hash(deployment.objective_judge))
        params = dataclasses.replace(
            example_params(),
            creator=node.address,
            token=deployment.token,
            spec_digest=spec.digest,
            genesis_digest=GENESIS.digest,
            start=await client.now() + 50,
            round_seconds=1000,
            commit_seconds=900,
            rounds=2,
            problems_per_round=2,
            group_size=4,
            challenge_window=500,
            dispute_seconds=JURY.needed_seconds,
            rate=100,
            stake=STAKE,
            bond=100,
            reward_rule=NOTHING_PINNED,
            judges=(judge,),
        )
        await node.approve(params.token, node.hub.address, 5 * STAKE)
        await node.send("create", node.hub.create_task(params, 16))
        await node.send("join", node.hub.join(params, node.address, node.address, 16, b""))
        await rpc.request("evm_setNextBlockTimestamp", params.start)
        await rpc.request("evm_mine")
        await node.refresh()
        (task,) = node.ledger.tasks
        await node.send("open", node.hub.open_round(task, 0))
        await node.refresh()
        yield World(rpc, node, folder, spec)


Scenario = Callable[[World], Any]


def run(folder: Path, scenario: Scenario, spec: TaskSpec = SPEC) -> None:
    async def all_of_it() -> None:
        async with world(folder, spec) as made:
            await scenario(made)

    asyncio.run(all_of_it())


def test_a_round_is_committed_and_told(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        publisher = world.publisher()
        publisher.take_up(await world.participant.chain.now())
        assert publisher.attempted == -1
        await world.work(publisher)
        await world.participant.refresh()
        (work,) = world.ledger.commitments(world.participant.address)
        assert (work.round, work.sequence, work.units) == (0, 0, 8)
        assert world.workshop.outcomes() == {0: "committed"}
        assert f'"manifest":"{work.manifest.hex()}"' in (tmp_path / "metrics.jsonl").read_text(
            encoding="utf-8"
        )
        node, task = world.participant.address, world.ledger.task
        (first, *_) = round_spans = [one for one in told.spans if one.path.startswith("round")]
        assert first.attributes == {"node": node, "round": 0, "outcome": "committed"}
        assert {one.origin for one in round_spans} == {Origin.of(task, node, 0)}
        # What was made between two looks was never waited for.
        waits = {"round/rollouts", "round/training"}
        assert [one.path for one in round_spans if one.path not in waits] == [
            "round",
            "round/publishing",
            "round/replicating",
            "round/committing",
            "round/committing/transaction",
        ]
        assert round_spans[-1].attributes["method"] == "Hub.commit"

    with recorded_spans() as told:
        run(tmp_path, scenario)


def test_a_node_that_is_too_slow_for_all_steps_commits_in_time_and_states_how_many_it_did(
    tmp_path: Path,
) -> None:
    """Training to its end would take hours: of the window's 900 seconds 227 are left, 225 of them for publishing."""
    recipe = dataclasses.replace(SPEC.recipe, objective=SFT, inner_steps=10_000_000, least_inner_steps=1)
    spec = dataclasses.replace(SPEC, recipe=recipe)

    async def scenario(world: World) -> None:
        late = world.ledger.params.start + 900 - 227
        await world.rpc.request("evm_setNextBlockTimestamp", late)
        await world.rpc.request("evm_mine")
        await world.work(world.publisher())
        await world.participant.refresh()
        (work,) = world.ledger.commitments(world.participant.address)
        manifest = SubmissionManifest.from_bytes(world.workshop.manifest(world.order) or b"")
        assert manifest.digest == work.manifest
        assert 1 <= manifest.inner_steps < 10_000_000
        trained = world.workshop.trained(world.order)
        assert trained is not None
        assert manifest.inner_steps == trained.inner_steps
        assert world.workshop.reported(world.order, "trainer")["steps"] == manifest.inner_steps

    run(tmp_path, scenario, spec)


@pytest.mark.parametrize("dies", ["before", "after"])
@pytest.mark.parametrize("looks_at_the_chain", [True, False])
def test_killed_at_its_commitment_it_commits_once(
    tmp_path: Path, dies: str, looks_at_the_chain: bool
) -> None:
    """Without a look at the chain the transaction is as good as under way: it is not seen before it is sent again."""

    async def scenario(world: World) -> None:
        world.participant.dies = dies
        with pytest.raises(Killed):
            await world.work(world.publisher())
        before = world.workshop.trained(world.order)
        world.participant.dies = ""
        if looks_at_the_chain:
            await world.participant.refresh()
        again = world.publisher()
        again.take_up(await world.participant.chain.now())
        seen = dies == "after" and looks_at_the_chain
        assert again.attempted == (0 if seen else -1)
        if not seen:
            await world.work(again)
        await world.participant.refresh()
        assert len(world.ledger.commitments(world.participant.address)) == 1
        assert world.workshop.outcomes() == {0: "committed"}
        assert world.workshop.trained(world.order) == before

    run(tmp_path, scenario)


def test_what_is_too_late_is_closed(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.participant.dies = "before"
        with pytest.raises(Killed):
            await world.work(world.publisher())
        again = world.publisher()
        again.take_up(world.ledger.params.start + 900)
        assert (again.attempted, world.workshop.outcomes()) == (0, {0: "missed"})

    run(tmp_path, scenario)


def test_a_refused_round_is_missed_with_the_reason(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.workshop.save_task(Task(world.ledger.params, SPEC))
        publisher = world.publisher()
        order = publisher._ordered(0, GENESIS)
        world.workshop.refuse(order, "rollouts", "reverse-text gave no answer within 20 s")
        await publisher.work(0, GENESIS)
        recorder: Any = world.participant.observer
        (message,) = [fields["message"] for event, fields in recorder.events if event == "error"]
        assert "gave no answer within 20 s" in message
        assert world.workshop.outcomes() == {0: "missed"}
        assert not world.ledger.commitments(world.participant.address)

    run(tmp_path, scenario)


def test_a_commitment_that_a_reorganisation_took_away_is_sent_again(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        publisher, node = world.publisher(), world.participant
        await world.work(publisher)
        await node.refresh()
        (before,) = world.ledger.commitments(node.address)
        assert publisher.settled() == 0
        await world.rpc.request("anvil_rollback", 1)
        await world.rpc.request("anvil_dropAllTransactions")
        await world.rpc.request("anvil_mine", hex(2))
        await node.refresh()
        assert world.ledger.commitments(node.address) == ()
        assert publisher.settled() == -1
        await world.work(publisher)
        await node.refresh()
        (after,) = world.ledger.commitments(node.address)
        assert (after.sequence, after.root, after.manifest) == (0, before.root, before.manifest)
        assert publisher.settled() == 0

    run(tmp_path, scenario)


async def replace_beacon(world: World, blocks: int) -> None:
    """A reorganisation of so many blocks, the one that opened the round among them. Nobody has looked yet."""
    node, task = world.participant, world.ledger.task
    await world.rpc.request("anvil_rollback", blocks)
    await world.rpc.request("anvil_dropAllTransactions")
    await world.rpc.request("anvil_mine", hex(2))
    await node.send("open", node.hub.open_round(task, 0))


@pytest.mark.parametrize("is_known", [True, False])
def test_a_round_whose_beacon_a_reorganisation_replaced_is_worked_anew(
    tmp_path: Path, is_known: bool
) -> None:
    """Under the new one the work of before would be on problems that the chain did not assign."""

    async def scenario(world: World) -> None:
        publisher, node = world.publisher(), world.participant
        await world.work(publisher)
        await node.refresh()
        ((before,), order) = world.ledger.commitments(node.address), world.order
        await replace_beacon(world, 2)
        if is_known:
            await node.refresh()
            assert publisher.settled() == -1
        else:  # the chain refuses it under the beacon of before
            await world.work(publisher)
            assert (publisher.attempted, world.workshop.outcomes()) == (-1, {})
        await world.work(publisher)
        await node.refresh()
        (after,) = world.ledger.commitments(node.address)
        assert (after.round, after.sequence, after.units) == (0, 0, 8)
        assert world.order.seed != order.seed
        assert (world.workshop.rollouts(world.order), after.root) != (
            world.workshop.rollouts(order),
            before.root,
        )
        assert world.workshop.outcomes() == {0: COMMITTED}

    run(tmp_path, scenario)


def test_a_beacon_that_is_replaced_while_others_are_at_work_ends_their_work(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        publisher, node = world.publisher(), world.participant
        world.workshop.save_task(Task(world.ledger.params, SPEC))
        order = publisher._ordered(0, GENESIS)

        async def never_mind() -> None:
            await replace_beacon(world, 1)
            await node.refresh()

        await asyncio.gather(
            publisher.work(0, GENESIS), never_mind()
        )  # nobody samples: it would wait for ever
        recorder: Any = node.observer
        (message,) = [fields["message"] for event, fields in recorder.events if event == "error"]
        assert message == "round 0 is worked anew: a reorganisation gave it another beacon"
        world.workshop.save_batch(order, 0, (), world.ledger.params)  # a process that was late
        await world.work(publisher)
        await node.refresh()
        assert [work.units for work in world.ledger.commitments(node.address)] == [8]

    run(tmp_path, scenario)


def test_a_round_that_is_no_longer_open_is_left_until_it_is(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        publisher, node = world.publisher(), world.participant
        await world.rpc.request("anvil_rollback", 1)
        await world.rpc.request("anvil_dropAllTransactions")
        await world.rpc.request("anvil_mine", hex(2))
        await node.refresh()
        assert not world.ledger.beacons
        await publisher.work(0, GENESIS)
        assert (publisher.attempted, world.workshop.outcomes()) == (-1, {})
        await node.send("open", node.hub.open_round(world.ledger.task, 0))
        await node.refresh()
        await world.work(publisher)
        assert world.workshop.outcomes() == {0: COMMITTED}

    run(tmp_path, scenario)


def test_a_commitment_that_was_taken_away_while_the_process_was_down_is_sent_again(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        node = world.participant
        await world.work(world.publisher())
        await world.rpc.request("anvil_rollback", 1)
        await world.rpc.request("anvil_dropAllTransactions")
        await world.rpc.request("anvil_mine", hex(2))
        await node.refresh()
        assert world.ledger.commitments(node.address) == ()
        late = world.publisher()
        late.take_up(world.ledger.params.start + 900)
        assert late.attempted == 0
        again = world.publisher()
        again.take_up(await node.chain.now())
        assert again.attempted == -1
        await world.work(again)
        await node.refresh()
        (commitment,) = world.ledger.commitments(node.address)
        assert (commitment.round, commitment.sequence, commitment.units) == (0, 0, 8)
        assert again.settled() == 0

    run(tmp_path, scenario)


def test_an_endpoint_that_lags_is_no_reorganisation(tmp_path: Path) -> None:
    """The ledger does not know the block of our commitment yet: sending it again would be refused, and look missed."""

    async def scenario(world: World) -> None:
        publisher, node = world.publisher(), world.participant
        await world.work(publisher)
        assert world.ledger.commitments(node.address) == ()
        assert publisher.settled() == 0

    run(tmp_path, scenario)


def test_an_outage_in_the_middle_of_a_round_is_gone_on_from(tmp_path: Path) -> None:
    class Away(Dying):
        left = 3

        async def send(self, action: str, call: Any, by: Any = None) -> Any:
            self.left -= 1
            if self.left >= 0:
                raise ChainUnavailable("away")
            return await super().send(action, call, by)

    async def scenario(world: World) -> None:
        node = world.participant
        node.__class__ = Away
        publisher, attempts = world.publisher(), 0
        while publisher.settled() < 0:
            attempts += 1
            with contextlib.suppress(ChainUnavailable):
                await world.work(publisher)
        await node.refresh()
        assert attempts == 4
        assert len(world.ledger.commitments(node.address)) == 1
        assert world.workshop.outcomes() == {0: "committed"}

    run(tmp_path, scenario)


def test_of_a_part_of_a_round_no_update_is_published_and_training_goes_on_from_before(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.participant.dies = "before"
        with pytest.raises(Killed):
            await world.work(world.publisher())
        world.participant.dies = ""
        # As if another commitment had the proofs of the last group, for another problem.
        journal = Journal(world.folder / "journal")
        group = {root: place for root, place in Memory(journal).beside(1).items() if place.index >= 4}
        leaf = RolloutLeaf(0, 0, bytes(32), 0, bytes(32), 0, bytes(32), bytes(32), 0)
        others = [
            dataclasses.replace(leaf, index=place.index, problem=place.problem + 1, toploc_root=root)
            for root, place in group.items()
        ]
        journal.save("proven", ProvenWork().add(7, others).to_bytes())
        await world.work(world.publisher())
        await world.participant.refresh()
        (work,) = world.ledger.commitments(world.participant.address)
        assert work.units == 4
        manifest = SubmissionManifest.from_bytes(world.workshop.manifest(world.order) or b"")
        zeros = empty_update(SPEC, LAYOUT.num_parameters)
        file = codec_of(SPEC).to_bytes(zeros, LAYOUT.num_parameters)
        assert manifest.update == pieced_reference(file)
        version = make_version(1, GENESIS.digest, GENESIS.state, LAYOUT)
        world.ledger.beacons[1] = bytes(32)
        assert world.publisher()._ordered(1, version).after == 1

    run(tmp_path, scenario)
