"""An evidence file in a real browser: read, compared with the chain, and submitted as a challenge that convicts."""

from __future__ import annotations

import dataclasses
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.devnet.deployment import deploy, fund
from cupel.devnet.presets import CANONICAL, DATA, FULL
from cupel.devnet.project import artefacts, project_root
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.jury_judge import JuryJudge
from cupel.protocol.chain.bindings.structs import MemberStatus
from cupel.protocol.chain.bindings.test_token import TestToken as Token
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import checksum
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import HubLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.rollout import PolicyRef
from cupel.protocol.spec.task import Pinned, task_id
from cupel.protocol.testing.browser import (
    NoBrowser,
    accessibility_faults,
    apart,
    chromium,
    opened,
    overflow_pixels,
    photograph,
)
from cupel.protocol.testing.waiting import HANG_SECONDS
from cupel.verifier.audit import examine
from cupel.verifier.dispute.responder import vote_hash
from cupel.verifier.dispute.solver import Vote
from cupel.verifier.evidence import document_of, objective_evidence
from cupel.verifier.exhibit import Exhibit, keep
from cupel.verifier.exhibit_check import Outcome, verify
from cupel.verifier.exhibits import exhibit_of

CUPEL = Path(sysconfig.get_path("scripts")) / "cupel"
AXE = project_root() / "node_modules" / "axe-core" / "axe.min.js"
STAKE, BOND, GENESIS = 10_000, 100, b"\7" * 32
# The chain's clock is the machine's, which may be crowded: who votes must not come too late.
JURY = dataclasses.replace(FULL.jury, commit_seconds=3000, reveal_seconds=3000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        with chromium() as running:
            yield running
    except NoBrowser as missing:
        pytest.skip(str(missing))


@dataclasses.dataclass(frozen=True)
class Case:
    """A lie that a chain has, the file that shows it, and a validator's wallet."""

    deployment: Deployment
    node: str
    task: bytes
    file: Path
    wallet: str
    jury_only: bool


async def lie(anvil: Any, world: Any, folder: Path, by_jury: bool) -> Case:
    """A node joins a task of its own, commits to a wrong reward, and somebody writes that down.

    by_jury: the task has no judge but the jury.
    """
    deployment = await deploy(anvil.rpc_url, 31337, artefacts(project_root()), JURY, DATA, CANONICAL)
    node, wallet = Account.create(), checksum(anvil.request("eth_accounts")[0])
    await fund(anvil.rpc_url, deployment, {node.address: 2 * STAKE, wallet: BOND})
    anvil.request("evm_setAutomine", True)
    async with ChainClient(anvil.rpc_url, node, 31337) as chain:

        async def pinned(address: str) -> Pinned:
            return Pinned(address, await chain.code_hash(address))

        hub, spec = Hub(chain, deployment.hub), world.rules.spec
        judges = (deployment.jury_judge,) if by_jury else (deployment.objective_judge, deployment.jury_judge)
        params = dataclasses.replace(
            world.rules.params,
            creator=node.address,
            token=deployment.token,
            spec_digest=spec.digest,
            genesis_digest=GENESIS,
            start=await chain.now() + 50,
            round_seconds=1000,
            commit_seconds=900,
            challenge_window=500,
            dispute_seconds=JURY.needed_seconds,
            stake=STAKE,
            bond=BOND,
            reward_rule=await pinned(deployment.sorting_reward),
            judges=tuple([await pinned(judge) for judge in judges]),
        )
        task = task_id(31337, hub.address, params)
        await chain.send(Token(chain, deployment.token).approve(hub.address, 2 * STAKE))
        await chain.send(hub.create_task(params, STAKE // params.rate))
        await chain.send(hub.join(params, node.address, node.address, 100, b""))
        anvil.request("evm_increaseTime", 51)
        await chain.send(hub.open_round(task, 0))
        rules = dataclasses.replace(world.rules, hub=hub.address, task=task, params=params)
        own = dataclasses.replace(
            world,
            rules=rules,
            node=node.address,
            beacon=await hub.beacon_of(task, 0),
            round=0,
            sequence=0,
            reference=PolicyRef(0, GENESIS),
        )
        submission = own.submission(own.changed(6, reward=1_000_000))
        work = submission.work
        mined = await chain.send(hub.commit(task, own.beacon, 0, 0, work.root, work.manifest, work.units))
        block = anvil.request("eth_getBlockByNumber", hex(mined.block_number), False)
    submission = dataclasses.replace(
        submission, work=dataclasses.replace(work, time=int(block["timestamp"], 16))
    )
    finding = examine(submission)
    assert finding is not None
    document = document_of(finding, rules, node.address, submission.commitment, wallet)
    exhibit = exhibit_of(document, submission, None, None, objective=objective_evidence(finding, submission))
    return Case(deployment, node.address, task, keep(folder, exhibit.to_bytes()), wallet, by_jury)


@pytest.fixture(params=[False, True], ids=["objective", "jury"])
def served(
    request: pytest.FixtureRequest, browser: Any, start_anvil: Callable[..., Any], world: Any, tmp_path: Path
) -> Iterator[tuple[Any, Case, str]]:
    with start_anvil("--accounts", "1") as anvil:
        try:
            case = apart(lie(anvil, world, tmp_path, request.param))
        except ConfigError as missing:
            pytest.skip(str(missing))
        case.deployment.write(tmp_path / "deployment.json")
        options = ["--rpc-url", anvil.rpc_url, "--deployment", tmp_path / "deployment.json", "--port", "0"]
        with subprocess.Popen(
            [CUPEL, "verifier", "page", *options], stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                yield anvil, case, process.stdout.readline().split("url=")[1].strip()
            finally:
                process.terminate()
                assert process.wait(HANG_SECONDS) == 130


async def vote_guilty(anvil: Any, deployment: Deployment, juror: LocalAccount) -> None:
    """The pool's only juror holds every seat: it is summoned, votes, shows its vote, and the trial is closed."""
    async with ChainClient(anvil.rpc_url, juror, 31337) as chain:
        jury, ledger = JuryJudge(chain, deployment.jury_judge), HubLedger()
        for logged in (await LogCursor(chain, Hub(chain, deployment.hub), 0).advance()).events:
            ledger.apply(logged.event)
        ((record,),) = (task.challenges.values() for task in ledger.tasks.values())
        number, vote = record.challenge_id, Vote(True, b"\5" * 32)
        for call in (
            jury.summon(number),
            jury.commit_vote(number, vote_hash(number, 0, juror.address, vote)),
            jury.reveal_vote(number, vote.guilty, vote.salt),
        ):
            anvil.request("evm_mine")
            await chain.send(call)
        anvil.request("evm_increaseTime", JURY.appeal_seconds + 1)
        anvil.request("evm_mine")
        await chain.send(jury.close(record.challenge))


async def enlist(anvil: Any, deployment: Deployment) -> LocalAccount:
    """A juror with one place."""
    juror: LocalAccount = Account.create()
    await fund(anvil.rpc_url, deployment, {juror.address: JURY.juror_stake})
    anvil.request("evm_setAutomine", True)
    async with ChainClient(anvil.rpc_url, juror, 31337) as chain:
        token, jury = Token(chain, deployment.token), JuryJudge(chain, deployment.jury_judge)
        await chain.send(token.approve(jury.address, JURY.juror_stake))
        await chain.send(jury.register(1))
    return juror


def test_an_evidence_file_becomes_a_challenge_that_convicts(
    browser: Any, served: tuple[Any, Case, str], tmp_path: Path
) -> None:
    anvil, case, url = served
    assert verify(Exhibit.from_bytes(case.file.read_bytes())).outcome is Outcome.CONFIRMED
    by_jury = case.jury_only
    juror = apart(enlist(anvil, case.deployment)) if by_jury else None
    with opened(browser, anvil.rpc_url, case.wallet) as page:
        page.goto(url)
        page.get_by_role("button", name="Connect Test wallet").click()
        damaged = tmp_path / "damaged.evidence"
        damaged.write_bytes(case.file.read_bytes()[:-5000])
        page.set_input_files("#file", damaged)
        page.locator("#told").get_by_text("not an array of bytes").wait_for()
        page.set_input_files("#file", case.file)
        page.get_by_text("8 rollouts; on the chain").wait_for()
        judge = (
            "jury: an HONEST MAJORITY of staked verifiers votes" if by_jury else "objective: the chain itself"
        )
        page.get_by_text(judge).wait_for()
        photograph(page, "challenge-jury" if by_jury else "challenge")
        assert accessibility_faults(page, AXE) == []
        assert overflow_pixels(page) == 0
        page.get_by_role("button", name="Put down the bond and challenge").click()
        if juror is None:
            page.get_by_text("The judge found it guilty").wait_for()
        else:
            page.get_by_text("The judge has it now").wait_for()
            page.locator("#disputes").get_by_text("pending").wait_for()
            photograph(page, "challenge-pending")
            apart(vote_guilty(anvil, case.deployment, juror))
        page.get_by_text("Submitted: the table below").wait_for()
        assert page.locator("#submit").is_disabled()
        page.locator("#disputes").get_by_text("guilty", exact=True).wait_for()
        photograph(page, "challenge-won")

    async def outcome() -> tuple[MemberStatus, int]:
        async with ChainClient(anvil.rpc_url, None, 31337) as chain:
            hub = Hub(chain, case.deployment.hub)
            member = await hub.member_of(case.task, case.node)
            return member.status, await hub.credit(case.deployment.token, case.wallet)

    assert apart(outcome()) == (MemberStatus.SLASHED, BOND + 10 * BOND)
