"""An audit task on a real chain: who looks is paid though nobody lies, and who answers without looking loses its stake.

Everything runs over transactions, events and published files alone; the test moves the chain's time.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.protocol.attendance import Found, Looker
from cupel.protocol.chain.bindings.attention_judge import AttentionJudge
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.games import GameFeed, read_terms
from cupel.protocol.config import ConfigError
from cupel.protocol.game_player import GamePlayer
from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.network import BlockUnavailable
from cupel.protocol.participant import Participant
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.referee.sides import Trace
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork, round_start
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import Pinned, TaskParams, task_id
from cupel.protocol.task.auditing import AuditTerms, create_audit
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.dispute_play import altered
from cupel.protocol.testing.game_case import NARROW, THRESHOLDS, game_case
from cupel.protocol.testing.vectors import example_params
from cupel.verifier.attendance.attendant import Attendant
from cupel.verifier.attendance.opening import unfit

STAKE, BOND, RATE, UNITS, ANSWERS = 10_000, 100, 10, 3, 4
TERMS = Terms(NARROW, THRESHOLDS, clock_seconds=100, grace_seconds=10)
MOST_TURNS = 20


class Files:
    """Screen, store and swarm in one: what anybody published."""

    def __init__(self) -> None:
        self.held: dict[Cid, bytes] = {}
        self.hidden: dict[Cid, bytes] = {}
        self.told: list[str] = []

    def emit(self, event: str, **fields: object) -> None:
        self.told.append(event if event != "error" else f"error: {fields}")

    def set_peers(self, endpoints: dict[str, str]) -> None:
        pass

    def put(self, file: bytes) -> Cid:
        cid = file_dag(file)[0]
        self.held[cid] = file
        return cid

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        return await self.fetch_file(cid, max_bytes, deadline_seconds)

    async def fetch_file(self, cid: Cid, max_bytes: int, deadline_seconds: float) -> bytes:
        if cid not in self.held:
            raise BlockUnavailable(cid, deadline_seconds, 0)
        return self.held[cid]


class Guesser(Looker):
    """Does not run the policy: one entry of its trace is made up, and all that follows from it."""

    async def look(self, found: Found) -> Trace:
        return altered(await super().look(found), 5, through=True)


class Hider(Attendant):
    """Publishes nothing."""

    async def _answer(self, round_index: int, targets: tuple[CommittedWork, ...]) -> None:
        files: Any = self._participant.store
        before = set(files.held)
        await super()._answer(round_index, targets)
        for cid in set(files.held) - before:
            files.hidden[cid] = files.held.pop(cid)


class Doubler(Attendant):
    """Counts what it looked at twice."""

    async def _answer(self, round_index: int, targets: tuple[CommittedWork, ...]) -> None:
        await super()._answer(round_index, targets * 2)


@dataclasses.dataclass
class Verifier:
    """One verifier of the audit task, with its players."""

    who: Participant
    attendant: Attendant
    feed: GameFeed
    plays: GamePlayer
    clock: list[int]

    async def look(self) -> None:
        """One look at the chain, and what is due."""
        self.clock[0] = await self.who.chain.now()
        await self.who.refresh()
        await self.attendant.attend(self.clock[0])

    async def play(self) -> None:
        """One look at the disputes."""
        await self.who.refresh()
        await self.feed.refresh()
        await self.plays.play(await self.who.chain.now())


@dataclasses.dataclass
class Room:
    """The chain, the two tasks and whoever is needed."""

    rpc: LocalRpc
    people: list[Participant]
    files: Files
    versions: Any
    checked: TaskParams
    audit: TaskParams

    @property
    def tasks(self) -> tuple[bytes, bytes]:
        """The checked one and the audit's."""
        hub = self.people[0].hub.address
        return task_id(CHAIN_ID, hub, self.checked), task_id(CHAIN_ID, hub, self.audit)

    async def verifier(
        self, number: int, kind: type[Looker] = Looker, attends: type[Attendant] = Attendant
    ) -> Verifier:
        """One that has not joined yet."""
        who, (checked, audit) = self.people[number], self.tasks
        judge = AttentionJudge(who.chain, who.deployment.attention_judge)
        terms = await read_terms(judge, ARCHITECTURE)
        looker = kind(
            who, lambda: who.ledger.tasks[checked], lambda: who.ledger.tasks[audit], self.versions, terms
        )
        clock = [0]
        attendant = attends(who, looker, judge.address, bytes([number]) * 32, lambda: clock[0])
        feed = GameFeed(who.chain, who.hub, judge, terms, who.deployment.first_block, self.audit)
        return Verifier(who, attendant, feed, GamePlayer(who, feed, looker.recall, helps=True), clock)

    async def at(self, time: int) -> None:
        """Move the chain's clock on."""
        await self.rpc.request("evm_setNextBlockTimestamp", time)
        await self.rpc.request("evm_mine")

    async def credit(self, who: Participant) -> int:
        """What the hub owes an account."""
        return await who.hub.credit(self.audit.token, who.address)


