"""Our evidence before the real judges, and disputes from accusation to slash, on a local chain.

One task, one round, one node per lie. Time is the chain's own: the test moves it.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.presets import CANONICAL
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.protocol.chain.bindings.objective_judge import ObjectiveJudge
from cupel.protocol.chain.bindings.structs import ChallengeStatus, MemberStatus, Verdict
from cupel.protocol.chain.bindings.test_token import TestToken as Token
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.demands import DemandFeed
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError
from cupel.protocol.participant import Participant
from cupel.protocol.spans import Origin
from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.repetition import Place
from cupel.protocol.spec.rollout import PolicyRef
from cupel.protocol.spec.rounds import CommittedWork, commitment_of
from cupel.protocol.spec.task import Pinned, TaskParams
from cupel.protocol.testing.recorded_spans import recorded_spans
from cupel.verifier.audit import examine
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.dispute.responder import Responder
from cupel.verifier.dispute.solver import Dispute, Stop, View, decide
from cupel.verifier.dispute.trials import TrialFeed, read_rules
from cupel.verifier.evidence import Accusation, Judges, accuse, document_of, objective_evidence
from cupel.verifier.journal import Journal

STAKE, BOND, JUROR_STAKE = 10_000, 100, 400
GENESIS = b"\7" * 32
JURY = JuryTerms(
    size=3,
    max_appeals=1,
    commit_seconds=20,
    reveal_seconds=20,
    appeal_seconds=10,
    grace_seconds=5,
    juror_stake=JUROR_STAKE,
)
APPEAL_BOND = 7 * JUROR_STAKE // 4
DATA = DataTerms(answer_seconds=20, close_seconds=10)


@dataclass
class Recorder:
    """Remembers events; stands in for the screen."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


class NoPeers:
    """A swarm of one."""

    def set_peers(self, endpoints: dict[str, str]) -> None:
        assert not endpoints


@dataclass
class Chain:
    """A chain with the contracts, and a way to move its clock."""

    url: str
    rpc: LocalRpc
    deployment: Deployment
    stack: AsyncExitStack

    async def account(self, tokens: int) -> Participant:
        """A funded account with its own view of the hub."""
        account = Account.create()
        await fund(self.url, self.deployment, {account.address: tokens})
        await self.rpc.blocks_on_demand()
        client = await self.stack.enter_async_context(ChainClient(self.url, account, CHAIN_ID))
        return Participant(client, self.deployment, None, NoPeers(), Recorder())  # type: ignore[arg-type]

    async def now(self) -> int:
        """Timestamp of the newest block."""
        newest = await self.rpc.request("eth_getBlockByNumber", "latest", False)
        return int(newest["timestamp"], 16)

    async def wait_until(self, time: int) -> None:
        """Mine a block with this timestamp."""
        await self.rpc.request("evm_setNextBlockTimestamp", time)
        await self.rpc.request("evm_mine")


@asynccontextmanager
async def running_chain(log: Path) -> AsyncIterator[Chain]:
    try:
        binary, built = find_binary(project_root(), "anvil"), artefacts(project_root())
    except ConfigError as error:
        pytest.skip(str(error))
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(local_chain(binary, 0, log))
        rpc = await stack.enter_async_context(LocalRpc(local.rpc_url))
        deployment = await deploy(local.rpc_url, CHAIN_ID, built, JURY, DATA, CANONICAL)
        yield Chain(local.rpc_url, rpc, deployment, stack)


