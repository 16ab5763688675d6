"""Stuck, replaced, swallowed and outbid transactions on a real chain that mines when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.protocol.chain import sending
from cupel.protocol.chain.client import ChainClient, Receipt
from cupel.protocol.chain.contract import Call, no_result
from cupel.protocol.chain.errors import FeeTooHigh, NoGasMoney, TransactionReplaced, TransactionTimeout
from cupel.protocol.chain.fees import GWEI
from cupel.protocol.testing.faulty_rpc import Fault, Faults, faulty_rpc
from cupel.protocol.testing.waiting import eventually

CHAIN_ID = 31337
NOBODY = "0x" + "77" * 20
PAYMENT = Call(NOBODY, b"", "payment", no_result, value=1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "REPLACE_SECONDS", 0.4)
    monkeypatch.setattr(sending, "RECEIPT_POLL_SECONDS", 0.02)


def on_a_chain(
    start_anvil: Callable[..., Any], scene: Callable[[Any, LocalAccount], Awaitable[None]], *options: str
) -> None:
    with start_anvil("--no-mining", *options) as chain:
        account: LocalAccount = Account.create()
        chain.fund(account.address)
        asyncio.run(scene(chain, account))


def client_of(chain: Any, account: LocalAccount, **options: Any) -> ChainClient:
    return ChainClient(chain.rpc_url, account, CHAIN_ID, **options)


def pool(chain: Any, account: LocalAccount) -> dict[int, dict[str, Any]]:
    """What waits in the pool, by nonce."""
    return {
        int(nonce): transaction
        for whose, waiting in chain.request("txpool_content")["pending"].items()
        if whose.lower() == account.address.lower()
        for nonce, transaction in waiting.items()
    }


async def mined(chain: Any, waiting: asyncio.Task[Receipt]) -> Receipt:
    chain.request("evm_mine")
    return await waiting


def test_what_is_stuck_is_sent_again_at_a_higher_fee(start_anvil: Callable[..., Any]) -> None:
    async def scene(chain: Any, account: LocalAccount) -> None:
        async with client_of(chain, account) as client:
            sending_it = asyncio.create_task(client.send(PAYMENT))
            await eventually(lambda: bool(pool(chain, account)))
            first = pool(chain, account)[0]
            await eventually(lambda: pool(chain, account)[0]["hash"] != first["hash"])
            second = pool(chain, account)[0]
            assert list(pool(chain, account)) == [0]
            assert 10 * int(second["maxFeePerGas"], 16) >= 11 * int(first["maxFeePerGas"], 16)
            await mined(chain, sending_it)
            assert await client.balance(NOBODY) == 1

    on_a_chain(start_anvil, scene)


def test_what_a_killed_process_left_in_the_pool_is_outbid(start_anvil: Callable[..., Any]) -> None:
    """It has one nonce with its successor, so both are never mined."""

    async def scene(chain: Any, account: LocalAccount) -> None:
        async with client_of(chain, account) as killed, client_of(chain, account) as client:
            with pytest.raises(TransactionTimeout):
                await killed.send(PAYMENT, deadline_seconds=0.1)
            left = pool(chain, account)[0]
            sending_it = asyncio.create_task(client.send(PAYMENT))
            await eventually(lambda: pool(chain, account)[0]["hash"] != left["hash"])
            receipt = await mined(chain, sending_it)
            assert receipt.transaction_hash != bytes.fromhex(left["hash"][2:])
            assert await client.balance(NOBODY) == 1
            assert pool(chain, account) == {}

    on_a_chain(start_anvil, scene)


def test_what_is_under_way_is_waited_for(start_anvil: Callable[..., Any]) -> None:
    async def scene(chain: Any, account: LocalAccount) -> None:
        async with client_of(chain, account) as earlier, client_of(chain, account) as client:
            with pytest.raises(TransactionTimeout):
                await earlier.send(PAYMENT, deadline_seconds=0.1)
            sending_it = asyncio.create_task(client.send(PAYMENT))
            chain.request("evm_mine")
            await eventually(lambda: list(pool(chain, account)) == [1])
            await mined(chain, sending_it)
            assert await client.balance(NOBODY) == 2

    on_a_chain(start_anvil, scene)


def test_a_nonce_that_somebody_else_used_is_told(start_anvil: Callable[..., Any]) -> None:
    async def scene(chain: Any, account: LocalAccount) -> None:
        async with client_of(chain, account) as client:
            sending_it = asyncio.create_task(client.send(PAYMENT))
            await eventually(lambda: bool(pool(chain, account)))
            other = {"type": 2, "chainId": CHAIN_ID, "nonce": 0, "gas": 21_000, "value": 5, "to": NOBODY}
            fees = {"maxFeePerGas": 10**12, "maxPriorityFeePerGas": 10**11}
            raw = bytes(account.sign_transaction(other | fees).raw_transaction)
            chain.request("eth_sendRawTransaction", "0x" + raw.hex())
            chain.request("evm_mine")
            with pytest.raises(TransactionReplaced, match="took the place"):
                await sending_it
            assert await client.balance(NOBODY) == 5

    on_a_chain(start_anvil, scene)


def test_a_transaction_that_the_endpoint_forgot_is_sent_again(start_anvil: Callable[..., Any]) -> None:
    async def scene(chain: Any, account: LocalAccount) -> None:
        async with (
            faulty_rpc(chain.rpc_url, Faults(1, 1.0, [Fault.SWALLOWED])) as proxy,
            ChainClient(proxy.url, account, CHAIN_ID) as client,
        ):
            sending_it = asyncio.create_task(client.send(PAYMENT))
            await eventually(lambda: proxy.met[Fault.SWALLOWED] > 0)
            assert pool(chain, account) == {}
            proxy.faults = Faults(1, 0.0)
            await eventually(lambda: bool(pool(chain, account)))
            await mined(chain, sending_it)
            assert await client.balance(NOBODY) == 1

    on_a_chain(start_anvil, scene)


def test_a_fee_spike_is_waited_out_and_the_cap_never_passed(start_anvil: Callable[..., Any]) -> None:
    async def scene(chain: Any, account: LocalAccount) -> None:
        async with client_of(chain, account, max_fee=3 * GWEI) as client:
            chain.request("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
            chain.request("evm_mine")
            with pytest.raises(FeeTooHigh, match="max_fee_gwei"):
                await client.send(PAYMENT)
            assert pool(chain, account) == {}
            chain.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            chain.request("evm_mine")
            with pytest.raises(TransactionTimeout):
                await client.send(PAYMENT, deadline_seconds=1.5)
            assert int(pool(chain, account)[0]["maxFeePerGas"], 16) <= 3 * GWEI

    on_a_chain(start_anvil, scene)


def test_an_empty_account_is_named(start_anvil: Callable[..., Any]) -> None:
    async def scene(chain: Any, account: LocalAccount) -> None:
        async with client_of(chain, Account.create()) as client:
            with pytest.raises(NoGasMoney, match="cannot pay for gas"):
                await client.send(PAYMENT)

    on_a_chain(start_anvil, scene)
