"""A cold owner behind a signer and a node's hot key: the stake comes from the one and goes home to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from eth_account import Account

from cupel.devnet.deployment import deploy, fund
from cupel.devnet.presets import CANONICAL, DATA, FULL
from cupel.devnet.project import artefacts, project_root
from cupel.node import duties
from cupel.node.errands import Errands
from cupel.node.publishing.seams import Seams
from cupel.protocol.chain.bindings.test_token import TestToken as Token
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.signing import RemoteAccount
from cupel.protocol.config import ConfigError
from cupel.protocol.network import Swarm
from cupel.protocol.participant import Participant
from cupel.protocol.spec.consent import Consent
from cupel.protocol.spec.task import NOTHING_PINNED, Pinned, TaskParams, task_id
from cupel.protocol.storage import BlockStore
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.versions import Versions

CHAIN_ID = 31337
STAKE = 10_000


class NoPeers:
    """A swarm of one."""

    def set_peers(self, endpoints: dict[str, str]) -> None:
        assert not endpoints


class Silent:
    def emit(self, event: str, **fields: Any) -> None:
        pass


async def life(anvil: Any) -> None:
    deployment = await deploy(anvil.rpc_url, CHAIN_ID, artefacts(project_root()), FULL.jury, DATA, CANONICAL)
    hot = Account.create()
    async with (
        RemoteAccount(anvil.rpc_url, CHAIN_ID) as cold,
        ChainClient(anvil.rpc_url, hot, CHAIN_ID) as chain,
        ChainClient(anvil.rpc_url, cold, CHAIN_ID) as owner,
    ):
        await fund(anvil.rpc_url, deployment, {hot.address: 0, cold.address: 3 * STAKE})
        node = Participant(
            chain, deployment, cast("BlockStore", None), cast("Swarm", NoPeers()), Silent(), owner
        )
        token = Token(chain, deployment.token)
        params = replace(
            example_params(),
            creator=cold.address,
            token=deployment.token,
            start=await chain.now() + 1000,
            rounds=1,
            rate=1,
            stake=STAKE,
            reward_rule=NOTHING_PINNED,
            judges=(Pinned(deployment.data_judge, await chain.code_hash(deployment.data_judge)),),
        )
        await node.approve(deployment.token, deployment.hub, params.units_per_round, owner)
        await node.send("create", node.hub.create_task(params, params.units_per_round), owner)
        task = task_id(CHAIN_ID, deployment.hub, params)
        await node.refresh()
        errands = Errands(node, lambda: node.ledger.tasks[task], cast("Versions", None), Seams())

        await errands.carry_out(duties.Join(params.units_per_round))
        await node.refresh()
        member = node.ledger.tasks[task].members[hot.address]
        assert (member.owner, member.payout) == (cold.address, cold.address)
        assert await token.balance_of(cold.address) == 2 * STAKE - params.units_per_round
        consent = Consent(
            CHAIN_ID, deployment.hub, task, hot.address, cold.address, cold.address, params.units_per_round
        )
        told = await node.hub.join_digest(task, hot.address, cold.address, cold.address, consent.quota)
        assert consent.digest == told

        await leave(anvil, node, errands, params, task)
        assert await token.balance_of(cold.address) == 3 * STAKE - params.units_per_round
        assert await token.balance_of(hot.address) == 0


async def leave(anvil: Any, node: Participant, errands: Errands, params: TaskParams, task: bytes) -> None:
    """From the request to the stake's return, as much later as the task's terms ask."""
    await errands.carry_out(duties.RequestExit())
    patience = params.challenge_window + params.dispute_seconds + params.exit_margin
    anvil.request("evm_increaseTime", patience + 1)
    anvil.request("evm_mine")
    await errands.carry_out(duties.Exit())
    await node.refresh()
    await errands.carry_out(duties.Withdraw())


def test_an_owner_stakes_for_a_node_and_has_its_stake_back(start_anvil: Callable[..., Any]) -> None:
    with start_anvil("--accounts", "1") as anvil:
        try:
            asyncio.run(life(anvil))
        except ConfigError as missing:
            if missing.key != "contracts":
                raise
            pytest.skip(str(missing))
