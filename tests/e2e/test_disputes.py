"""Disputes about computation before the real judge: the players of nodes and verifiers, on a chain of their own.

Every game runs over transactions and events alone. Time is the chain's; where somebody is silent, the test moves it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.games import GameFeed, read_terms
from cupel.protocol.config import ConfigError
from cupel.protocol.game_player import GamePlayer
from cupel.protocol.games import GameRecord
from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.participant import Participant
from cupel.protocol.reenactment import Reenactment
from cupel.protocol.spans import Origin
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.referee import layout
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.referee.layout import Part, Row
from cupel.protocol.spec.referee.sides import Trace
from cupel.protocol.spec.rollout import LeafContext
from cupel.protocol.spec.task import Pinned, TaskParams, task_id
from cupel.protocol.spec.toploc.build import build_proof
from cupel.protocol.testing.dispute_play import Table, altered, committed
from cupel.protocol.testing.game_case import NARROW, THRESHOLDS, TOPK, game_case
from cupel.protocol.testing.recorded_spans import recorded_spans
from cupel.protocol.testing.vectors import example_params

STAKE, BOND, UNITS = 10_000, 100, 3
ROLLOUT, CHUNK = 0, 1
JURY = JuryTerms(3, 0, 20, 20, 0, 5, 400)
DATA = DataTerms(answer_seconds=100, close_seconds=50)
TERMS = Terms(NARROW, THRESHOLDS, clock_seconds=100, grace_seconds=10)
MOST_TURNS = 20


class Quiet:
    """Stands in for screen and swarm."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def emit(self, event: str, **fields: object) -> None:
        self.told.append(f"{event}: {fields}")

    def set_peers(self, endpoints: dict[str, str]) -> None:
        pass


@dataclasses.dataclass
class Court:
    """A node's commitment, and whoever challenges it."""

    rpc: LocalRpc
    node: Participant
    verifier: Participant
    table: Table
    terms: Terms

    async def challenge(self) -> None:
        """Put down the bond."""
        hub, case, params = self.verifier.hub, self.table.case, self.table.case.params
        await self.verifier.approve(params.token, hub.address, BOND)
        judge = self.verifier.deployment.canonical_judge
        call = hub.challenge(params, self.node.address, case.commitment, judge, words(ROLLOUT, CHUNK))
        await self.verifier.send("challenge", call)

    def player(self, who: Participant, own: Trace, *, stands_by: Trace | None = None) -> Player:
        """A player that holds `own` for the referee's trace; accused, it stands by `stands_by`."""
        judge = CanonicalJudge(who.chain, who.deployment.canonical_judge)
        feed = GameFeed(who.chain, who.hub, judge, self.terms, who.deployment.first_block)
        held = Reenactment(self.table.matter, own, self.table.held, self.table.answer_of(own))

        async def recall(record: GameRecord) -> Reenactment:
            assert (record.rollout, record.chunk) == (ROLLOUT, CHUNK)
            return held

        shown = own if stands_by is None else stands_by
        return Player(
            feed, GamePlayer(who, feed, recall, stand=lambda _: (self.table.answer_of(shown), shown)), who
        )

    async def settle(self, *players: Player) -> ChallengeStatus:
        """Let them play in turn, from the first, until the game is over. Who does not play is silent."""
        for _ in range(MOST_TURNS):
            for player in players:
                await player.turn()
            await self.verifier.refresh()
            (record,) = self.verifier.ledger.tasks[self.table.case.context.task].challenges.values()
            if record.status is not ChallengeStatus.PENDING:
                return record.status
        return ChallengeStatus.PENDING

    async def let_time_pass(self) -> None:
        """Until nobody has any left."""
        now = await self.node.chain.now()
        await self.rpc.request("evm_setNextBlockTimestamp", now + self.terms.clock_seconds)
        await self.rpc.request("evm_mine")


@dataclasses.dataclass
class Player:
    """One side."""

    feed: GameFeed
    plays: GamePlayer
    who: Participant

    async def turn(self) -> None:
        """One look at the chain."""
        await self.feed.refresh()
        await self.plays.play(await self.who.chain.now())


@asynccontextmanager
async def court(folder: Path, lie: Part | None) -> AsyncIterator[tuple[Court, Trace]]:
    """A court, and the trace that the node made its proof from: false from a row of this kind on, unless honest."""
    try:
        binary, built = find_binary(project_root(), "anvil"), artefacts(project_root())
    except ConfigError as error:
        pytest.skip(str(error))
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(local_chain(binary, 0, folder / "anvil.log"))
        rpc = await stack.enter_async_context(LocalRpc(local.rpc_url))
        deployment = await deploy(local.rpc_url, CHAIN_ID, built, JURY, DATA, TERMS)
        accounts = [Account.create() for _ in range(3)]
        await fund(local.rpc_url, deployment, {account.address: 20_000 for account in accounts})
        await rpc.blocks_on_demand()
        creator, node, verifier = [
            Participant(
                await stack.enter_async_context(ChainClient(local.rpc_url, account, CHAIN_ID)),
                deployment,
                Quiet(),  # type: ignore[arg-type]
                Quiet(),  # type: ignore[arg-type]
                Quiet(),
            )
            for account in accounts
        ]
        case = game_case(NARROW, await wanted(creator), CHAIN_ID, deployment.hub, node.address)
        table = Table.of(case, ROLLOUT, CHUNK)
        trace = table.trace
        if lie is not None:
            tokens = len(trace.tokens)
            row = Row(lie, 0, 0, table.place[0])
            trace = altered(trace, layout.row_index(NARROW, tokens, row), through=True)
            table = committed(table, build_proof(trace.patterns(*table.place), TOPK))
        time = await commit(rpc, creator, node, table)
        case = table.case
        case = dataclasses.replace(case, commitment=dataclasses.replace(case.commitment, time=time))
        terms = await read_terms(CanonicalJudge(node.chain, deployment.canonical_judge), ARCHITECTURE)
        assert terms == TERMS
        yield Court(rpc, node, verifier, dataclasses.replace(table, case=case), terms), trace


