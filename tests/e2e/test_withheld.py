"""Withheld data on a real chain: a verifier demands it, a node shows it or loses, and what is shown can convict.

The verifier reaches nobody; the node, where it answers, has its own files. Time is the chain's own: the test moves it.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.presets import CANONICAL
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.node.publishing.disclosure import Discloser
from cupel.protocol.chain.bindings.data_judge import Answered, DataJudge
from cupel.protocol.chain.bindings.structs import ChallengeStatus, MemberStatus
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError
from cupel.protocol.network import Announcement, NetworkError
from cupel.protocol.participant import Participant
from cupel.protocol.spans import Origin
from cupel.protocol.spec.assignment import problem_index, round_seed, sample_seed
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.pieces import num_pieces
from cupel.protocol.spec.rollout import LeafContext, Rollout
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import Pinned, TaskParams, task_id
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.demand_vectors import CHECKPOINT, UPDATE, PublishedWork, example_version, publish
from cupel.protocol.testing.recorded_spans import recorded_spans
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.testing.waiting import eventually
from cupel.verifier.auditor import Auditor
from cupel.verifier.checks.base import Rules
from cupel.verifier.dispute.demands import Ask, CloseDemand
from cupel.verifier.dispute.responder import Responder
from cupel.verifier.dispute.solver import Challenge
from cupel.verifier.evidence import Judges
from cupel.verifier.inbox import Inbox
from cupel.verifier.journal import Journal
from cupel.verifier.options import Options
from cupel.verifier.withheld import WithheldData

STAKE, BOND, UNITS, WINDOW = 10_000, 100, 6, 400
JURY = JuryTerms(
    size=3,
    max_appeals=0,
    commit_seconds=20,
    reveal_seconds=20,
    appeal_seconds=0,
    grace_seconds=5,
    juror_stake=400,
)
DATA = DataTerms(answer_seconds=100, close_seconds=50)


class Recorder:
    """Remembers events; stands in for the screen."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


class NoVersions:
    """The versions of a verifier that could not compute any."""

    max_update_bytes = max_checkpoint_bytes = 10_000

    def __init__(self) -> None:
        self.false_updates: set[bytes] = set()

    def proven_digest(self, version: int) -> bytes | None:
        return None


class Files:
    """A swarm of one and its store, with these files of at most a block."""

    def __init__(self, *files: bytes) -> None:
        self._blocks = {file_dag(file)[0]: file for file in files}

    def put(self, block: bytes, cid: Cid | None = None) -> Cid:
        address = Cid.raw_of(block) if cid is None else cid
        self._blocks[address] = block
        return address

    def pin(self, cid: Cid) -> None:
        assert cid in self._blocks

    async def announce(self, announcement: Announcement) -> None:
        pass

    def __contains__(self, file: bytes) -> bool:
        return file_dag(file)[0] in self._blocks

    def set_peers(self, endpoints: dict[str, str]) -> None:
        pass

    async def fetch_block(self, address: Cid, *, deadline_seconds: float, max_bytes: int) -> bytes:
        try:
            return self._blocks[address]
        except KeyError:
            raise NetworkError(f"nobody serves {address}") from None

    async def missing_spans(self, root: Cid, max_bytes: int, deadline_seconds: float) -> None:
        return None  # it has a file or nothing of it

    async def fetch_file(self, address: Cid, *, deadline_seconds: float, max_bytes: int) -> bytes:
        return await self.fetch_block(address, deadline_seconds=deadline_seconds, max_bytes=max_bytes)


