"""Every way to sign passes one examination on a real chain: this process's key, a node's unlocked account, a process.

What may happen to an external signer comes after it: it refuses, it loses its answer, it is the wrong one.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from eth_account import Account

from cupel.protocol.chain import sending
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Call, checksum, no_result
from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.chain.signing import AnyAccount, RemoteAccount
from cupel.protocol.config import ConfigError
from cupel.protocol.wallet.proof import proof_message

CHAIN_ID = 31337
KEY = Account.from_key(b"\3" * 32)
KINDS = ("key", "unlocked", "process")


def payee(number: int) -> str:
    return checksum("0x" + f"{number:02x}" * 20)


def payment(number: int) -> Call[None]:
    return Call(payee(number), b"", "payment", no_result, value=1)


@contextmanager
def signer_process(rpc_url: str, *options: str) -> Iterator[str]:
    """The URL of a signer with KEY, in a process of its own."""
    command = [sys.executable, "-m", "cupel.protocol.testing.signer_process", rpc_url, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            print(KEY.key.hex(), file=process.stdin, flush=True)
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def chain(start_anvil: Callable[..., Any]) -> Iterator[Any]:
    with start_anvil("--accounts", "1") as running:
        running.fund(KEY.address)
        yield running


@pytest.fixture(scope="module", params=KINDS)
def named(request: pytest.FixtureRequest, chain: Any) -> Iterator[str | None]:
    """What the setting `owner` would say; None for this process's own key."""
    if request.param == "process":
        with signer_process(chain.rpc_url) as url:
            yield url
    else:
        yield chain.rpc_url if request.param == "unlocked" else None


@asynccontextmanager
async def account_of(named: str | None) -> AsyncIterator[AnyAccount]:
    if named is None:
        yield KEY
        return
    async with RemoteAccount(named, CHAIN_ID) as account:
        yield account


def with_client(chain: Any, named: str | None, scene: Callable[[ChainClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with account_of(named) as account, ChainClient(chain.rpc_url, account, CHAIN_ID) as client:
            await scene(client)

    asyncio.run(run())


def test_it_pays_and_the_receipt_is_its_own(chain: Any, named: str | None) -> None:
    async def scene(client: ChainClient) -> None:
        before = await client.balance(payee(0x11))
        receipt = await client.send(payment(0x11))
        told = chain.request("eth_getTransactionByHash", "0x" + receipt.transaction_hash.hex())
        assert checksum(told["from"]) == client.address
        assert await client.balance(payee(0x11)) == before + 1

    with_client(chain, named, scene)


def test_two_at_once_are_two_nonces_and_two_payments(chain: Any, named: str | None) -> None:
    async def scene(client: ChainClient) -> None:
        before = await client.balance(payee(0x22))
        receipts = await asyncio.gather(client.send(payment(0x22)), client.send(payment(0x22)))
        assert len({receipt.transaction_hash for receipt in receipts}) == 2
        assert await client.balance(payee(0x22)) == before + 2

    with_client(chain, named, scene)


def test_what_would_revert_is_not_signed(chain: Any, named: str | None) -> None:
    async def scene(client: ChainClient) -> None:
        count = chain.request("eth_getTransactionCount", client.address, "latest")
        with pytest.raises(Exception, match="UnknownRevert"):
            await client.deploy("nothing", bytes.fromhex("5f5ffd"))
        assert chain.request("eth_getTransactionCount", client.address, "latest") == count

    with_client(chain, named, scene)


def test_a_signer_signs_typed_data_as_its_account(chain: Any, named: str | None) -> None:
    if named is None:
        pytest.skip("this process's own key signs what it computed itself")

    async def scene() -> None:
        async with RemoteAccount(named, CHAIN_ID) as account:
            assert len(await account.sign_typed_data(proof_message(CHAIN_ID, "once"))) == 65

    asyncio.run(scene())


def test_a_refusal_is_one_line_and_nothing_is_sent(chain: Any) -> None:
    async def scene(client: ChainClient) -> None:
        assert isinstance(client.account, RemoteAccount)
        count = chain.request("eth_getTransactionCount", KEY.address, "pending")
        with pytest.raises(ConfigError, match="user rejected"):
            await client.send(payment(0x33))
        with pytest.raises(ConfigError, match="user rejected"):
            await client.account.sign_typed_data(proof_message(CHAIN_ID, "once"))
        assert chain.request("eth_getTransactionCount", KEY.address, "pending") == count

    with signer_process(chain.rpc_url, "--refuse") as url:
        with_client(chain, url, scene)


def test_an_answer_that_is_lost_is_not_paid_twice(
    start_anvil: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "REPLACE_SECONDS", 0.2)

    async def scene(client: ChainClient) -> None:
        with pytest.raises(ChainUnavailable, match="does not answer"):
            await client.send(payment(0x44))
        # Whoever asks again has the same nonce, so the two are one.
        with pytest.raises(ChainUnavailable, match="not mined yet"):
            await client.send(payment(0x44))
        silent.request("evm_mine")
        assert await client.balance(payee(0x44)) == 1
        assert silent.request("eth_getTransactionCount", KEY.address, "pending") == "0x1"

    with start_anvil("--no-mining") as silent:
        silent.fund(KEY.address)
        with signer_process(silent.rpc_url, "--lose-answers", "1") as url:
            with_client(silent, url, scene)


@pytest.mark.parametrize(
    ("suffix", "chain_id", "words"),
    [
        ("#" + KEY.address, CHAIN_ID, "has no account"),
        ("#here", CHAIN_ID, "is not an address"),
        ("", 1, "serves chain 31337, not 1"),
    ],
)
def test_the_wrong_signer_is_told(chain: Any, suffix: str, chain_id: int, words: str) -> None:
    async def scene() -> None:
        async with RemoteAccount(chain.rpc_url + suffix, chain_id):
            raise AssertionError("it must not open")

    with pytest.raises(ConfigError, match=words):
        asyncio.run(scene())


def test_of_several_accounts_one_is_named(start_anvil: Callable[..., Any]) -> None:
    async def scene(url: str, second: str) -> None:
        with pytest.raises(ConfigError, match="has 2 accounts"):
            async with RemoteAccount(url, CHAIN_ID):
                raise AssertionError("it must not open")
        async with RemoteAccount(f"{url}#{second}", CHAIN_ID) as account:
            assert account.address == second

    with start_anvil("--accounts", "2") as many:
        asyncio.run(scene(many.rpc_url, checksum(many.request("eth_accounts")[1])))