async def make_task(chain: Chain, creator: Participant, params: TaskParams) -> TaskParams:
    """The world's task on the real hub."""
    deployment, client = chain.deployment, creator.chain

    async def pinned(address: str) -> Pinned:
        return Pinned(address, await client.code_hash(address))

    params = dataclasses.replace(
        params,
        creator=creator.address,
        token=deployment.token,
        genesis_digest=GENESIS,
        start=await client.now() + 10_000,
        round_seconds=1000,
        commit_seconds=900,
        challenge_window=500,
        dispute_seconds=JURY.needed_seconds,
        stake=STAKE,
        bond=BOND,
        reward_rule=await pinned(deployment.sorting_reward),
        judges=(await pinned(deployment.objective_judge), await pinned(deployment.jury_judge)),
    )
    await creator.approve(params.token, creator.hub.address, 10_000)
    await creator.send("create", creator.hub.create_task(params, 10_000 // params.rate))
    return params


Lie = Callable[[Any], FetchedSubmission]


def wrong_seed(world: Any) -> FetchedSubmission:
    return world.submission(world.changed(5, seed=bytes(32)))


def wrong_problem(world: Any) -> FetchedSubmission:
    return world.submission(world.changed(6, problem=world.rollouts[0].problem))


def wrong_reward(world: Any) -> FetchedSubmission:
    return world.submission(world.changed(6, reward=1_000_000))


def malformed_proof(world: Any) -> FetchedSubmission:
    index = next(i for i, rollout in enumerate(world.rollouts) if len(rollout.proofs) > 1)
    honest = world.rollouts[index].proofs
    return world.submission(world.changed(index, proofs=(*honest[:-1], bytes(len(honest[0])))))


def future_policy(world: Any) -> FetchedSubmission:
    return world.submission(manifest={"policy": PolicyRef(1, GENESIS)})


def wrong_genesis(world: Any) -> FetchedSubmission:
    return world.submission(manifest={"policy": PolicyRef(0, bytes(32))})


def honest(world: Any) -> FetchedSubmission:
    return world.submission()


def empty_leaf(world: Any) -> FetchedSubmission:
    """Seven rollouts counted as eight."""
    submission = world.submission(world.rollouts[:7])
    root = merkle.root((*submission.leaf_hashes, merkle.EMPTY_LEAF))
    return world.submission(world.rollouts[:7], manifest={"units": 8}, units=8, root=root)


def surplus_leaf(world: Any) -> FetchedSubmission:
    return world.submission(manifest={"units": 7}, units=7)


def repeated_proof(world: Any) -> FetchedSubmission:
    """The last rollout is a copy of the first, which is of another problem, and earns what it earns."""
    source, problem = world.rollouts[0], world.rollouts[7].problem
    reward = world.rules.environment.reward(problem, source.tokens)
    copy = world.changed(7, tokens=source.tokens, proofs=source.proofs, reward=reward)
    return world.submission(copy)


def wrong_root(world: Any) -> FetchedSubmission:
    """One for the jury: the committed tree is of nothing that was published."""
    return world.submission(root=b"\7" * 32)


LIES: tuple[Lie, ...] = (
    wrong_seed,
    wrong_problem,
    wrong_reward,
    malformed_proof,
    future_policy,
    wrong_genesis,
    empty_leaf,
    surplus_leaf,
    repeated_proof,
)
# What a check of files can hold against a node.
FOUND = (
    ObjectiveKind.WRONG_ASSIGNMENT,
    ObjectiveKind.WRONG_REWARD,
    ObjectiveKind.MALFORMED_PROOF,
    ObjectiveKind.MALFORMED_LEAF,
    ObjectiveKind.REPEATED_PROOF,
)


async def commit(node: Participant, world: Any, lie: Lie) -> FetchedSubmission:
    """A node's commitment as the chain tells it, with its files."""
    rules = world.rules
    beacon = await node.hub.beacon_of(rules.task, 0)
    reference = PolicyRef(0, GENESIS)
    world = dataclasses.replace(
        world, node=node.address, beacon=beacon, round=0, sequence=0, reference=reference
    )
    submission = lie(world)
    work = submission.work
    call = node.hub.commit(rules.task, beacon, 0, 0, work.root, work.manifest, work.units)
    await node.send("commit", call)
    await node.refresh()
    committed: CommittedWork = node.ledger.tasks[rules.task].work[node.address, 0]
    assert dataclasses.replace(committed, time=work.time) == work
    return dataclasses.replace(submission, work=committed)


def finding_of(submission: FetchedSubmission) -> Finding:
    finding = examine(submission)
    assert finding is not None
    return finding


def accusation_of(submission: FetchedSubmission, judges: Judges, accuser: str) -> Accusation:
    finding = finding_of(submission)
    document = document_of(
        finding, submission.rules, submission.work.node, commitment_of(submission.work), accuser
    )
    accusation = accuse(finding, document, judges, submission)
    assert accusation is not None
    return accusation


@dataclass
class Disputer:
    """A verifier without network and checks: what it found is given."""

    participant: Participant
    params: TaskParams
    task: bytes
    judges: Judges
    journal: Journal
    accusations: list[Accusation] = field(default_factory=list)
    verdicts: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        demands = DemandFeed(
            self.participant.chain, self.participant.hub, None, self.participant.deployment.first_block
        )
        self.responder = Responder(
            self.participant, self.task, self.params, self.judges, self.journal, demands
        )
        self.jury = self.responder._jury
        self.feed = TrialFeed(self.participant.chain, self.jury, self.participant.deployment.first_block)

    async def balance(self) -> int:
        return await Token(self.participant.chain, self.params.token).balance_of(self.participant.address)

    async def turn(self, finished: bool = False) -> tuple[str, ...]:
        """One look at the chain and everything it calls for; the names of the actions."""
        participant = self.participant
        now, head = await participant.chain.now(), await participant.chain.head()
        await participant.refresh()
        await self.feed.refresh()
        ledger = participant.ledger.tasks[self.task]
        view = View(
            account=participant.address,
            params=self.params,
            now=now,
            block_number=head,
            margin_seconds=4,
            slashed=frozenset(record.node for record in ledger.slashes),
            accusations=tuple(self.accusations),
            disputes=tuple(
                Dispute(
                    record.challenge_id,
                    record.node,
                    record.sequence,
                    record.challenger,
                    record.time,
                    record.status is ChallengeStatus.PENDING,
                )
                for record in ledger.challenges.values()
            ),
            jury=await read_rules(self.jury),
            trials=tuple(self.feed.ledger.trials.values()),
            verdicts=self.verdicts,
            votes=self.journal.votes,
            funds=await self.balance(),
            is_juror=participant.address in self.feed.ledger.jurors,
            finished=finished,
            credit=await participant.hub.credit(self.params.token, participant.address),
            jury_credit=await self.jury.credit(participant.address),
        )
        actions = decide(view)
        for action in actions:
            if not isinstance(action, Stop):
                await self.responder.carry_out(action)
        return tuple(type(action).__name__ for action in actions)


@dataclass
class Court:
    """A started task with committed lies, a disputer and a juror."""

    chain: Chain
    params: TaskParams
    judges: Judges
    submissions: dict[str, FetchedSubmission]
    accuser: Disputer
    juror: Disputer


@asynccontextmanager
async def court(world: Any, folder: Path, lies: tuple[Lie, ...], tokens: int = 1_000) -> AsyncIterator[Court]:
    async with running_chain(folder / "anvil.log") as chain:
        creator = await chain.account(10_000)
        params = await make_task(chain, creator, world.rules.params)
        await creator.refresh()
        (task,) = creator.ledger.tasks
        rules = dataclasses.replace(
            world.rules, chain_id=CHAIN_ID, hub=creator.hub.address, task=task, params=params
        )
        world = dataclasses.replace(world, rules=rules)
        nodes = [await chain.account(STAKE) for _ in lies]
        for node in nodes:
            await node.approve(params.token, node.hub.address, STAKE)
            await node.send("join", node.hub.join(params, node.address, node.address, 8, b""))
        await chain.wait_until(params.start)
        await creator.send("open", creator.hub.open_round(task, 0))
        submissions = {
            lie.__name__: await commit(node, world, lie) for lie, node in zip(lies, nodes, strict=True)
        }
        judges = Judges.among(
            params.judges,
            chain.deployment.objective_judge,
            chain.deployment.jury_judge,
            chain.deployment.data_judge,
        )
        disputers = []
        for name in ("accuser", "juror"):
            participant = await chain.account(tokens)
            journal = Journal(folder / name, task)
            disputers.append(Disputer(participant, params, task, judges, journal))
        yield Court(chain, params, judges, submissions, *disputers)


def test_objective_evidence_convinces_its_judge_and_slashes(world: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with court(world, tmp_path, (*LIES, honest)) as case:
            me = case.accuser.participant
            for lie in LIES:
                submission = case.submissions[lie.__name__]
                accusation = accusation_of(submission, case.judges, me.address)
                assert accusation.judge == case.judges.objective, lie.__name__
                case.accuser.accusations.append(accusation)
                assert await case.accuser.turn() == ("Challenge",)
                member = await me.hub.member_of(case.accuser.task, accusation.node)
                assert (lie.__name__, member.status) == (lie.__name__, MemberStatus.SLASHED)
            assert await case.accuser.turn() == ()
            reward = min(STAKE // 2, 10 * BOND)
            assert await me.hub.credit(case.params.token, me.address) == len(LIES) * (reward + BOND)

    asyncio.run(scenario())


def test_an_error_of_ours_costs_no_bond(world: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with court(world, tmp_path, (honest,)) as case:
            me, submission = case.accuser.participant, case.submissions["honest"]
            assert examine(submission) is None
            judge = ObjectiveJudge(me.chain, str(case.judges.objective))
            twin = Place(0, 7, submission.rollouts[7].problem)
            for kind in FOUND:
                finding = Finding("reward", Reason.WRONG_REWARD, "", 0, objective=kind, chunk=0, twin=twin)
                evidence = objective_evidence(finding, submission)
                commitment = commitment_of(submission.work)
                accusation = Accusation(
                    submission.work.node, commitment, judge.address, evidence, finding.reason
                )
                challenge = accusation.as_challenge(case.accuser.task, case.params, me.address)
                answer = await judge.examine(0, challenge, case.params, commitment, evidence)
                assert answer is Verdict.NOT_GUILTY
                case.accuser.accusations = [accusation]
                assert await case.accuser.turn() == ("Challenge",)
            assert not me.ledger.tasks[case.accuser.task].challenges
            assert [event for event, _ in me.observer.events].count("error") == len(FOUND)  # type: ignore[attr-defined]

    asyncio.run(scenario())


def test_a_jury_from_accusation_to_slash(world: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with court(world, tmp_path, (wrong_root,)) as case:
            me, juror, chain = case.accuser, case.juror, case.chain
            await enlist(juror)
            submission = case.submissions["wrong_root"]
            accusation = accusation_of(submission, case.judges, me.participant.address)
            assert accusation.judge == case.judges.jury
            me.accusations.append(accusation)
            assert await me.turn() == ("Challenge",)
            now = await chain.now()
            assert await me.turn() == ()
            await chain.wait_until(now + 1)
            assert await me.turn() == ("Summon",)
            assert await juror.turn() == ()
            (number,) = juror.participant.ledger.tasks[me.task].challenges
            juror.verdicts[number] = True
            assert await juror.turn() == ("CommitVote",)
            juror.verdicts[number] = False
            assert await juror.turn() == ("RevealVote",)
            # Nobody appeals in the ten seconds after the last vote.
            revealed = await chain.now()
            assert await me.turn() == ()
            await chain.wait_until(revealed + 9)
            assert await me.turn() == ()
            await chain.wait_until(revealed + 10)
            assert await me.turn() == ("CloseTrial",)
            member = await me.participant.hub.member_of(me.task, accusation.node)
            assert member.status == MemberStatus.SLASHED
            assert await me.turn(finished=True) == ("Withdraw",)
            assert await me.turn(finished=True) == ("Stop",)
            assert await juror.turn(finished=True) == ("LeaveJury",)
            assert await juror.turn(finished=True) == ("Stop",)
            told = juror.participant.observer.events  # type: ignore[attr-defined]
            assert ("vote", {"challenge_id": number, "guilty": True}) in told
            origin = Origin.of(me.task, accusation.node, accusation.commitment.round)
            (challenge,) = spans.named("challenge")
            moves = {str(one.attributes["move"]): one.origin for one in spans.named("move")}
            assert challenge.origin == origin
            about = {name for name, found in moves.items() if found == origin}
            assert about == {"Summon", "CommitVote", "RevealVote", "CloseTrial"}
            assert {name for name, found in moves.items() if found is None} == {"Withdraw", "LeaveJury"}
            sent = {str(one.attributes["method"]): one.path for one in spans.named("transaction")}
            assert sent["Hub.challenge"] == "challenge/transaction"
            assert sent["JuryJudge.reveal_vote"] == "move/transaction"

    with recorded_spans() as spans:
        asyncio.run(scenario())


def test_a_juror_that_cannot_confirm_acquits_in_time(world: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with court(world, tmp_path, (wrong_root,), APPEAL_BOND) as case:
            me, juror, chain = case.accuser, case.juror, case.chain
            await enlist(juror)
            submission = case.submissions["wrong_root"]
            me.accusations.append(accusation_of(submission, case.judges, me.participant.address))
            await me.turn()
            opened = await chain.now()
            await chain.wait_until(opened + 1)
            await me.turn()
            await chain.wait_until(opened + JURY.commit_seconds - 5)
            assert await juror.turn() == ()
            await chain.wait_until(opened + JURY.commit_seconds - 4)
            assert await juror.turn() == ("CommitVote",)
            assert await juror.turn() == ("RevealVote",)
            # The accuser does not have the bond of an appeal.
            assert await me.balance() < APPEAL_BOND
            await chain.wait_until(await chain.now() + 10)
            assert await me.turn() == ("CloseTrial",)
            member = await me.participant.hub.member_of(me.task, submission.work.node)
            assert member.status == MemberStatus.ACTIVE
            assert await me.turn() == ()

    asyncio.run(scenario())


def test_an_appeal_turns_a_false_acquittal(world: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with court(world, tmp_path, (wrong_root,)) as case:
            me, juror, chain = case.accuser, case.juror, case.chain
            await enlist(juror)
            submission = case.submissions["wrong_root"]
            me.accusations.append(accusation_of(submission, case.judges, me.participant.address))
            assert await me.turn() == ("Challenge",)
            before = await me.balance()
            await juror.participant.refresh()
            (number,) = juror.participant.ledger.tasks[me.task].challenges
            for verdict in (False, True):
                await chain.wait_until(await chain.now() + 1)
                assert await me.turn() == ("Summon",)
                juror.verdicts[number] = verdict
                assert await juror.turn() == ("CommitVote",)
                assert await juror.turn() == ("RevealVote",)
                if not verdict:
                    assert await me.turn() == ("Appeal",)
                    assert await me.balance() == before - APPEAL_BOND
            assert await me.turn() == ("CloseTrial",)
            member = await me.participant.hub.member_of(me.task, submission.work.node)
            assert member.status == MemberStatus.SLASHED
            assert await me.turn(finished=True) == ("WithdrawBonds",)
            assert await me.balance() == before
            assert await me.turn(finished=True) == ("Withdraw",)
            assert await me.turn(finished=True) == ("Stop",)
            # The only juror lost a penalty for its first vote.
            assert (await juror.jury.juror_of(juror.participant.address)).stake == JUROR_STAKE * 3 // 4
            assert await juror.turn(finished=True) == ("LeaveJury",)
            told = me.participant.observer.events  # type: ignore[attr-defined]
            assert ("appealed", {"challenge_id": number, "round": 1, "bond": str(APPEAL_BOND)}) in told

    asyncio.run(scenario())


async def enlist(juror: Disputer) -> None:
    await juror.participant.approve(juror.params.token, juror.jury.address, JUROR_STAKE)
    await juror.participant.send("register", juror.jury.register(1))