@asynccontextmanager
async def room(folder: Path) -> AsyncIterator[Room]:
    """A checked task with one honest commitment, and an audit task that begins soon after it."""
    try:
        binary, built = find_binary(project_root(), "anvil"), artefacts(project_root())
    except ConfigError as error:
        pytest.skip(str(error))
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(local_chain(binary, 0, folder / "anvil.log"))
        rpc = await stack.enter_async_context(LocalRpc(local.rpc_url))
        jury, data = JuryTerms(3, 0, 20, 20, 0, 5, 400), DataTerms(100, 50)
        deployment = await deploy(local.rpc_url, CHAIN_ID, built, jury, data, TERMS)
        accounts = [Account.create() for _ in range(4)]
        await fund(local.rpc_url, deployment, {account.address: 40_000 for account in accounts})
        await rpc.blocks_on_demand()
        files: Any = Files()
        people = [
            Participant(
                await stack.enter_async_context(ChainClient(local.rpc_url, account, CHAIN_ID)),
                deployment,
                files,
                files,
                files,
            )
            for account in accounts
        ]
        creator, node = people[:2]
        terms = await wanted(creator)
        case = game_case(NARROW, terms, CHAIN_ID, deployment.hub, node.address)
        versions = SimpleNamespace(max_update_bytes=1000, false_updates=(), recall=recaller(case))
        await creator.approve(case.params.token, creator.hub.address, 10_000)
        await creator.send("create", creator.hub.create_task(case.params, 1000))
        audit = await create_audit(creator, case.params, case.context.task, AuditTerms(2, ANSWERS, RATE))
        one = Room(rpc, people, files, versions, case.params, audit)
        await commit(one, node, case)
        yield one


def recaller(case: Any) -> Any:
    """The version that the case's commitment names."""
    version = SimpleNamespace(
        manifest=WeightsManifest.from_bytes(case.manifest),
        layout=layout_of(case.shape),
        state=SimpleNamespace(weights=case.parameters),
    )

    async def recall(number: int, digest: bytes, seconds: float) -> Any:
        assert (number, digest) == (0, case.params.genesis_digest)
        return version

    return recall


async def pinned(who: Participant, address: str) -> Pinned:
    return Pinned(address, await who.chain.code_hash(address))


async def wanted(creator: Participant) -> TaskParams:
    """Terms of the checked task, but for what its weights decide."""
    deployment = creator.deployment
    return dataclasses.replace(
        example_params(),
        creator=creator.address,
        token=deployment.token,
        start=await creator.chain.now() + 10_000,
        round_seconds=1000,
        commit_seconds=900,
        rounds=2,
        max_tokens=9,
        rate=RATE,
        stake=STAKE,
        bond=BOND,
        challenge_window=700,
        dispute_seconds=TERMS.needed_seconds,
        reward_rule=await pinned(creator, deployment.sorting_reward),
        judges=(await pinned(creator, deployment.objective_judge),),
    )


async def commit(one: Room, node: Participant, case: Any) -> None:
    """The node publishes its rollouts and commits to them."""
    rollouts = rollout_file.encode(case.rollouts, case.params)
    task, params = case.context.task, case.params
    manifest = SubmissionManifest(
        task=task,
        node=node.address,
        round=0,
        sequence=0,
        policy=PolicyRef(0, params.genesis_digest),
        rollouts=file_reference(rollouts),
        update=pieced_reference(b"update"),
        units=UNITS,
        metrics=Metrics(0, 0),
    )
    for file in (rollouts, b"update"):
        one.files.put(file)
    one.files.held[Cid.from_digest(manifest.digest)] = manifest.to_bytes()
    await node.approve(params.token, node.hub.address, STAKE)
    await node.send("join", node.hub.join(params, node.address, node.address, UNITS, b""))
    await one.at(params.start)
    await node.send("open", node.hub.open_round(task, 0))
    await node.refresh()
    beacon, root = node.ledger.tasks[task].beacons[0], case.commitment.root
    await node.send("commit", node.hub.commit(task, beacon, 0, 0, root, manifest.digest, UNITS))


