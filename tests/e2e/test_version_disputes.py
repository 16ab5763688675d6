"""A dispute about a posted version before the real judges: a poster that stands by a false integer, and one verifier.

The game runs over transactions and events alone. The judge of computation passes it on to the judge of versions.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.protocol.chain.bindings.aggregate_judge import AggregateJudge
from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.version_games import VersionFeed, read_version_terms
from cupel.protocol.game_player import VersionPlayer
from cupel.protocol.games import VersionRecord
from cupel.protocol.participant import Participant
from cupel.protocol.spec.aggregate.game import Entry, Terms
from cupel.protocol.spec.aggregate.players import Making
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.referee.game import Terms as ComputationTerms
from cupel.protocol.spec.rounds import commitment_of
from cupel.protocol.spec.task import Pinned, TaskParams, task_id
from cupel.protocol.testing.aggregate_case import (
    AGGREGATION,
    MAX_EXPONENT_OFFSET,
    POSTED_VERSION,
    AggregateCase,
    aggregate_case,
)
from cupel.protocol.testing.aggregate_play import altered
from cupel.protocol.testing.game_case import NARROW, THRESHOLDS
from cupel.protocol.testing.vectors import example_params

STAKE, BOND = 10_000, 100
JURY = JuryTerms(3, 0, 20, 20, 0, 5, 400)
DATA = DataTerms(answer_seconds=100, close_seconds=50)
COMPUTATION = ComputationTerms(NARROW, THRESHOLDS, clock_seconds=100, grace_seconds=10)
MOST_TURNS = 20


class Quiet:
    """Stands in for screen and swarm."""

    def emit(self, event: str, **fields: object) -> None:
        pass

    def set_peers(self, endpoints: dict[str, str]) -> None:
        pass


@dataclasses.dataclass
class Court:
    """Two rounds of three nodes on a chain, and a poster of what follows from them."""

    rpc: LocalRpc
    poster: Participant
    verifier: Participant
    case: AggregateCase
    terms: Terms
    task: bytes

    async def post(self, making: Making) -> None:
        """The poster posts this as version 2, and is challenged."""
        digest, params = sha256(making.version.manifest), self.case.params
        call = self.poster.hub.post_checkpoint(self.task, POSTED_VERSION, digest)
        await self.poster.send("post", call)
        await self.verifier.refresh()
        (commitment,) = self.verifier.ledger.tasks[self.task].commitments(self.poster.address)
        await self.verifier.approve(params.token, self.verifier.hub.address, BOND)
        judge = self.verifier.deployment.canonical_judge
        call = self.verifier.hub.challenge(params, self.poster.address, commitment, judge, b"")
        await self.verifier.send("challenge", call)

    async def player(self, who: Participant, making: Making) -> tuple[VersionFeed, VersionPlayer]:
        """A player that holds this for the true version."""
        address = await CanonicalJudge(who.chain, who.deployment.canonical_judge).aggregate()
        judge, first = AggregateJudge(who.chain, address), who.deployment.first_block
        feed = VersionFeed(who.chain, who.hub, judge, self.terms, lambda _: self.case.params, first)

        async def recall(record: VersionRecord) -> Making:
            return making if record.game.matter.version == POSTED_VERSION else self.case.makings[1]

        return feed, VersionPlayer(who, feed, self.terms, recall)

    async def settle(self, accused: Making, challenger: Making) -> ChallengeStatus:
        """Let both play in turn until the game is over, or nobody has anything to say."""
        players = [await self.player(self.poster, accused), await self.player(self.verifier, challenger)]
        for _ in range(MOST_TURNS):
            for feed, player in players:
                await feed.refresh()
                await player.play(await self.verifier.chain.now())
            await self.verifier.refresh()
            (record,) = self.verifier.ledger.tasks[self.task].challenges.values()
            if record.status is not ChallengeStatus.PENDING:
                return record.status
        return ChallengeStatus.PENDING

    async def let_time_pass(self) -> None:
        """Until nobody has any left."""
        now = await self.poster.chain.now()
        await self.rpc.request("evm_setNextBlockTimestamp", now + self.terms.clock_seconds + 1)
        await self.rpc.request("evm_mine")


@asynccontextmanager
async def court(folder: Path) -> AsyncIterator[Court]:
    """A task, its members and their work."""
    accounts = sorted((Account.create() for _ in range(4)), key=lambda one: int(one.address, 16))
    creator, verifier = Account.create(), Account.create()
    everyone: list[LocalAccount] = [creator, *accounts, verifier]
    async with AsyncExitStack() as stack:
        anvil = find_binary(project_root(), "anvil")
        local = await stack.enter_async_context(local_chain(anvil, 0, folder / "anvil.log"))
        case = aggregate_case(example_params(), nodes=[one.address for one in accounts])
        deployment = await deploy(
            local.rpc_url, CHAIN_ID, artefacts(project_root()), JURY, DATA, COMPUTATION, case.terms
        )
        await fund(local.rpc_url, deployment, {one.address: 100_000 for one in everyone})
        rpc = await stack.enter_async_context(LocalRpc(local.rpc_url))
        await rpc.blocks_on_demand()
        made, *members, challenger = [
            Participant(
                await stack.enter_async_context(ChainClient(local.rpc_url, account, CHAIN_ID)),
                deployment,
                Quiet(),  # type: ignore[arg-type]
                Quiet(),  # type: ignore[arg-type]
                Quiet(),
            )
            for account in everyone
        ]
        params = await wanted(made, case)
        task = task_id(CHAIN_ID, made.hub.address, params)
        await made.approve(params.token, made.hub.address, 10_000)
        await made.send("create", made.hub.create_task(params, 1000))
        for member in members:
            await member.approve(params.token, member.hub.address, STAKE)
            await member.send("join", member.hub.join(params, member.address, member.address, 10, b""))
        case = dataclasses.replace(case, params=params)
        case = await worked(rpc, case, task, members[:3])
        judge = CanonicalJudge(made.chain, deployment.canonical_judge)
        terms = await read_version_terms(AggregateJudge(made.chain, await judge.aggregate()))
        assert terms == Terms(case.terms.parameters, AGGREGATION, MAX_EXPONENT_OFFSET, 100, 10)
        yield Court(rpc, members[3], challenger, case, terms, task)


async def wanted(creator: Participant, case: AggregateCase) -> TaskParams:
    """Terms of the task."""

    async def pinned(address: str) -> Pinned:
        return Pinned(address, await creator.chain.code_hash(address))

    deployment = creator.deployment
    return dataclasses.replace(
        case.params,
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
        dispute_seconds=case.terms.needed_seconds,
        reward_rule=await pinned(deployment.sorting_reward),
        judges=(await pinned(deployment.objective_judge), await pinned(deployment.canonical_judge)),
    )


async def worked(
    rpc: LocalRpc, case: AggregateCase, task: bytes, members: list[Participant]
) -> AggregateCase:
    """Two rounds of commitments; the case with them as the chain has them."""
    for version in (1, 2):
        await rpc.request(
            "evm_setNextBlockTimestamp", case.params.start + (version - 1) * case.params.round_seconds
        )
        await rpc.request("evm_mine")
        await members[0].send("open", members[0].hub.open_round(task, version - 1))
        await members[0].refresh()
        beacon = members[0].ledger.tasks[task].beacons[version - 1]
        for member, one in zip(members, case.makings[version].accepted, strict=True):
            said = one.entry.commitment
            await member.send(
                "commit",
                member.hub.commit(
                    task, beacon, said.sequence, said.round, said.root, said.manifest, said.units
                ),
            )
    await rpc.request("evm_setNextBlockTimestamp", case.params.start + 2 * case.params.round_seconds)
    await rpc.request("evm_mine")
    await members[0].refresh()
    ledger = members[0].ledger.tasks[task]
    makings = {
        version: dataclasses.replace(
            making,
            accepted=tuple(
                dataclasses.replace(
                    one,
                    entry=Entry(one.entry.node, commitment_of(ledger.work[one.entry.node, version - 1])),
                )
                for one in making.accepted
            ),
        )
        for version, making in case.makings.items()
    }
    return dataclasses.replace(case, makings=makings)


def test_a_poster_that_stands_by_a_false_integer_loses_to_one_verifier(tmp_path: Path) -> None:
    async def run() -> None:
        async with court(tmp_path) as one:
            true = one.case.makings[POSTED_VERSION]
            false = altered(true, len(true.version.file) - 3)
            await one.post(false)
            assert await one.settle(false, true) is ChallengeStatus.GUILTY
            assert one.verifier.ledger.tasks[one.task].slashed(one.poster.address)

    asyncio.run(run())


def test_an_honest_poster_answers_to_the_last_integer_and_wins_the_bond(tmp_path: Path) -> None:
    async def run() -> None:
        async with court(tmp_path) as one:
            true = one.case.makings[POSTED_VERSION]
            await one.post(true)
            status = await one.settle(true, altered(true, len(true.version.file) - 3))
            assert status is ChallengeStatus.PENDING
            await one.let_time_pass()
            assert await one.settle(true, true) is ChallengeStatus.NOT_GUILTY
            credit = await one.poster.hub.credit(one.case.params.token, one.poster.address)
            assert credit == BOND

    asyncio.run(run())
