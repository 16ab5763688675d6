"""Asking the chain: fee, balances, and what it estimates of the steps that can be tried now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cupel.protocol.account.reading import read_hub
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.jury_judge import JuryJudge
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Call
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import ContractError
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.chain.signing import AnyAccount, RemoteAccount
from cupel.protocol.keys import load_account
from cupel.protocol.pricing.steps import Bill, Step, creator_steps, node_steps, verifier_steps
from cupel.protocol.settings import Settings
from cupel.protocol.spec.task import TaskParams
from cupel.protocol.task.plan import load_plan

MakeSteps = Callable[[ChainClient, Deployment], Awaitable[tuple[tuple[Step, ...], str]]]
"""The steps, and the token that they take."""


async def creator_bill(settings: Settings, plan: Path) -> Bill:
    """What `cupel task run` would send. ConfigError, ChainUnavailable."""
    loaded = load_plan(plan)

    async def steps(chain: ChainClient, deployment: Deployment) -> tuple[tuple[Step, ...], str]:
        return creator_steps(loaded), deployment.token

    return await _bill(settings, steps, loaded.bounty, has_owner=True, owner_signs=True)


async def node_bill(settings: Settings) -> Bill:
    """What `cupel node run` would send for the task that the settings name. ConfigError, ChainUnavailable."""
    params, now = await _task(settings)

    async def steps(chain: ChainClient, deployment: Deployment) -> tuple[tuple[Step, ...], str]:
        return node_steps(params, now, bool(settings.owner)), params.token

    return await _bill(settings, steps, params.stake, has_owner=True, owner_signs=False)


async def verifier_bill(settings: Settings, places: int) -> Bill:
    """What `cupel verifier run` would send to begin with, and for one lie. ConfigError, ChainUnavailable."""
    params, _ = await _task(settings)

    async def steps(chain: ChainClient, deployment: Deployment) -> tuple[tuple[Step, ...], str]:
        has_jury = deployment.jury_judge in {judge.code for judge in params.judges}
        stake = await JuryJudge(chain, deployment.jury_judge).juror_stake() if has_jury else 0
        return verifier_steps(params, places if has_jury else 0, stake), params.token

    return await _bill(settings, steps, params.bond, has_owner=False, owner_signs=False)


async def _task(settings: Settings) -> tuple[TaskParams, int]:
    reading = await read_hub(settings)
    return reading.task(settings.task).params, reading.now


async def _bill(
    settings: Settings, make: MakeSteps, approved: int, has_owner: bool, owner_signs: bool
) -> Bill:
    deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
    async with AsyncExitStack() as stack:
        owner = None
        if settings.owner and has_owner:
            owner = await stack.enter_async_context(RemoteAccount(settings.owner, settings.chain_id))
        account: AnyAccount = owner if owner is not None and owner_signs else load_account(settings)
        chain = await stack.enter_async_context(chain_of(settings, account))
        await chain.code_hash(deployment.hub)
        steps, token = await make(chain, deployment)
        hub, erc20 = Hub(chain, deployment.hub), TestToken(chain, token)
        # An address as long as most: its text is what costs.
        tried: dict[str, Call[Any]] = {
            "approve": erc20.approve(deployment.hub, approved),
            "set endpoint": hub.set_endpoint("x" * 150),
        }
        told = []
        for step in steps:
            if step.action in tried:
                with suppress(ContractError):  # what was measured stays then
                    step = replace(step, gas=await chain.estimate(tried[step.action]), estimated=True)
            told.append(step)
        return Bill(
            chain.address,
            tuple(told),
            await chain.base_fee(),
            await chain.balance(chain.address),
            await erc20.balance_of(chain.address if owner is None else owner.address),
        )
    raise AssertionError("the block above returns or raises")