def test_who_looks_is_paid_and_who_guesses_loses_its_stake(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as one:
            guesser, honest = await one.verifier(2, Guesser), await one.verifier(3)
            for verifier in (guesser, honest):
                await verifier.look()  # joins
            await one.at(one.audit.start)
            for _ in range(2):
                await guesser.look()  # has the round's rollouts drawn, and answers
            for _ in range(2):
                await honest.look()  # answers, looks at the guesser's answer, and challenges it
            assert honest.attendant._observer.told.count("inattentive") == 1, one.files.told

            _, audit = one.tasks
            for _ in range(MOST_TURNS):
                await guesser.play()
                await honest.play()
                if honest.who.ledger.tasks[audit].slashed(guesser.who.address):
                    break
            ledger = honest.who.ledger.tasks[audit]
            assert ledger.slashed(guesser.who.address)
            assert not ledger.slashed(honest.who.address)
            # The reward, and the bond back.
            assert await one.credit(honest.who) == 10 * BOND + BOND

            end = round_start(one.audit, one.audit.rounds)
            await one.at(end + one.audit.challenge_window)
            for _ in range(2):
                await honest.look()  # claims, asks to leave
            await one.at(end + 10_000)
            await honest.look()  # leaves
            await honest.look()
            # Nobody lied in the checked task, and yet looking was paid: one target, one answer.
            assert await one.credit(honest.who) == 11 * BOND + RATE + STAKE
            assert honest.attendant.is_over

    asyncio.run(run())


def test_who_hides_what_it_made_up_is_asked_for_it_and_loses_its_stake(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as one:
            hider, honest = await one.verifier(2, Guesser, Hider), await one.verifier(3)
            for verifier in (hider, honest):
                await verifier.look()
            await one.at(one.audit.start)
            for _ in range(2):
                await hider.look()
            for _ in range(2):
                await honest.look()
            audit = one.tasks[1]
            assert not honest.who.ledger.tasks[audit].challenges
            await one.at(one.audit.start + one.audit.challenge_window * 3 // 4 + 10)
            await honest.look()
            # It shows its answer to the chain after all; what it needs for that it has itself.
            for _ in range(MOST_TURNS):
                published, one.files.held = one.files.held, one.files.held | one.files.hidden
                await hider.play()
                one.files.held = published
                await honest.play()
                if honest.who.ledger.tasks[audit].slashed(hider.who.address):
                    break
            assert honest.who.ledger.tasks[audit].slashed(hider.who.address), one.files.told

    asyncio.run(run())


def test_who_counts_one_look_twice_loses_its_stake_in_one_transaction(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as one:
            doubler, honest = await one.verifier(2, attends=Doubler), await one.verifier(3)
            for verifier in (doubler, honest):
                await verifier.look()
            await one.at(one.audit.start)
            for verifier in (doubler, honest):
                await verifier.look()
                await verifier.look()
            await honest.who.refresh()
            assert honest.who.ledger.tasks[one.tasks[1]].slashed(doubler.who.address), one.files.told

    asyncio.run(run())


def test_a_task_in_which_an_honest_answer_could_cost_the_stake_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with room(tmp_path) as one:
            who, (checked, audit) = one.people[2], one.tasks
            await who.refresh()
            ledgers, judge = who.ledger.tasks, who.deployment.attention_judge
            spec = dataclasses.replace(example_spec(), model=NARROW)

            def why(**changes: Any) -> str | None:
                changed = dataclasses.replace(ledgers[audit].params, **changes)
                task = dataclasses.replace(ledgers[audit], params=changed)
                return unfit(task, ledgers[checked], spec, TERMS, judge)

            assert why() is None
            assert why(genesis_digest=bytes(32)) == "it audits another task"
            others = "it names other judges than that of attention"
            assert why(judges=one.checked.judges) == others
            assert why(judges=(*one.audit.judges[:1], *one.checked.judges[:1])) == others
            different = "its chunks or its reward rule are not those of the task it audits"
            assert why(chunk_tokens=one.audit.chunk_tokens + 1) == different
            assert "a dispute takes up to" in str(why(dispute_seconds=TERMS.needed_seconds - 1))
            other = dataclasses.replace(example_spec(), model=dataclasses.replace(NARROW, layers=2))
            assert (
                unfit(ledgers[audit], ledgers[checked], other, TERMS, judge)
                == "its judge computes another policy"
            )

    asyncio.run(run())