@dataclasses.dataclass
class Case:
    """A node's commitment to work that the verifier cannot fetch."""

    url: str
    rpc: LocalRpc
    node: Participant
    verifier: Participant
    params: TaskParams
    task: bytes
    work: PublishedWork
    inbox: Inbox
    withheld: WithheldData
    responder: Responder
    judge: DataJudge

    async def wait_until(self, time: int) -> None:
        """Mine a block with this timestamp."""
        await self.rpc.request("evm_setNextBlockTimestamp", time)
        await self.rpc.request("evm_mine")

    async def turn(self) -> list[str]:
        """One look of the verifier at the chain, and everything it calls for; the names of the actions."""
        self.inbox.now = await self.verifier.chain.now()
        events = await self.verifier.refresh()
        ledger = self.verifier.ledger.tasks[self.task]
        for logged in events:
            self.inbox.notice(logged, ledger)
        await self.withheld.refresh()
        actions = self.withheld.actions(self.inbox.now, ledger)
        for action in actions:
            await self.responder.carry_out(action)
        await asyncio.sleep(0.05)  # the inbox's own tasks look at the clock
        return [type(action).__name__ for action in actions]

    async def ask_for_everything(self, committed_at: int | None = None) -> int:
        """Let the verifier lose patience and demand; how many demands it makes."""
        await self.turn()
        committed_at = self.work.commitment.time if committed_at is None else committed_at
        await self.wait_until(committed_at + WINDOW // 2)
        return await self.ask_until_nothing_is_left()

    async def ask_until_nothing_is_left(self) -> int:
        """Look at the chain until there is nothing more to demand; how many demands were made."""
        asked = 0
        for _ in range(40):
            done = await self.turn()
            asked += done.count(Ask.__name__)
            if asked and not done:
                return asked
        raise AssertionError("the verifier does not stop asking")

    async def statuses(self) -> set[ChallengeStatus]:
        """Where the demands stand."""
        await self.verifier.refresh()
        return {record.status for record in self.verifier.ledger.tasks[self.task].challenges.values()}

    async def member_status(self) -> MemberStatus:
        return (await self.node.hub.member_of(self.task, self.node.address)).status


def honest_rollouts(params: TaskParams, node: Participant, task: bytes, beacon: bytes) -> list[Rollout]:
    """Right answers to the assigned problems, with proofs of the right form."""
    environment = get_environment(example_spec().environment)
    seed = round_seed(CHAIN_ID, node.hub.address, task, node.address, 0, beacon)
    rollouts = []
    for index in range(UNITS):
        problem = problem_index(seed, index // params.group_size, params.problem_count)
        tokens = (*sorted(environment.prompt(problem)[1:-1]), environment.end_token)
        proofs = tuple(
            b"\xff\xd9" + keccak256(bytes([index, chunk]))[: 2 * params.topk]
            for chunk in range(-(-len(tokens) // params.chunk_tokens))
        )
        reward = environment.reward(problem, tokens)
        rollouts.append(Rollout(problem, sample_seed(seed, index), tokens, reward, proofs))
    return rollouts


def honestly(rollouts: list[Rollout]) -> list[Rollout]:
    return rollouts


def greedily(rollouts: list[Rollout]) -> list[Rollout]:
    """Claims full rewards for wrong answers."""
    return [dataclasses.replace(rollout, tokens=(60, *rollout.tokens[1:])) for rollout in rollouts]


@asynccontextmanager
async def case(
    folder: Path,
    lie: Callable[[list[Rollout]], list[Rollout]],
    served: Callable[[PublishedWork], tuple[bytes, ...]] | None = None,
) -> AsyncIterator[Case]:
    """served: what the verifier can fetch of the work."""
    try:
        binary, built = find_binary(project_root(), "anvil"), artefacts(project_root())
    except ConfigError as error:
        pytest.skip(str(error))
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(local_chain(binary, 0, folder / "anvil.log"))
        rpc = await stack.enter_async_context(LocalRpc(local.rpc_url))
        deployment = await deploy(local.rpc_url, CHAIN_ID, built, JURY, DATA, CANONICAL)
        accounts = [Account.create() for _ in range(3)]
        await fund(local.rpc_url, deployment, {account.address: 20_000 for account in accounts})
        await rpc.blocks_on_demand()
        creator, node, verifier = [
            Participant(
                await stack.enter_async_context(ChainClient(local.rpc_url, account, CHAIN_ID)),
                deployment,
                files,  # type: ignore[arg-type]
                files,  # type: ignore[arg-type]
                Recorder(),
            )
            for account, files in zip(accounts, (Files(), Files(), Files()), strict=True)
        ]
        params = await make_task(creator, deployment)
        task = task_id(CHAIN_ID, deployment.hub, params)
        await node.approve(params.token, node.hub.address, STAKE)
        await node.send("join", node.hub.join(params, node.address, node.address, UNITS, b""))
        await rpc.request("evm_setNextBlockTimestamp", params.start)
        await rpc.request("evm_mine")
        await node.send("open", node.hub.open_round(task, 0))
        await node.refresh()
        beacon = node.ledger.tasks[task].beacons[0]
        rollouts = lie(honest_rollouts(params, node, task, beacon))
        context = LeafContext(CHAIN_ID, deployment.hub, task, node.address, 0, 0)
        work = publish(rollouts, params, context, 0)
        commitment = work.commitment
        call = node.hub.commit(task, beacon, 0, 0, commitment.root, commitment.manifest, UNITS)
        await node.send("commit", call)
        await node.refresh()
        time = node.ledger.tasks[task].work[node.address, 0].time
        work = dataclasses.replace(work, commitment=dataclasses.replace(commitment, time=time))
        node.swarm = Files(work.manifest, work.rollouts, UPDATE)  # type: ignore[assignment]
        if served is not None:
            verifier.swarm = verifier.store = Files(*served(work))  # type: ignore[assignment]
        spec = example_spec()
        rules = Rules(CHAIN_ID, deployment.hub, task, params, spec, get_environment(spec.environment), 64)
        judges = Judges.among(
            params.judges, deployment.objective_judge, deployment.jury_judge, deployment.data_judge
        )
        journal = Journal(folder, task)
        versions: Any = NoVersions()
        auditor = Auditor(rules, verifier.swarm, versions)
        inbox = Inbox(verifier, auditor, journal, judges, Options(4), folder)
        withheld = WithheldData(verifier, task, judges, inbox, versions.false_updates)
        await withheld.prepare()
        responder = Responder(verifier, task, params, judges, journal, withheld.feed)
        judge = DataJudge(verifier.chain, deployment.data_judge)
        yield Case(local.rpc_url, rpc, node, verifier, params, task, work, inbox, withheld, responder, judge)
        await inbox.close()


async def make_task(creator: Participant, deployment: Deployment) -> TaskParams:
    async def pinned(address: str) -> Pinned:
        return Pinned(address, await creator.chain.code_hash(address))

    params = dataclasses.replace(
        example_params(),
        creator=creator.address,
        token=deployment.token,
        start=await creator.chain.now() + 10_000,
        round_seconds=1000,
        commit_seconds=900,
        problems_per_round=3,
        group_size=2,
        chunk_tokens=4,
        topk=16,
        max_tokens=9,
        rate=10,
        stake=STAKE,
        bond=BOND,
        challenge_window=WINDOW,
        dispute_seconds=DATA.answer_seconds + DATA.close_seconds,
        reward_rule=await pinned(deployment.sorting_reward),
        judges=(
            await pinned(deployment.objective_judge),
            await pinned(deployment.jury_judge),
            await pinned(deployment.data_judge),
        ),
    )
    await creator.approve(params.token, creator.hub.address, 10_000)
    await creator.send("create", creator.hub.create_task(params, 1000))
    return params


async def answer_everything(case: Case) -> None:
    """The node's own answers, until no demand waits for one."""
    discloser = Discloser(case.node, lambda: case.node.ledger.tasks[case.task], (10_000, 10_000), set())
    assert discloser._judge is not None
    await discloser._answer_all(discloser._judge)


UPDATE_PIECES = num_pieces(len(UPDATE))
# Of the largest checkpoint that the task can have.
VERSION_PIECES = num_pieces(NoVersions.max_checkpoint_bytes)
# Manifest, of two rollouts the leaf and three chunks each of tokens and of proofs, and a piece of the update.
DEMANDS = 1 + 2 * (1 + 3 + 3) + 1


def test_an_honest_node_answers_and_loses_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with case(tmp_path, honestly) as one:
            assert await one.ask_for_everything() == DEMANDS
            assert await one.statuses() == {ChallengeStatus.PENDING}
            await answer_everything(one)
            assert await one.statuses() == {ChallengeStatus.DISMISSED}
            assert await one.member_status() is MemberStatus.ACTIVE
            assert one.inbox.accusations == {}
            # The manifest, now that it was shown, tells of the other pieces.
            assert await one.ask_until_nothing_is_left() == UPDATE_PIECES - 1
            assert one.work.manifest in one.verifier.store  # type: ignore[operator]  # its `Files`
            await answer_everything(one)
            assert await one.turn() == []
            assert UPDATE in one.verifier.store  # type: ignore[operator]  # its `Files`
            demands = DEMANDS + UPDATE_PIECES - 1
            assert await one.node.hub.credit(one.params.token, one.verifier.address) == demands * BOND
            await check_pay(one, demands)
            await one.responder.collect()
            assert await one.judge.credit(one.verifier.address) == 0
            origin = Origin.of(next(iter(one.node.ledger.tasks)), one.node.address, one.work.commitment.round)
            for name in ("challenge", "answer"):
                assert [span.origin for span in told.named(name)] == demands * [origin], name

    with recorded_spans() as told:
        asyncio.run(run())


async def check_pay(one: Case, demands: int) -> None:
    """Every answer but the first, which made slots of credit, earned its transaction's gas, and a little more."""
    head = await one.verifier.chain.head()
    settled = [
        logged
        for logged in await one.verifier.chain.logs(one.judge, 0, head)
        if isinstance(logged.event, Answered)
    ]
    assert len(settled) == demands
    for logged in settled[1:]:
        digest = "0x" + logged.transaction_hash.hex()
        receipt = await one.rpc.request("eth_getTransactionReceipt", digest)
        block = await one.rpc.request("eth_getBlockByNumber", receipt["blockNumber"], False)
        used, fee = int(receipt["gasUsed"], 16), int(block["baseFeePerGas"], 16)
        event: Any = logged.event
        assert used <= event.paid // fee <= used * 106 // 100
        assert event.burned == event.paid // 4


def test_a_silent_node_is_slashed(tmp_path: Path) -> None:
    async def run() -> None:
        async with case(tmp_path, honestly) as one:
            await one.ask_for_everything()
            await one.wait_until(one.work.commitment.time + WINDOW // 2 + 40 + DATA.answer_seconds)
            for _ in range(4):
                actions = await one.turn()
                if CloseDemand.__name__ in actions:
                    break
            assert await one.member_status() is MemberStatus.SLASHED

    asyncio.run(run())


def test_what_a_node_shows_can_convict_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with case(tmp_path, greedily) as one:
            await one.ask_for_everything()
            await answer_everything(one)
            assert await one.turn() == []
            (accusation,) = one.inbox.accusations.values()
            assert accusation.reason is Reason.WRONG_REWARD
            await one.responder.carry_out(Challenge(accusation))
            assert await one.member_status() is MemberStatus.SLASHED

    asyncio.run(run())


def all_but_the_update(work: PublishedWork) -> tuple[bytes, ...]:
    return work.manifest, work.rollouts


def test_who_withholds_only_its_update_is_slashed(tmp_path: Path) -> None:
    async def run() -> None:
        async with case(tmp_path, honestly, all_but_the_update) as one:
            assert await one.ask_for_everything() == UPDATE_PIECES
            await one.wait_until(one.work.commitment.time + WINDOW // 2 + 40 + DATA.answer_seconds)
            await one.turn()
            assert await one.member_status() is MemberStatus.SLASHED

    asyncio.run(run())


def test_an_update_that_had_to_be_shown_is_there_for_all_and_checked(tmp_path: Path) -> None:
    async def run() -> None:
        async with case(tmp_path, honestly, all_but_the_update) as one:
            assert await one.ask_for_everything() == UPDATE_PIECES
            await answer_everything(one)
            assert await one.statuses() == {ChallengeStatus.DISMISSED}
            await one.turn()
            assert UPDATE in one.verifier.store  # type: ignore[operator]  # its `Files`
            await eventually(lambda: bool(one.inbox.accusations))
            # What this node published is too short for an update, and that came to light.
            (accusation,) = one.inbox.accusations.values()
            assert accusation.reason is Reason.SIZE

    asyncio.run(run())


@pytest.mark.parametrize("shows", [True, False], ids=["shown", "withheld"])
def test_a_posted_version_is_shown_or_its_poster_slashed(tmp_path: Path, shows: bool) -> None:
    async def run() -> None:
        async with case(tmp_path, honestly) as one:
            manifest, _ = example_version()
            node, hub = one.node, one.node.hub
            await one.wait_until(one.params.start + one.params.round_seconds)
            await node.send("post", hub.post_checkpoint(one.task, 1, manifest.digest))
            await node.refresh()
            (posted,) = node.ledger.tasks[one.task].posted
            assert await one.ask_for_everything(posted.time) == 1 + VERSION_PIECES
            if shows:
                node.swarm = Files(manifest.to_bytes(), CHECKPOINT)  # type: ignore[assignment]
                await answer_everything(one)
                await one.turn()
                assert await one.member_status() is MemberStatus.ACTIVE
                assert CHECKPOINT in one.verifier.store  # type: ignore[operator]  # its `Files`
            else:
                await one.wait_until(posted.time + WINDOW // 2 + 40 + DATA.answer_seconds)
                await one.turn()
                assert await one.member_status() is MemberStatus.SLASHED

    asyncio.run(run())
