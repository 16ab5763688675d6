"""Through an endpoint that fails in every way it can, nothing is told or sent twice, and nothing is lost.

`CUPEL_FAULT_SEED` repeats a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.protocol.chain import rpc, sending
from cupel.protocol.chain.bindings import test_token as tokens
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.errors import (
    ChainUnavailable,
    EndpointsDisagree,
    TransactionFailed,
    TransactionTimeout,
)
from cupel.protocol.config import ConfigError
from cupel.protocol.testing.block_servers import serving, with_body
from cupel.protocol.testing.faulty_rpc import Fault, Faults, faulty_rpc
from cupel.protocol.testing.waiting import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[4]
CHAIN_ID = 31337
ZERO = "0x" + "00" * 20
SEEDS = [int(os.environ["CUPEL_FAULT_SEED"])] if "CUPEL_FAULT_SEED" in os.environ else [1, 2, 3, 4]
MINTS = 6


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "REPLACE_SECONDS", 0.3)
    monkeypatch.setattr(sending, "RECEIPT_POLL_SECONDS", 0.01)
    monkeypatch.setattr(rpc, "RETRY_SECONDS", (0.0, 0.0))


def creation_code(name: str) -> bytes:
    artefact = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text())
    return bytes.fromhex(artefact["bytecode"]["object"][2:])


def new_account(chain: Any) -> LocalAccount:
    account: LocalAccount = Account.create()
    chain.fund(account.address)
    return account


class Follower:
    """Knows of a token what its events say."""

    def __init__(self, client: ChainClient, token: tokens.TestToken) -> None:
        self._cursor = LogCursor(client, token, 0)
        self.events: list[Logged[Event]] = []

    async def look(self) -> bool:
        """Whether the look succeeded."""
        try:
            progress = await self._cursor.advance()
        except ChainUnavailable:
            return False
        if progress.rewound_to is not None:
            self.events = [one for one in self.events if one.block_number <= progress.rewound_to]
        self.events += progress.events
        return True


async def insisting(what: Callable[[], Awaitable[Any]]) -> Any:
    """The result, once there is one."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            try:
                return await what()
            except ChainUnavailable:
                await asyncio.sleep(0)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seeded_campaign(start_anvil: Callable[..., Any], seed: int) -> None:
    """Mints are counted by the chain: what was reported as sent is there once, what was not at most once."""

    async def campaign(chain: Any) -> None:
        draw = random.Random(seed)
        account = new_account(chain)
        async with ChainClient(chain.rpc_url, account, CHAIN_ID) as true:
            token = tokens.TestToken(true, await true.deploy("TestToken", creation_code("TestToken")))
            truth = LogCursor(true, token, 0)
            async with faulty_rpc(chain.rpc_url, Faults(seed)) as proxy:
                client = ChainClient(proxy.url, account, CHAIN_ID)
                await insisting(client.__aenter__)
                follower, sent, unknown = Follower(client, token), list[int](), list[int]()
                for amount in range(1, MINTS + 1):
                    try:
                        await client.send(token.mint(account.address, amount), deadline_seconds=5)
                        sent.append(amount)
                    except (ChainUnavailable, TransactionTimeout, TransactionFailed):
                        unknown.append(amount)
                    await follower.look()
                    if draw.random() < 0.3:
                        # A silent while: the next look is at several blocks.
                        chain.request("anvil_mine", hex(draw.randint(1, 3)))
                proxy.faults = Faults(seed, 0.0)
                assert await follower.look()
                await client.__aexit__(None, None, None)
            told = (await truth.advance()).events
            minted = Counter(one.event.value for one in told if isinstance(one.event, tokens.Transfer))
            assert tuple(follower.events) == told
            assert all(minted[amount] == 1 for amount in sent)
            assert all(minted[amount] <= 1 for amount in unknown)
            assert len(proxy.met) > 3

    with start_anvil() as chain:
        asyncio.run(campaign(chain))


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_reorganisations_behind_a_faulty_endpoint(start_anvil: Callable[..., Any], seed: int) -> None:
    async def campaign(chain: Any) -> None:
        draw = random.Random(seed)
        account = new_account(chain)
        async with ChainClient(chain.rpc_url, account, CHAIN_ID) as true:
            token = tokens.TestToken(true, await true.deploy("TestToken", creation_code("TestToken")))
            home = await true.head()
            async with faulty_rpc(chain.rpc_url, Faults(seed)) as proxy:
                client = ChainClient(proxy.url, None, CHAIN_ID)
                await insisting(client.__aenter__)
                follower = Follower(client, token)
                for amount in range(1, 9):
                    await true.send(token.mint(account.address, amount))
                    await follower.look()
                    depth = draw.randint(1, 3)
                    if draw.random() < 0.5 and await true.head() - depth > home:
                        chain.request("anvil_rollback", depth)
                        await follower.look()
                        for again in range(depth + 1):
                            await true.send(token.mint(account.address, 100 * amount + again))
                proxy.faults = Faults(seed, 0.0)
                assert await follower.look()
                await client.__aexit__(None, None, None)
            assert tuple(follower.events) == (await LogCursor(true, token, 0).advance()).events

    with start_anvil() as chain:
        asyncio.run(campaign(chain))


def pair(
    anvil: Any, faults: Faults, test: Callable[[ChainClient, Any, tokens.TestToken], Awaitable[None]]
) -> None:
    """Run the test with a client whose first endpoint is faulty, and whose witness is not."""

    async def scene() -> None:
        account = new_account(anvil)
        async with (
            faulty_rpc(anvil.rpc_url, Faults(0, 0.0)) as proxy,
            ChainClient(proxy.url, account, CHAIN_ID, [anvil.rpc_url]) as client,
        ):
            token = tokens.TestToken(client, await client.deploy("T", creation_code("TestToken")))
            await client.send(token.mint(account.address, 5))
            proxy.faults = faults
            await test(client, proxy, token)

    asyncio.run(scene())


def test_a_silent_endpoint_is_replaced_by_its_witness(anvil: Any) -> None:
    async def test(client: ChainClient, proxy: Any, token: tokens.TestToken) -> None:
        receipt = await client.send(token.mint(client.address, 2))
        assert receipt.gas_used > 21_000
        met = proxy.met[Fault.DOWN]
        assert await token.balance_of(client.address) == 7
        assert proxy.met[Fault.DOWN] == met == 1

    pair(anvil, Faults(1, 1.0, [Fault.DOWN]), test)


def test_an_event_that_only_one_endpoint_tells_is_not_believed(anvil: Any) -> None:
    async def test(client: ChainClient, proxy: Any, token: tokens.TestToken) -> None:
        follower = LogCursor(client, token, 0)
        with pytest.raises(EndpointsDisagree, match="1 logs where the other has 0"):
            await follower.advance()
        proxy.faults = Faults(1, 0.0)
        (logged,) = (await follower.advance()).events
        assert logged.event == tokens.Transfer(ZERO, client.address, 5)

    pair(anvil, Faults(1, 1.0, [Fault.MISSING_LOGS]), test)


def test_a_witness_of_another_chain_is_a_setting_to_correct(anvil: Any) -> None:
    async def scene() -> None:
        other = with_body(b'{"jsonrpc": "2.0", "id": 0, "result": "0x5"}')
        async with serving(other) as url, ChainClient(anvil.rpc_url, None, CHAIN_ID, [url]) as client:
            token = tokens.TestToken(client, Account.create().address)
            with pytest.raises(ConfigError, match="serves chain 5, not 31337"):
                await client.logs(token, 0, await client.head())

    asyncio.run(scene())