async def wanted(creator: Participant) -> TaskParams:
    """Terms of the task, but for what its weights decide."""

    async def pinned(address: str) -> Pinned:
        return Pinned(address, await creator.chain.code_hash(address))

    deployment = creator.deployment
    return dataclasses.replace(
        example_params(),
        creator=creator.address,
        token=deployment.token,
        start=await creator.chain.now() + 10_000,
        round_seconds=1000,
        commit_seconds=900,
        max_tokens=9,
        rate=10,
        stake=STAKE,
        bond=BOND,
        challenge_window=400,
        dispute_seconds=TERMS.needed_seconds,
        reward_rule=await pinned(deployment.sorting_reward),
        judges=(await pinned(deployment.objective_judge), await pinned(deployment.canonical_judge)),
    )


async def commit(rpc: LocalRpc, creator: Participant, node: Participant, table: Table) -> int:
    """Create the task, join it and commit; when that was."""
    params, commitment = table.case.params, table.case.commitment
    task = task_id(CHAIN_ID, creator.hub.address, params)
    assert table.case.context == LeafContext(CHAIN_ID, creator.hub.address, task, node.address, 0, 0)
    await creator.approve(params.token, creator.hub.address, 10_000)
    await creator.send("create", creator.hub.create_task(params, 1000))
    await node.approve(params.token, node.hub.address, STAKE)
    await node.send("join", node.hub.join(params, node.address, node.address, UNITS, b""))
    await rpc.request("evm_setNextBlockTimestamp", params.start)
    await rpc.request("evm_mine")
    await node.send("open", node.hub.open_round(task, 0))
    await node.refresh()
    beacon = node.ledger.tasks[task].beacons[0]
    root, manifest = commitment.root, commitment.manifest
    await node.send("commit", node.hub.commit(task, beacon, 0, 0, root, manifest, UNITS))
    await node.refresh()
    return node.ledger.tasks[task].work[node.address, 0].time


@pytest.mark.parametrize("lie", list(Part), ids=lambda part: part.name)
def test_a_node_that_stands_by_false_states_loses_to_one_verifier(tmp_path: Path, lie: Part) -> None:
    async def run() -> None:
        async with court(tmp_path, lie) as (one, false):
            await one.challenge()
            liar = one.player(one.node, one.table.trace, stands_by=false)
            verifier = one.player(one.verifier, one.table.trace)
            assert await one.settle(liar, verifier) is ChallengeStatus.GUILTY
            assert one.verifier.ledger.tasks[one.table.case.context.task].slashed(one.node.address)

    asyncio.run(run())


def test_an_honest_node_answers_to_the_last_row_and_wins_the_bond(tmp_path: Path) -> None:
    async def run() -> None:
        async with court(tmp_path, None) as (one, trace):
            await one.challenge()
            await one.verifier.refresh()
            node = one.player(one.node, trace)
            # It charges a row that is right, down to an entry, and has nothing to execute there.
            row = layout.row_index(NARROW, len(trace.tokens), Row(Part.FEED_IN, 0, 0, 3))
            accuser = one.player(one.verifier, altered(trace, row, through=True))
            assert await one.settle(node, accuser) is ChallengeStatus.PENDING
            await one.let_time_pass()
            assert await one.settle(node) is ChallengeStatus.NOT_GUILTY
            credit = await one.node.hub.credit(one.table.case.params.token, one.node.address)
            assert credit == BOND
            moves, task = told.named("move"), one.table.case.context.task
            assert {move.origin for move in moves} == {Origin.of(task, one.node.address, 0)}
            assert {"Answer", "OpenNode"} < {str(move.attributes["move"]) for move in moves}

    with recorded_spans() as told:
        asyncio.run(run())


def test_a_node_that_is_silent_loses(tmp_path: Path) -> None:
    async def run() -> None:
        async with court(tmp_path, None) as (one, trace):
            await one.challenge()
            await one.verifier.refresh()
            verifier = one.player(one.verifier, trace)
            await verifier.turn()
            await one.let_time_pass()
            assert await one.settle(verifier) is ChallengeStatus.GUILTY
            (ended,) = told.named("end game")
            assert ended.origin == Origin.of(one.table.case.context.task, one.node.address, 0)

    with recorded_spans() as told:
        asyncio.run(run())
