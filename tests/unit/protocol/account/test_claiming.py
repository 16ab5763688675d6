"""Pay and stake taken home from the real hub by a process that never ran the node."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import DataTerms, JuryTerms, deploy, fund
from cupel.devnet.presets import CANONICAL
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.rpc import LocalRpc
from cupel.protocol.account.claiming import Step, collect
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.test_token import TestToken as Token
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings
from cupel.protocol.spec.task import NOTHING_PINNED, Pinned, task_id
from cupel.protocol.testing.vectors import example_params

JURY = JuryTerms(3, 1, 20, 20, 10, 5, 400)
DATA = DataTerms(answer_seconds=20, close_seconds=10)
STAKE, UNITS = 10_000, 8


async def run(folder: Path) -> dict[str, Any]:
    """A node commits once and asks to leave; then strangers are asked what it can take home, and when."""
    binary, built = find_binary(project_root(), "anvil"), artefacts(project_root())
    account, seen = Account.create(), {}
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(local_chain(binary, 0, folder / "anvil.log"))
        rpc = await stack.enter_async_context(LocalRpc(local.rpc_url))
        deployment = await deploy(local.rpc_url, CHAIN_ID, built, JURY, DATA, CANONICAL)
        deployment.write(folder / "deployment.json")
        await fund(local.rpc_url, deployment, {account.address: 10 * STAKE})
        await rpc.blocks_on_demand()
        chain = await stack.enter_async_context(ChainClient(local.rpc_url, account, CHAIN_ID))
        hub, token = Hub(chain, deployment.hub), Token(chain, deployment.token)

        async def wait_until(time: int) -> None:
            await rpc.request("evm_setNextBlockTimestamp", time)
            await rpc.request("evm_mine")

        params = dataclasses.replace(
            example_params(),
            creator=account.address,
            token=deployment.token,
            start=await chain.now() + 10_000,
            round_seconds=1000,
            commit_seconds=900,
            rounds=1,
            problems_per_round=1,
            group_size=UNITS,
            rate=10,
            challenge_window=500,
            dispute_seconds=JURY.needed_seconds,
            exit_margin=5,
            stake=STAKE,
            bond=100,
            reward_rule=NOTHING_PINNED,
            judges=(Pinned(deployment.jury_judge, await chain.code_hash(deployment.jury_judge)),),
        )
        task = task_id(CHAIN_ID, hub.address, params)
        await chain.send(token.approve(hub.address, 10 * STAKE))
        await chain.send(hub.create_task(params, UNITS))
        await chain.send(hub.join(params, account.address, account.address, UNITS, b""))
        await wait_until(params.start)
        await chain.send(hub.open_round(task, 0))
        beacon = await hub.beacon_of(task, 0)
        await chain.send(hub.commit(task, beacon, 0, 0, b"\1" * 32, b"\2" * 32, UNITS))
        await chain.send(hub.request_exit(task, account.address))

        stranger = Account.create()
        await fund(local.rpc_url, deployment, {stranger.address: 1})
        document = Account.encrypt(stranger.key, "password", kdf="scrypt", iterations=1024)
        (folder / "key.json").write_text(json.dumps(document))
        (folder / "key.password").write_text("password\n")
        settings = Settings(
            rpc_url=local.rpc_url,
            deployment=str(folder / "deployment.json"),
            keystore=str(folder / "key.json"),
            password_file=str(folder / "key.password"),
        )
        seen["early"] = await collect(settings, account.address, dry_run=False)
        await wait_until(params.start + 520)
        before = await token.balance_of(account.address)
        seen["priced"] = await collect(settings, account.address, dry_run=True)
        seen["unchanged"] = await token.balance_of(account.address) == before
        seen["claimed"] = await collect(settings, account.address, dry_run=False)
        await wait_until(params.start + 10_000)
        seen["left"] = await collect(settings, account.address, dry_run=False)
        seen["gained"] = await token.balance_of(account.address) - before
        seen["again"] = await collect(settings, account.address, dry_run=False)
        with pytest.raises(ConfigError, match="never joined"):
            await collect(settings, None, dry_run=False)
    return seen


def actions(steps: list[Step]) -> list[tuple[str, int]]:
    return [(step.action, step.amount) for step in steps]


def test_a_stranger_brings_pay_and_stake_home(tmp_path: Path) -> None:
    seen = asyncio.run(run(tmp_path))
    assert seen["early"] == []
    assert actions(seen["priced"]) == [("claim", 10 * UNITS)]
    assert [step.transaction for step in seen["priced"]] == [""]
    assert seen["priced"][0].gas > 21_000
    assert seen["unchanged"]
    assert actions(seen["claimed"]) == [("claim", 10 * UNITS), ("withdraw", 10 * UNITS)]
    assert actions(seen["left"]) == [("exit", STAKE), ("withdraw", STAKE)]
    assert seen["gained"] == 10 * UNITS + STAKE
    assert seen["again"] == []
