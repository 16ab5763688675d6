"""The chain port over JSON-RPC: reads, signed transactions that are checked to the end, and decoded events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp
from eth_account.signers.local import LocalAccount
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import Web3Exception

from cupel.protocol.chain.bindings.errors import KNOWN
from cupel.protocol.chain.contract import Call, Contract, Event, Logged, checksum
from cupel.protocol.chain.errors import (
    ChainError,
    ChainUnavailable,
    TransactionFailed,
    TransactionTimeout,
    decode_contract_error,
)
from cupel.protocol.config import ConfigError

Result = TypeVar("Result")

# State may change between estimate and inclusion: a first use of a storage slot costs 22,100 gas more.
GAS_MARGIN_NUMERATOR: Final = 13
GAS_MARGIN_DENOMINATOR: Final = 10
RECEIPT_POLL_SECONDS: Final = 0.2
REQUEST_SECONDS: Final = 15.0
MINED_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that was mined and did not revert."""

    transaction_hash: bytes
    gas_used: int
    block_number: int
    contract_address: str | None


class ChainClient:
    """One account's access to one chain. Use as an async context manager.

    ConfigError on entry if the endpoint serves another chain than `expected_chain_id`; ChainUnavailable if it does
    not answer.
    """

    def __init__(self, rpc_url: str, account: LocalAccount | None, expected_chain_id: int) -> None:
        self.rpc_url = rpc_url
        self.account = account
        self.chain_id = expected_chain_id
        self._provider = AsyncHTTPProvider(
            rpc_url, request_kwargs={"timeout": aiohttp.ClientTimeout(total=REQUEST_SECONDS)}
        )
        self._web3 = AsyncWeb3(self._provider)
        self._sending = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            found = await self._request("eth_chainId", [])
        except BaseException:
            await self._provider.disconnect()
            raise
        if int(found, 16) != self.chain_id:
            await self._provider.disconnect()
            problem = f"{self.rpc_url} serves chain {int(found, 16)}, not {self.chain_id}"
            raise ConfigError("chain_id", problem, "Correct chain_id or rpc_url")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._provider.disconnect()

    @property
    def address(self) -> str:
        """Address that signs."""
        assert self.account is not None, "this client only reads"
        return str(self.account.address)

    async def now(self) -> int:
        """Timestamp of the newest block."""
        return int((await self._request("eth_getBlockByNumber", ["latest", False]))["timestamp"], 16)

    async def head(self) -> int:
        """Number of the newest block."""
        return int(await self._request("eth_blockNumber", []), 16)

    async def block_hash(self, number: int) -> bytes | None:
        """Hash of a block, None if there is no such block."""
        block = await self._request("eth_getBlockByNumber", [hex(number), False])
        return None if block is None else bytes.fromhex(block["hash"][2:])

    async def balance(self, address: str) -> int:
        """Native balance in wei."""
        return int(await self._request("eth_getBalance", [address, "latest"]), 16)

    async def base_fee(self) -> int:
        """Base fee of the newest block in wei a gas; the next block's is at most an eighth higher."""
        return int((await self._request("eth_getBlockByNumber", ["latest", False]))["baseFeePerGas"], 16)

    async def code_hash(self, address: str) -> bytes:
        """keccak-256 of a contract's code, as `extcodehash`. ChainError if there is none."""
        code = bytes.fromhex((await self._request("eth_getCode", [address, "latest"]))[2:])
        if not code:
            raise ChainError(f"there is no contract at {address}; is the deployment file of this chain?")
        return bytes(self._web3.keccak(code))

    async def call(self, to: str, data: bytes) -> bytes:
        """What a call returns now. ContractError if it reverts."""
        return bytes.fromhex((await self._request("eth_call", [self._transaction(to, data), "latest"]))[2:])

    async def simulate(self, call: Call[Result]) -> Result:
        """What the call would return, sent by this account now. ContractError if it would revert."""
        transaction = self._transaction(call.to, call.data, call.value)
        returned = await self._request("eth_call", [transaction, "latest"])
        return call.decode_result(bytes.fromhex(returned[2:]))

    async def estimate(self, call: Call[Any]) -> int:
        """Gas that the call would take now, sent by this account. ContractError if it would revert."""
        transaction = self._transaction(call.to, call.data, call.value)
        return int(await self._request("eth_estimateGas", [transaction]), 16)

    async def send(self, call: Call[Any], deadline_seconds: float = MINED_SECONDS) -> Receipt:
        """Sign, send and wait until mined.

        ContractError (the contract's own, where it is known) if it would revert or did; TransactionTimeout if it is
        not mined in time; ConfigError for an account without gas money.
        """
        return await self._send(call.name, call.to, call.data, call.value, deadline_seconds)

    async def deploy(self, name: str, code: bytes, deadline_seconds: float = MINED_SECONDS) -> str:
        """Deploy creation code (constructor arguments appended); the new contract's address."""
        receipt = await self._send(f"deploy {name}", None, code, 0, deadline_seconds)
        assert receipt.contract_address is not None, "a mined deployment has an address"
        return receipt.contract_address

    async def logs(self, contract: Contract, first_block: int, last_block: int) -> tuple[Logged[Event], ...]:
        """Known events of a contract in a span of blocks, in chain order."""
        entries = await self._request(
            "eth_getLogs",
            [{"address": contract.address, "fromBlock": hex(first_block), "toBlock": hex(last_block)}],
        )
        return tuple(logged for entry in entries if (logged := _logged(entry, contract)) is not None)

    async def _send(
        self, name: str, to: str | None, data: bytes, value: int, deadline_seconds: float
    ) -> Receipt:
        assert self.account is not None, "this client only reads"
        transaction = self._transaction(to, data, value)
        # One at a time, so that two tasks of this process never take the same nonce.
        async with self._sending:
            gas = int(await self._request("eth_estimateGas", [transaction]), 16)
            signed = self.account.sign_transaction(await self._complete(transaction, gas))
            transaction_hash = bytes(signed.hash)
            await self._submit(bytes(signed.raw_transaction), transaction_hash)
            receipt = await self._receipt(name, transaction_hash, deadline_seconds)
        if int(receipt["status"], 16) != 1:
            # The replay tells the contract's reason; if it passes now, the state has changed since.
            await self._request("eth_call", [transaction, receipt["blockNumber"]])
            raise TransactionFailed(name, transaction_hash)
        address = receipt.get("contractAddress")
        return Receipt(
            transaction_hash,
            int(receipt["gasUsed"], 16),
            int(receipt["blockNumber"], 16),
            None if address is None else checksum(address),
        )

    async def _submit(self, raw: bytes, transaction_hash: bytes) -> None:
        try:
            await self._request("eth_sendRawTransaction", ["0x" + raw.hex()])
        except ChainError:
            # The transaction may have arrived although the answer did not, and a second one is refused as known.
            if await self._request("eth_getTransactionByHash", ["0x" + transaction_hash.hex()]) is None:
                raise

    async def _complete(self, transaction: dict[str, str], gas: int) -> dict[str, Any]:
        block = await self._request("eth_getBlockByNumber", ["latest", False])
        nonce = int(await self._request("eth_getTransactionCount", [self.address, "pending"]), 16)
        tip = 10**9
        complete: dict[str, Any] = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": nonce,
            "gas": gas * GAS_MARGIN_NUMERATOR // GAS_MARGIN_DENOMINATOR,
            "maxFeePerGas": 2 * int(block["baseFeePerGas"], 16) + tip,
            "maxPriorityFeePerGas": tip,
            "value": int(transaction["value"], 16),
            "data": transaction["data"],
        }
        if "to" in transaction:
            complete["to"] = transaction["to"]
        return complete

    async def _receipt(self, name: str, transaction_hash: bytes, deadline_seconds: float) -> Any:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_seconds
        while True:
            # An outage now must not hide what became of a transaction that is out.
            with contextlib.suppress(ChainUnavailable):
                receipt = await self._request("eth_getTransactionReceipt", ["0x" + transaction_hash.hex()])
                if receipt is not None:
                    return receipt
            if loop.time() >= deadline:
                raise TransactionTimeout(name, transaction_hash, deadline_seconds)
            await asyncio.sleep(RECEIPT_POLL_SECONDS)

    def _transaction(self, to: str | None, data: bytes, value: int = 0) -> dict[str, str]:
        transaction = {"data": "0x" + data.hex(), "value": hex(value)}
        if to is not None:
            transaction["to"] = to
        if self.account is not None:
            transaction["from"] = self.address
        return transaction

    async def _request(self, method: str, parameters: Sequence[Any]) -> Any:
        """One JSON-RPC request. ChainUnavailable, ContractError, ConfigError (no gas money) or ChainError."""
        try:
            response = await self._provider.make_request(method, list(parameters))
        except (aiohttp.ClientError, OSError, TimeoutError, Web3Exception, ValueError) as error:
            problem = f"{self.rpc_url} does not answer ({type(error).__name__})"
            raise ChainUnavailable(f"{problem}; start the chain or correct rpc_url") from error
        if "error" in response:
            raise self._error(method, response["error"])
        return response.get("result")

    def _error(self, method: str, error: Any) -> Exception:
        message, data = str(error.get("message", error)), error.get("data")
        if isinstance(data, str) and data.startswith("0x") and method in ("eth_call", "eth_estimateGas"):
            return decode_contract_error(bytes.fromhex(data[2:]), KNOWN)
        if "insufficient funds" in message.lower():
            problem = f"account {self.address} cannot pay for gas"
            return ConfigError("keystore", problem, "Send it some of the chain's native coin")
        return ChainError(f"{method}: {message}")


def _logged(entry: Any, contract: Contract) -> Logged[Event] | None:
    topics = [bytes.fromhex(topic[2:]) for topic in entry["topics"]]
    kind = contract.EVENTS.get(topics[0]) if topics else None
    if kind is None:
        return None
    return Logged(
        kind.decode(topics, bytes.fromhex(entry["data"][2:])),
        checksum(entry["address"]),
        int(entry["blockNumber"], 16),
        bytes.fromhex(entry["blockHash"][2:]),
        bytes.fromhex(entry["transactionHash"][2:]),
        int(entry["logIndex"], 16),
    )
