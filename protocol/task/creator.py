"""The task creator's process: publish, escrow, serve, and refund what nobody earned."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.bindings.errors import Hub_NothingToRefund
from cupel.protocol.chain.games import read_terms
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.chain.version_games import read_version_terms
from cupel.protocol.config import ConfigError
from cupel.protocol.custody import Custody
from cupel.protocol.environments.installed import check_environment
from cupel.protocol.keeping import Share, share_of_creator
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import checkpoint_from_bytes
from cupel.protocol.model.layout import layout_of
from cupel.protocol.observe import Observer
from cupel.protocol.participant import POLL_SECONDS, Participant, participate_as_owner
from cupel.protocol.patience import Patience
from cupel.protocol.reenactment import settles_plan
from cupel.protocol.settings import Settings
from cupel.protocol.spec.environments.base import SORTING, check_fit
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.task import NOTHING_PINNED, Pinned, TaskParams, TaskSpec, check_task, task_id
from cupel.protocol.storage import VersionShelf
from cupel.protocol.task.plan import TaskPlan, load_plan
from cupel.protocol.version_court import aggregate_judge_of, settles_versions


@dataclass(frozen=True, slots=True)
class Creation:
    """What to create, and when."""

    plan: Path
    genesis: Path
    start_in_seconds: int
    wait_for_peers: int
    """Create the task once so many other accounts are reachable."""


async def run_creator(settings: Settings, observer: Observer, creation: Creation) -> int:
    """Create the task and serve it until it is settled; the process's exit code."""
    plan = load_plan(creation.plan)
    async with participate_as_owner(settings, observer) as participant:
        await participant.announce_endpoint()
        while len(participant.ledger.endpoints) <= creation.wait_for_peers or not creation.genesis.exists():
            await asyncio.sleep(POLL_SECONDS)
            await participant.refresh()
        genesis = read_genesis(creation.genesis, plan)
        shelf = VersionShelf(participant.store, Path(settings.data_dir) / "versions")
        params = await create_task(participant, shelf, plan, genesis, creation.start_in_seconds)
        async with custody(participant, shelf, params).running():
            await settle(participant, params)
    observer.emit("done")
    return 0


def read_genesis(path: Path, plan: TaskPlan) -> CanonicalVersion:
    """Version 0 from a checkpoint file. ConfigError if it is none of the plan's model."""
    layout = layout_of(plan.spec.model)
    try:
        return make_version(0, None, checkpoint_from_bytes(path.read_bytes(), layout), layout)
    except OSError as error:
        raise ConfigError("genesis", f"cannot read {path} ({error.strerror})", "Check the path") from None
    except Rejected as rejected:
        remedy = "Make it with the model of the plan"
        raise ConfigError("genesis", f"{path} is no checkpoint ({rejected})", remedy) from None


def custody(participant: Participant, shelf: VersionShelf, params: TaskParams) -> Custody:
    """What keeps a creator's part of its tasks, and serves it."""
    return Custody(participant, shelf, params, partial(_share, participant.address))


async def create_task(
    participant: Participant,
    shelf: VersionShelf,
    plan: TaskPlan,
    genesis: CanonicalVersion,
    start_in_seconds: int,
) -> TaskParams:
    """Store plan and weights, approve, escrow and create. Rejected(TASK_PARAMETERS) for parts that do not fit."""
    deployment, chain = participant.deployment, participant.chain

    async def pinned(address: str) -> Pinned:
        return Pinned(address, await chain.code_hash(address))

    participant.store.put(plan.spec.to_bytes())
    shelf.put(genesis.manifest.to_bytes(), genesis.file)
    sorts = plan.spec.environment == SORTING
    params = plan.params(
        creator=participant.address,
        token=deployment.token,
        genesis_digest=genesis.digest,
        start=await chain.now() + start_in_seconds,
        reward_rule=await pinned(deployment.sorting_reward) if sorts else NOTHING_PINNED,
        judges=tuple(
            [
                await pinned(judge)
                for judge in await judges_of(participant, plan.spec, plan.terms.dispute_seconds)
            ]
        ),
    )
    check_task(params, plan.spec)
    check_fit(params, plan.spec, check_environment(plan.spec.environment))
    await participant.approve(deployment.token, participant.hub.address, plan.bounty)
    await participant.send("create task", participant.hub.create_task(params, plan.units))
    task = task_id(chain.chain_id, participant.hub.address, params)
    participant.observer.emit("task", task="0x" + task.hex(), start=params.start, rounds=params.rounds)
    return params


async def judges_of(participant: Participant, spec: TaskSpec, dispute_seconds: int) -> tuple[str, ...]:
    """Every judge of the deployment that a plan has a use for. ChainUnavailable."""
    deployment = participant.deployment
    always = (deployment.objective_judge, deployment.jury_judge, deployment.data_judge)
    judge = CanonicalJudge(participant.chain, deployment.canonical_judge)
    terms = await read_terms(judge, spec.model.architecture)
    aggregate = await aggregate_judge_of(participant.chain, judge)
    rule = None if aggregate is None else await read_version_terms(aggregate)
    settles = settles_plan(terms, spec, dispute_seconds) and settles_versions(rule, spec, dispute_seconds)
    return (*always, deployment.canonical_judge) if settles else always


def _share(account: str, ledger: TaskLedger, now: int) -> Share | None:
    return share_of_creator(ledger) if ledger.params.creator == account else None


async def settle(participant: Participant, params: TaskParams) -> None:
    """Serve until every stake can be home, then take back the bounty that is left."""
    patience, over = Patience(participant.observer), False
    while not over:
        with patience.attempt():
            over = await _is_over(participant, params)
        await patience.pause()
        await asyncio.sleep(2 * POLL_SECONDS)
    # Where everything was earned nothing is left to take back.
    with contextlib.suppress(Hub_NothingToRefund):
        await participant.send("refund", participant.hub.refund(params))
    await take_home(participant, params)


async def take_home(participant: Participant, params: TaskParams) -> int:
    """Withdraw the creator's credit; how much that was."""
    amount = await participant.hub.credit(params.token, participant.address)
    if amount:
        await participant.send("withdraw", participant.hub.withdraw(params.token, participant.address))
        participant.observer.emit("withdrawn", amount=str(amount))
    return amount


def refundable_at(params: TaskParams) -> int:
    """Chain time from which the hub gives back what nobody reserved."""
    settling = params.challenge_window + params.dispute_seconds + params.exit_margin
    return round_start(params, params.rounds) + settling


async def _is_over(participant: Participant, params: TaskParams) -> bool:
    """Whether the bounty that is left can be taken back."""
    await participant.refresh()
    participant.report_transfers()
    ledger = participant.ledger.tasks.get(
        task_id(participant.chain.chain_id, participant.hub.address, params)
    )
    everyone_left = ledger is not None and all(
        member.exited or ledger.slashed(member.node) for member in ledger.members.values()
    )
    # A member that never exits keeps its reserve; the creator need not wait for it for ever.
    waited = 0 if everyone_left else params.dispute_seconds
    return await participant.chain.now() >= refundable_at(params) + waited
