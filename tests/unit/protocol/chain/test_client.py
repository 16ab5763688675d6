"""The client against a real chain with the real token: it sends, waits, reads, and names what contracts refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings import test_token as tokens
from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.bindings.errors import (
    ERC20InsufficientBalance,
    GasBonds_CreditTooSmall,
    Hub_MemberNotActive,
    Hub_TaskUnknown,
)
from cupel.protocol.chain.bindings.structs import MemberStatus
from cupel.protocol.chain.bindings.test_token import Transfer
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Call, no_result
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.errors import (
    ChainError,
    ChainUnavailable,
    ContractError,
    TransactionFailed,
    TransactionTimeout,
    UnknownRevert,
)
from cupel.protocol.config import ConfigError
from cupel.protocol.testing.recorded_spans import recorded_spans

ROOT = Path(__file__).resolve().parents[4]
CHAIN_ID = 31337
ZERO = "0x0000000000000000000000000000000000000000"


def creation_code(name: str) -> bytes:
    artefact = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text())
    return bytes.fromhex(artefact["bytecode"]["object"][2:])


def new_account(anvil: Any) -> LocalAccount:
    account: LocalAccount = Account.create()
    anvil.fund(account.address)
    return account


def with_token(anvil: Any, test: Callable[[ChainClient, tokens.TestToken], Awaitable[None]]) -> None:
    """Run the test with a funded account's client and a token of its own."""

    async def run() -> None:
        async with ChainClient(anvil.rpc_url, new_account(anvil), CHAIN_ID) as client:
            await test(
                client, tokens.TestToken(client, await client.deploy("TestToken", creation_code("TestToken")))
            )

    asyncio.run(run())


def test_a_sent_call_changes_the_state_and_the_log(anvil: Any) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        receipt = await client.send(token.mint(client.address, 500))
        assert await token.balance_of(client.address) == 500
        logs = await client.logs(token, receipt.block_number, await client.head())
        assert [logged.event for logged in logs] == [Transfer(ZERO, client.address, 500)]
        assert logs[0].transaction_hash == receipt.transaction_hash
        block, before = await client.block(receipt.block_number), await client.block(receipt.block_number - 1)
        assert block is not None
        assert before is not None
        assert (logs[0].block_hash, block.parent) == (block.hash, before.hash)
        assert await client.block(receipt.block_number + 1) is None
        assert receipt.gas_used > 21_000

    with_token(anvil, test)


def test_a_transaction_is_a_span_from_its_sending_to_its_receipt(anvil: Any) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        with recorded_spans() as told:
            receipt = await client.send(token.mint(client.address, 500))
            with pytest.raises(ERC20InsufficientBalance):
                await client.send(token.transfer(ZERO[:-1] + "1", 501))
        mined, refused = told.spans
        assert (mined.path, mined.ended, mined.error) == ("transaction", True, "")
        assert mined.attributes == {
            "method": "TestToken.mint",
            "hash": "0x" + receipt.transaction_hash.hex(),
            "gas": receipt.gas_used,
            "block": receipt.block_number,
        }
        assert refused.attributes == {"method": "TestToken.transfer"}
        assert refused.error == "ERC20InsufficientBalance"

    with_token(anvil, test)


def test_a_refusal_is_the_generated_exception(anvil: Any) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        other = Account.create().address
        expected = ERC20InsufficientBalance(client.address, 0, 7)
        for attempt in (client.send, client.simulate):
            with pytest.raises(ERC20InsufficientBalance) as refused:
                await attempt(token.transfer(other, 7))
            assert refused.value == expected
        assert str(expected) == f"ERC20InsufficientBalance(sender={client.address}, balance=0, needed=7)"

    with_token(anvil, test)


def test_coins_go_along_with_a_payable_call(anvil: Any) -> None:
    async def run() -> None:
        async with ChainClient(anvil.rpc_url, new_account(anvil), CHAIN_ID) as client:
            code = creation_code("DataJudge") + DataJudge.constructor(ZERO, 1, 1)
            judge = DataJudge(client, await client.deploy("DataJudge", code))
            await client.simulate(judge.deposit(client.address, value=5))
            assert await judge.credit(client.address) == 0
            await client.send(judge.deposit(client.address, value=5))
            assert await judge.credit(client.address) == await client.balance(judge.address) == 5
            with pytest.raises(GasBonds_CreditTooSmall):
                await client.send(judge.withdraw(6))
            await client.send(judge.withdraw(5))
            assert await client.balance(judge.address) == 0

    asyncio.run(run())


