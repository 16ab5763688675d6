"""The chain port over JSON-RPC: reads, signed transactions that are checked to the end, and decoded events."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from eth_abi.exceptions import DecodingError

from cupel.protocol.chain.answers import Block, RawLog, block_of, logs_of, octets, quantity
from cupel.protocol.chain.bindings.errors import KNOWN
from cupel.protocol.chain.contract import Call, Contract, Event, Logged
from cupel.protocol.chain.errors import (
    ChainError,
    ChainUnavailable,
    EndpointsDisagree,
    NoGasMoney,
    TransactionFailed,
    decode_contract_error,
)
from cupel.protocol.chain.rpc import Refusal, Rpc
from cupel.protocol.chain.sending import Sender
from cupel.protocol.chain.signing import AnyAccount
from cupel.protocol.config import ConfigError
from cupel.protocol.spans import note, span
from cupel.protocol.spec.hashing import keccak256

Result = TypeVar("Result")

MINED_SECONDS: Final = 60.0
MAX_LAG_BLOCKS: Final = 16
"""A witness that lags by more is as good as silent: it must not stop who trusts another endpoint more."""


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
    not answer. `witnesses` are further endpoints: asked when the first is silent, and their word is wanted on events.
    """

    def __init__(
        self,
        rpc_url: str,
        account: AnyAccount | None,
        expected_chain_id: int,
        witnesses: Sequence[str] = (),
        max_fee: int | None = None,
    ) -> None:
        """max_fee: the most to pay in wei a gas, None for any price."""
        self.rpc_url = rpc_url
        self.account = account
        self.chain_id = expected_chain_id
        self._endpoints = [Rpc(url) for url in (rpc_url, *witnesses)]
        self._known: set[Rpc] = set()
        """Endpoints that serve this chain."""
        # Through the method of now: whoever wraps it, wraps what the sender asks too.
        ask: Callable[[str, Sequence[Any]], Awaitable[Any]] = lambda *question: self._request(*question)  # noqa: E731
        self._sender = None if account is None else Sender(ask, account, expected_chain_id, max_fee)

    async def __aenter__(self) -> Self:
        try:
            await self._request("eth_blockNumber", [])
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def address(self) -> str:
        """Address that signs."""
        assert self.account is not None, "this client only reads"
        return str(self.account.address)

    async def now(self) -> int:
        """Timestamp of the newest block."""
        return (await self._newest()).timestamp

    async def head(self) -> int:
        """Number of the newest block."""
        return quantity(await self._request("eth_blockNumber", []))

    async def block(self, number: int) -> Block | None:
        """A block's header, None if there is no such block."""
        block = block_of(await self._request("eth_getBlockByNumber", [hex(number), False]))
        if block is not None and block.number != number:
            raise ChainUnavailable(f"{self.rpc_url} answered block {block.number}, not {number}")
        return block

    async def balance(self, address: str) -> int:
        """Native balance in wei."""
        return quantity(await self._request("eth_getBalance", [address, "latest"]))

    async def base_fee(self) -> int:
        """Base fee of the newest block in wei a gas; the next block's is at most an eighth higher."""
        return (await self._newest()).base_fee

    async def code_hash(self, address: str) -> bytes:
        """keccak-256 of a contract's code, as `extcodehash`. ChainError if there is none."""
        code = octets(await self._request("eth_getCode", [address, "latest"]))
        if not code:
            raise ChainError(f"there is no contract at {address}; is the deployment file of this chain?")
        return keccak256(code)

    async def call(self, to: str, data: bytes) -> bytes:
        """What a call returns now. ContractError if it reverts."""
        return octets(await self._request("eth_call", [self._transaction(to, data), "latest"]))

    async def simulate(self, call: Call[Result]) -> Result:
        """What the call would return, sent by this account now. ContractError if it would revert."""
        transaction = self._transaction(call.to, call.data, call.value)
        returned = await self._request("eth_call", [transaction, "latest"])
        return call.decode_result(octets(returned))

    async def estimate(self, call: Call[Any]) -> int:
        """Gas that the call would take now, sent by this account. ContractError if it would revert."""
        transaction = self._transaction(call.to, call.data, call.value)
        return quantity(await self._request("eth_estimateGas", [transaction]))

    async def send(self, call: Call[Any], deadline_seconds: float = MINED_SECONDS) -> Receipt:
        """Sign, send and wait until mined.

        ContractError (the contract's own, where it is known) if it would revert or did; TransactionTimeout if it is
        not mined in time; FeeTooHigh while gas costs more than the cap; NoGasMoney for an account without any.
        """
        return await self._send(call.name, call.to, call.data, call.value, deadline_seconds)

    async def deploy(self, name: str, code: bytes, deadline_seconds: float = MINED_SECONDS) -> str:
        """Deploy creation code (constructor arguments appended); the new contract's address."""
        receipt = await self._send(f"deploy {name}", None, code, 0, deadline_seconds)
        assert receipt.contract_address is not None, "a mined deployment has an address"
        return receipt.contract_address

    async def logs(self, contract: Contract, first_block: int, last_block: int) -> tuple[Logged[Event], ...]:
        """Known events of a contract in a span of blocks, in chain order. EndpointsDisagree."""
        span = {"fromBlock": hex(first_block), "toBlock": hex(last_block)}
        found = await self._agreed_logs(contract, span, last_block)
        if any(not first_block <= log.block_number <= last_block for log in found):
            raise ChainUnavailable(f"{self.rpc_url} answered logs of other blocks than were asked for")
        return _events(found, contract)

    async def logs_in(self, contract: Contract, number: int, block_hash: bytes) -> tuple[Logged[Event], ...]:
        """Known events of a contract in one block. ChainUnavailable if the endpoint does not have that very block.

        Of a span, an endpoint that lags tells less and does not say so.
        """
        found = await self._agreed_logs(contract, {"blockHash": "0x" + block_hash.hex()}, number)
        if any((log.block_number, log.block_hash) != (number, block_hash) for log in found):
            raise ChainUnavailable(f"{self.rpc_url} answered logs of other blocks than were asked for")
        return _events(found, contract)

    def prefer_another(self) -> None:
        """Ask the next endpoint first from now on: this one lags."""
        self._endpoints.append(self._endpoints.pop(0))

    async def _agreed_logs(
        self, contract: Contract, blocks: dict[str, str], last_block: int
    ) -> tuple[RawLog, ...]:
        """Logs as every endpoint tells them that answers and does not lag far behind."""
        asked = [{"address": contract.address, **blocks}]
        found = logs_of(await self._request("eth_getLogs", asked), contract.address)
        for witness in self._endpoints[1:]:
            try:
                if quantity(await self._ask(witness, "eth_blockNumber", [])) + MAX_LAG_BLOCKS < last_block:
                    continue
            except ChainUnavailable:
                continue
            try:
                told = logs_of(await self._ask(witness, "eth_getLogs", asked), contract.address)
                doubt = "" if told == found else f"{len(told)} logs where the other has {len(found)}"
            except (Refusal, ChainUnavailable) as error:
                doubt = str(error)
            if doubt:
                pair = f"{witness.url} does not confirm what {self._endpoints[0].url} tells"
                raise EndpointsDisagree(f"{pair} of block {last_block} ({doubt}); waiting until they agree")
        return found

    async def _send(
        self, name: str, to: str | None, data: bytes, value: int, deadline_seconds: float
    ) -> Receipt:
        assert self._sender is not None, "this client only reads"
        transaction = self._transaction(to, data, value)
        with span("transaction", method=name):
            mined = await self._sender.send(name, transaction, deadline_seconds)
            note(hash="0x" + mined.transaction_hash.hex(), gas=mined.gas_used, block=mined.block_number)
            if not mined.succeeded:
                # The replay tells the contract's reason; if it passes now, the state has changed since.
                with contextlib.suppress(ChainUnavailable):
                    await self._request("eth_call", [transaction, hex(mined.block_number)])
                raise TransactionFailed(name, mined.transaction_hash)
        return Receipt(mined.transaction_hash, mined.gas_used, mined.block_number, mined.contract_address)

    async def _newest(self) -> Block:
        block = block_of(await self._request("eth_getBlockByNumber", ["latest", False]))
        if block is None:
            raise ChainUnavailable(f"{self.rpc_url} knows no newest block")
        return block

    def _transaction(self, to: str | None, data: bytes, value: int = 0) -> dict[str, str]:
        transaction = {"data": "0x" + data.hex(), "value": hex(value)}
        if to is not None:
            transaction["to"] = to
        if self.account is not None:
            transaction["from"] = self.address
        return transaction

    async def _request(self, method: str, parameters: Sequence[Any]) -> Any:
        """One request, to the first endpoint that answers. ChainUnavailable, ContractError, NoGasMoney, Refusal."""
        silent: list[ChainUnavailable] = []
        for endpoint in tuple(self._endpoints):
            try:
                result = await self._ask(endpoint, method, parameters)
            except ChainUnavailable as error:
                silent.append(error)
                continue
            except Refusal as error:
                raise self._meaning(method, error) from error
            while silent and self._endpoints[0] is not endpoint:
                self.prefer_another()
            return result
        raise silent[0]

    async def _ask(self, endpoint: Rpc, method: str, parameters: Sequence[Any]) -> Any:
        """One request to this endpoint. ConfigError if it serves another chain."""
        if endpoint not in self._known:
            found = quantity(await endpoint.request("eth_chainId", []))
            if found != self.chain_id:
                problem = f"{endpoint.url} serves chain {found}, not {self.chain_id}"
                raise ConfigError("chain_id", problem, "Correct chain_id or rpc_url")
            self._known.add(endpoint)
        return await endpoint.request(method, parameters)

    def _meaning(self, method: str, refusal: Refusal) -> Exception:
        """What a refusal is to who asked."""
        data = refusal.data
        if isinstance(data, str) and data.startswith("0x") and method in ("eth_call", "eth_estimateGas"):
            return decode_contract_error(octets(data), KNOWN)
        if "insufficient funds" in refusal.message.lower():
            problem = f"account {self.address} cannot pay for gas"
            return NoGasMoney("keystore", problem, "Send it some of the chain's native coin")
        return refusal

    async def _close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.close()


def _events(logs: Sequence[RawLog], contract: Contract) -> tuple[Logged[Event], ...]:
    told = (_logged(log, contract) for log in logs)
    return tuple(logged for logged in told if logged is not None)


def _logged(log: RawLog, contract: Contract) -> Logged[Event] | None:
    kind = contract.EVENTS.get(log.topics[0]) if log.topics else None
    if kind is None:
        return None
    try:
        event = kind.decode(log.topics, log.data)
    except (ValueError, DecodingError, OverflowError) as error:
        raise ChainUnavailable(f"the endpoint answered a log that is no {kind.__name__}") from error
    return Logged(event, log.address, log.block_number, log.block_hash, log.transaction_hash, log.log_index)