def test_an_error_declared_in_an_interface_has_its_enum(anvil: Any) -> None:
    async def run() -> None:
        async with ChainClient(anvil.rpc_url, new_account(anvil), CHAIN_ID) as client:
            deployed = hub.Hub(client, await client.deploy("Hub", creation_code("Hub")))
            with pytest.raises(Hub_TaskUnknown):
                await client.send(deployed.open_round(b"\1" * 32, 0))
            with pytest.raises(ContractError) as refused:
                await client.send(deployed.commit(b"\1" * 32, b"\4" * 32, 0, 0, b"\2" * 32, b"\3" * 32, 1))
            assert isinstance(refused.value, (Hub_MemberNotActive, Hub_TaskUnknown))
            member = await deployed.member_of(b"\1" * 32, client.address)
            assert member.status is MemberStatus.NONE

    asyncio.run(run())


def test_simultaneous_sends_take_different_nonces(anvil: Any) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        receipts = await asyncio.gather(*(client.send(token.mint(client.address, 1)) for _ in range(5)))
        assert len({receipt.transaction_hash for receipt in receipts}) == 5
        assert await token.balance_of(client.address) == 5

    with_token(anvil, test)


def test_a_mined_revert_is_not_a_success(anvil: Any, start_anvil: Callable[..., Any]) -> None:
    """The estimate passes and the state changes before the transaction is mined: the receipt's status tells."""
    with start_anvil("--no-mining") as own:
        account, thief = new_account(own), new_account(own)

        async def run() -> None:
            async with ChainClient(own.rpc_url, account, CHAIN_ID) as client:
                sending = asyncio.ensure_future(client.deploy("TestToken", creation_code("TestToken")))
                token = tokens.TestToken(client, await mined(own, sending))
                await mined(own, asyncio.ensure_future(client.send(token.mint(client.address, 10))))
                await mined(own, asyncio.ensure_future(client.send(token.approve(thief.address, 10))))
                spending = asyncio.ensure_future(client.send(token.transfer(thief.address, 10)))
                await until_pending(own)
                # A better paid transaction of another account takes the money first, in the same block.
                theft = {
                    "type": 2,
                    "chainId": CHAIN_ID,
                    "nonce": 0,
                    "gas": 200_000,
                    "value": 0,
                    "maxFeePerGas": 10**12,
                    "maxPriorityFeePerGas": 10**11,
                    "to": token.address,
                    "data": token.transfer_from(client.address, thief.address, 10).data,
                }
                raw = bytes(thief.sign_transaction(theft).raw_transaction)
                own.request("eth_sendRawTransaction", "0x" + raw.hex())
                own.request("evm_mine")
                with pytest.raises(ERC20InsufficientBalance) as refused:
                    await spending
                assert refused.value == ERC20InsufficientBalance(client.address, 0, 10)

        asyncio.run(run())


async def until_pending(own: Any) -> None:
    while not own.request("txpool_content")["pending"]:  # noqa: ASYNC110  # the pool tells nobody
        await asyncio.sleep(0.01)


async def mined(own: Any, sending: asyncio.Future[Any]) -> Any:
    await until_pending(own)
    own.request("evm_mine")
    return await sending


def test_a_transaction_that_nobody_mines_times_out(start_anvil: Callable[..., Any]) -> None:
    with start_anvil("--no-mining") as own:

        async def run() -> None:
            async with ChainClient(own.rpc_url, new_account(own), CHAIN_ID) as client:
                with pytest.raises(
                    TransactionTimeout, match=r"deploy TestToken: transaction 0x.* not mined within 0\.3 s"
                ):
                    await client.deploy("TestToken", creation_code("TestToken"), deadline_seconds=0.3)

        asyncio.run(run())


def test_an_answer_lost_after_sending_does_not_lose_the_transaction(
    anvil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        request = client._request

        async def lossy(method: str, parameters: Any) -> Any:
            result = await request(method, parameters)
            if method == "eth_sendRawTransaction":
                raise ChainUnavailable("the answer was lost")
            return result

        monkeypatch.setattr(client, "_request", lossy)
        await client.send(token.mint(client.address, 3))
        assert await token.balance_of(client.address) == 3

    with_token(anvil, test)


def test_an_outage_while_waiting_is_waited_out(anvil: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        request, outages = client._request, iter([True, True])

        async def shaky(method: str, parameters: Any) -> Any:
            if method == "eth_getTransactionReceipt" and next(outages, False):
                raise ChainUnavailable("down")
            return await request(method, parameters)

        monkeypatch.setattr(client, "_request", shaky)
        await client.send(token.mint(client.address, 4))
        assert await token.balance_of(client.address) == 4

    with_token(anvil, test)


def test_an_empty_wallet_is_the_operators_mistake(anvil: Any) -> None:
    async def run() -> None:
        async with ChainClient(anvil.rpc_url, Account.create(), CHAIN_ID) as client:
            with pytest.raises(ConfigError) as refused:
                await client.deploy("TestToken", creation_code("TestToken"))
            assert client.address in str(refused.value)

    asyncio.run(run())


def test_the_wrong_chain_is_refused_on_entry(anvil: Any) -> None:
    async def run() -> None:
        async with ChainClient(anvil.rpc_url, None, 1):
            pass

    with pytest.raises(ConfigError, match="serves chain 31337, not 1"):
        asyncio.run(run())


def test_a_silent_endpoint_is_named() -> None:
    url = "http://127.0.0.1:9"

    async def run() -> None:
        async with ChainClient(url, None, CHAIN_ID):
            pass

    with pytest.raises(ChainUnavailable, match=f"{url} does not answer"):
        asyncio.run(run())


def test_an_address_without_code_is_named(anvil: Any) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        with pytest.raises(ChainError, match="there is no contract at"):
            await client.code_hash(Account.create().address)
        assert len(await client.code_hash(token.address)) == 32

    with_token(anvil, test)


def test_the_cursor_follows_a_real_reorganisation(start_anvil: Callable[..., Any]) -> None:
    with start_anvil() as own:

        async def test(client: ChainClient, token: tokens.TestToken) -> None:
            cursor = LogCursor(client, token, first_block=0)
            await client.send(token.mint(client.address, 1))
            stays = (await cursor.advance()).events
            kept = await client.head()
            await client.send(token.mint(client.address, 2))
            assert [log.event for log in (await cursor.advance()).events] == [
                Transfer(ZERO, client.address, 2)
            ]
            own.request("anvil_rollback", 1)
            await client.send(token.mint(client.address, 3))
            progress = await cursor.advance()
            assert progress.rewound_to == kept == stays[0].block_number
            assert [log.event for log in progress.events] == [Transfer(ZERO, client.address, 3)]
            assert (await cursor.advance()).events == ()

        with_token(own, test)


def test_a_revert_without_data_and_a_failure_without_reason(anvil: Any) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        # INVALID as the only instruction: all gas gone, no data.
        broken = await client.deploy("broken", bytes.fromhex("6001600c60003960016000f3fe"))
        with pytest.raises(ChainError):
            await client.send(Call(broken, b"", "broken", no_result))
        reverting = await client.deploy("reverting", bytes.fromhex("6005600c60003960056000f360006000fd"))
        with pytest.raises(UnknownRevert):
            await client.simulate(Call(reverting, b"", "reverting", no_result))

    with_token(anvil, test)


def test_bindings_refuse_words_of_the_wrong_length(anvil: Any) -> None:
    async def test(client: ChainClient, token: tokens.TestToken) -> None:
        deployed = hub.Hub(client, token.address)
        with pytest.raises(ValueError, match="32 bytes expected, not 31"):
            deployed.open_round(b"\1" * 31, 0)
        with pytest.raises(ValueError, match="not an address"):
            tokens.TestToken(client, "0x12")

    with_token(anvil, test)


def test_failures_name_the_call() -> None:
    assert (
        str(TransactionFailed("Hub.commit", b"\1" * 32)) == f"Hub.commit: transaction 0x{'01' * 32} reverted"
    )
